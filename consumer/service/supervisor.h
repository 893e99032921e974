// Runs a pipeline for as long as the service lives: starts it, waits after a fault, starts it
// again.
//
// The table error kind -> reaction stands in supervisor.cpp and nowhere else.
#pragma once

#include "base/stop_request.h"
#include "config/config.h"

namespace walpack {

// Returns when a stop was requested. Throws the Error that needs a human.
void supervise(const Config& config, const StopRequest& stop);

}  // namespace walpack
