// `walpack run`: the service.
#pragma once

#include "cli/command.h"

namespace walpack {

// Returns after a signal asked for a stop; throws the Error that needs a human.
int run_service(const Invocation& invocation);

}  // namespace walpack
