// Preflight of the plugin: will the source load the library walpack?
//
// Tried out, since only that is certain: a temporary slot is made and goes with its session. The
// server loads the plugin first and then waits for transactions that write; that wait is cut short.
#pragma once

#include <string>
#include <vector>

#include "base/stop_request.h"
#include "cli/preflight.h"
#include "config/config.h"
#include "pg/connection.h"

namespace walpack {

// Needs the right to replicate and a free slot.
void check_plugin(Connection& source, const Config& config, const StopRequest& stop,
                  Preflight& preflight);

// What to paste so that the server loads walpack too. `present` is the setting's value; nullopt
// when it is hidden from the role. `in_use` are plugins of existing slots, which must stay in the
// list.
std::string plugin_libraries_fix(const std::optional<std::string>& present,
                                 const std::vector<std::string>& in_use);

}  // namespace walpack
