// argv -> sub-command -> exit code. The only place that knows CLI11.
#pragma once

namespace walpack {

// Throws Error(config) when the command line is wrong, and whatever the command throws.
int run_command_line(int argc, const char* const* argv);

}  // namespace walpack
