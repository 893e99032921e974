// `walpack status`: where a pipeline stands, on one screen or as JSON.
//
// Asks both ends with ordinary SQL, so it works while run is running and when it is not.
#pragma once

#include "cli/command.h"

namespace walpack {

// 0 when both ends answered and the pipeline is set up and whole, else 1.
int run_status(const Invocation& invocation);

}  // namespace walpack
