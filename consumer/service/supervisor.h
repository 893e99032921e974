// Runs a pipeline for as long as the service lives: the source's stream, the log and the targets,
// each of which starts again by itself after a fault.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "base/stop_request.h"
#include "config/config.h"
#include "copy/copy_progress.h"

namespace walpack {

struct ServiceOptions {
    // One for each target; what is not a target's own is the same in all of them.
    std::vector<Config> targets;
    // Set by whoever wants the targets to be as `reload` says: new ones begin, those that are gone
    // end, and those whose settings are others start again. What is not a target's own stays.
    std::atomic<bool>& is_reload_requested;
    std::function<std::vector<Config>()> reload;
    // If it is not empty and there is one target: told how far the initial copy is, in place of the
    // log.
    OnCopyProgress on_copy;
};

// Returns when a stop was requested. Throws the Error that needs a human.
void supervise(ServiceOptions options, const StopRequest& stop);

}  // namespace walpack
