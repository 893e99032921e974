// The input of `walpack inspect`: standard input, or the file that is named.
#pragma once

#include "cli/command.h"

namespace walpack {

// Throws Error(config) when the file cannot be read, else what run_inspect() throws.
int inspect_input(const Invocation& invocation);

}  // namespace walpack
