// The help texts, built from the table of commands and the table of configuration keys.
#pragma once

#include <string>

#include "cli/command.h"

namespace walpack {

// `walpack --help`: what there is.
std::string overview_help();

// `walpack run --help`, the same as `walpack help run`.
std::string command_help(const Command& command);

}  // namespace walpack
