// Runs a pipeline for as long as the service lives: starts it, waits after a fault, starts it
// again.
//
// The table error kind -> reaction stands in supervisor.cpp and nowhere else.
#pragma once

#include "base/stop_request.h"
#include "config/config.h"
#include "copy/copy_progress.h"

namespace walpack {

// Returns when a stop was requested. Throws the Error that needs a human. `on_copy`, if it is not
// empty, is told how far the initial copy is, in place of the log.
void supervise(const Config& config, const StopRequest& stop, const OnCopyProgress& on_copy);

}  // namespace walpack
