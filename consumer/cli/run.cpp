#include "cli/run.h"

#include <string>

#include "base/log.h"
#include "base/stop_request.h"
#include "cli/copy_view.h"
#include "cli/signal_watch.h"
#include "config/config.h"
#include "service/supervisor.h"

namespace walpack {
namespace {

void log_configuration(const Config& config) {
    std::string text = describe(config);
    std::size_t start = 0;
    while (start < text.size()) {
        const std::size_t end = text.find('\n', start);
        log::info("configuration: {}", text.substr(start, end - start));
        start = end + 1;
    }
}

}  // namespace

int run_service(const Invocation& invocation) {
    const Config config = load_config(invocation.config_path, invocation.flags);
    log::set_level(config.log_level);
    log::info("walpack " WALPACK_VERSION " starts pipeline \"{}\"", config.pipeline);
    log_configuration(config);
    StopRequest stop;
    const SignalWatch watch(stop);
    supervise(config, stop, copy_view());
    return kExitDone;
}

}  // namespace walpack
