// Is the source shutting down?
//
// Its walsenders wait until all they have sent is confirmed, which takes as long as the target is
// behind, and they say nothing of it; only a new session is told. So whoever is behind asks now and
// then, and leaves: what is not confirmed is sent again after the restart.
#pragma once

#include <string>

#include "base/stop_request.h"
#include "pg/conninfo.h"

namespace walpack {

// Opens a session for the answer; takes at most a second. False when anything else is the matter.
// Throws Error(cancelled) on stop.
bool is_shutting_down(const Conninfo& source, const StopRequest& stop,
                      const std::string& application_name);

}  // namespace walpack
