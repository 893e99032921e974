// `walpack check`: the checks of init, and nothing else.
#pragma once

#include "cli/command.h"

namespace walpack {

// 0 when init and run would find everything in order, else 1. Changes nothing.
int run_check(const Invocation& invocation);

}  // namespace walpack
