// `walpack diff`: how the published tables, and what they need, differ between both ends.
#pragma once

#include "cli/command.h"

namespace walpack {

// Prints a line for each difference. 0 when there is none, else 1. Changes nothing.
int run_diff(const Invocation& invocation);

}  // namespace walpack
