#include "cli/run.h"

#include <atomic>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/stop_request.h"
#include "cli/copy_view.h"
#include "cli/signal_watch.h"
#include "config/config.h"
#include "service/supervisor.h"

namespace walpack {
namespace {

void log_configuration(const Config& config, const std::string& whose) {
    std::string text = describe(config);
    std::size_t start = 0;
    while (start < text.size()) {
        const std::size_t end = text.find('\n', start);
        log::info("configuration{}: {}", whose, text.substr(start, end - start));
        start = end + 1;
    }
}

// The slot would be confirmed by that one alone, and what the others lack would be gone.
void require_all_targets(const Config& config) {
    if (config.only_target.empty()) return;
    throw Error(ErrorKind::config, "only_target is for commands; \"walpack run\" applies to all")
        .hint(
            "Leave it out. To give a target up, \"walpack drop --only-target NAME\" and take its "
            "entry out of the file.");
}

}  // namespace

int run_service(const Invocation& invocation) {
    const auto load = [&invocation] {
        std::vector<Config> configs = load_configs(invocation.config_path, invocation.flags);
        require_all_targets(configs.front());
        return configs;
    };
    const std::vector<Config> targets = load();
    const Config& config = targets.front();
    log::set_level(config.log_level);
    log::info("walpack " WALPACK_VERSION " starts pipeline \"{}\"", config.pipeline);
    for (const Config& target : targets)
        log_configuration(target, targets.size() == 1 ? "" : " of " + target.target_name);
    StopRequest stop;
    std::atomic<bool> is_reload_requested{false};
    const SignalWatch watch(stop, is_reload_requested);
    supervise({targets, is_reload_requested, load, copy_view()}, stop);
    return kExitDone;
}

}  // namespace walpack
