#include "service/supervisor.h"

#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "log/ordered_log.h"
#include "service/back_off.h"
#include "service/confirmation.h"
#include "service/source_stream.h"
#include "service/target_feed.h"
#include "service/target_supervisor.h"

namespace walpack {
namespace {

// Tells systemd (when it started us) that the service does its work; harmless elsewhere.
void notify_systemd(const std::string& state) {
    sd_notify(0, fmt::format("READY=1\nSTATUS={}", state).c_str());
}

// nullopt when a stop was requested before the source answered.
std::optional<std::uint64_t> wait_for_source(const Config& config, const StopRequest& stop) {
    BackOff back_off(config.retry_delay_min, config.retry_delay_max);
    while (!stop.requested()) {
        try {
            return read_system_identifier(config, stop);
        } catch (const Error& error) {
            if (reaction_to(error.kind()) == Reaction::finish) break;
            if (reaction_to(error.kind()) == Reaction::stop) throw;
            const auto delay = back_off.next();
            log::warning("{}; trying again in {} ms", error.report(), delay.count());
            sd_notify(0, fmt::format("STATUS=waiting: {}", error.message()).c_str());
            wait_for(delay, stop);
        }
    }
    return std::nullopt;
}

OrderedLogOptions log_options(const Config& config) {
    OrderedLogOptions options;
    options.directory = config.log_directory;
    options.memory_bytes_max = config.log_memory_max;
    options.disk_bytes_max = config.log_bytes_max;
    return options;
}

ConfirmPolicy confirm_policy(const Config& config) {
    return {config.confirm == "logged", config.wal_budget};
}

// Runs the source's stream in a thread of its own; leaving the scope ends it.
class SourceThread {
  public:
    SourceThread(SourceStream& source, Confirmation& confirmation, StopRequest& stop)
        : stop_(stop), thread_([&source, &confirmation] { source.run(confirmation); }) {}
    ~SourceThread() { stop_.request(); }
    SourceThread(const SourceThread&) = delete;
    SourceThread& operator=(const SourceThread&) = delete;

  private:
    StopRequest& stop_;
    std::jthread thread_;  // joined after the stop request
};

void run_pipeline(const Config& config, std::uint64_t system_identifier, const StopRequest& stop,
                  const OnCopyProgress& on_copy) {
    OrderedLog log(log_options(config), {config.pipeline, config.slot, system_identifier});
    // It goes on until the target has finished the transaction in hand.
    StopRequest source_stop;
    SourceStream source(config, system_identifier, log, source_stop, notify_systemd);
    Confirmation confirmation(confirm_policy(config), log, 1,
                              [&source](Lsn lsn) { source.receiver().confirm(lsn); });
    const auto reader = log.add_reader(log.state().from);
    TargetFeed feed{source, log, *reader, confirmation, 0, system_identifier, true};
    const SourceThread thread(source, confirmation, source_stop);
    TargetSupervisor(config, feed, stop, notify_systemd, on_copy).run();
}

}  // namespace

void supervise(const Config& config, const StopRequest& stop, const OnCopyProgress& on_copy) {
    if (const auto system_identifier = wait_for_source(config, stop))
        run_pipeline(config, *system_identifier, stop, on_copy);
    sd_notify(0, "STOPPING=1");
    log::info("the service has stopped");
}

}  // namespace walpack
