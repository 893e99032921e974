#include "service/supervisor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/text.h"
#include "config/target_keys.h"
#include "log/ordered_log.h"
#include "pg/conninfo_origin.h"
#include "pg/replication_connection.h"
#include "service/back_off.h"
#include "service/confirmation.h"
#include "service/service_state.h"
#include "service/source_stream.h"
#include "service/table_settings.h"
#include "service/target_service.h"

namespace walpack {
namespace {

// Tells systemd (when it started us) that the service does its work; harmless elsewhere.
void notify_systemd(const std::string& state) {
    sd_notify(0, fmt::format("READY=1\nSTATUS={}", state).c_str());
}

// It has told who it is.
struct KnownSource {
    std::unique_ptr<ReplicationConnection> connection;
    std::uint64_t system_identifier = 0;
};

// nullopt when a stop was requested before the source answered.
std::optional<KnownSource> wait_for_source(const Config& config, const StopRequest& stop) {
    BackOff back_off(config.retry_delay_min, config.retry_delay_max);
    while (!stop.requested()) {
        try {
            auto connection = connect_to_source(config, stop);
            const std::uint64_t identifier = connection->identify_system().system_identifier;
            return KnownSource{std::move(connection), identifier};
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
    // The log makes its own folder, for its owner alone.
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(config.log_directory).parent_path(),
                                        error);
    OrderedLogOptions options;
    options.directory = config.log_directory;
    options.memory_bytes_max = config.log_memory_max;
    options.disk_bytes_max = config.log_bytes_max;
    // Files go as a whole: a small budget needs small ones.
    constexpr std::uint64_t kSegmentsMin = 8;
    options.segment_bytes =
        std::min<std::uint64_t>(options.segment_bytes, config.log_bytes_max / kSegmentsMin);
    options.standstill = std::max(options.standstill, 2 * config.durable_interval);
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

// Of the log's files, over the last minute or so.
class GrowthForecast {
  public:
    // Seconds until the budget is spent; nullopt while the files do not grow.
    std::optional<std::uint64_t> note(std::uint64_t bytes, std::uint64_t bytes_max) {
        const auto now = Clock::now();
        samples_.emplace_back(now, bytes);
        while (now - samples_.front().first > kWindow) samples_.pop_front();
        const auto& [then, before] = samples_.front();
        const double seconds = std::chrono::duration<double>(now - then).count();
        if (bytes <= before || seconds < 1) return std::nullopt;
        const double left = bytes_max > bytes ? static_cast<double>(bytes_max - bytes) : 0;
        return static_cast<std::uint64_t>(left * seconds / static_cast<double>(bytes - before));
    }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kWindow{60};

    std::deque<std::pair<Clock::time_point, std::uint64_t>> samples_;
};

// Why the log's disk takes nothing at the moment; empty when it does.
std::string disk_trouble(const OrderedLogState& log, const Config& config) {
    if (!log.disk_error.empty() || !(log.is_out_of_budget || log.has_hole)) return log.disk_error;
    std::string trouble =
        fmt::format("log_bytes_max, {}, is reached", human_bytes(config.log_bytes_max));
    if (log.has_hole) trouble += "; targets that go on get what follows without files";
    return trouble;
}

// Tells of it once, and of its end when it has been over for a while: room comes and goes.
class DiskTrouble {
  public:
    void note(const std::string& trouble) {
        const auto now = std::chrono::steady_clock::now();
        if (!trouble.empty()) last_ = now;
        if (!trouble.empty() && !is_told_) {
            log::warning(
                "the log takes no more on disk, so the source keeps the WAL of what follows: {}",
                trouble);
            is_told_ = true;
        }
        if (is_told_ && now - last_ >= kOverAfter) {
            log::info("the log takes what comes again");
            is_told_ = false;
        }
    }

  private:
    static constexpr std::chrono::seconds kOverAfter{10};

    bool is_told_ = false;
    std::chrono::steady_clock::time_point last_;
};

// The stream goes on as it began: targets by other settings would copy tables whose changes never
// come, or read another source.
void require_same_pipeline(const Config& running, const Config& read) {
    const std::vector<std::string> changed = changed_pipeline_keys(running, read);
    if (changed.empty()) return;
    throw Error(ErrorKind::config, fmt::format("\"{}\" cannot change while the service runs",
                                               fmt::join(changed, "\", \"")))
        .hint("Restart it for that, or take it back and reload again.");
}

// What says which database a connection string leads to.
std::map<std::string, std::string> place_of(const Conninfo& conninfo) {
    std::map<std::string, std::string> place;
    for (const char* keyword : {"host", "hostaddr", "port", "dbname", "service"}) {
        const auto found = conninfo.keywords().find(keyword);
        if (found != conninfo.keywords().end()) place.insert(*found);
    }
    return place;
}

// A running pipeline: the source's stream, the log, and the targets.
class Service {
  public:
    Service(ServiceOptions options, KnownSource source)
        : options_(std::move(options)),
          config_(options_.targets.front()),
          system_identifier_(source.system_identifier),
          log_(log_options(config_), {config_.pipeline, config_.slot, system_identifier_}),
          source_(config_, system_identifier_, std::move(source.connection), log_, source_stop_,
                  [this](const std::string& state) { set_source_state(state); }),
          confirmation_(confirm_policy(config_), log_,
                        [this](Lsn lsn) { source_.receiver().confirm(lsn); }) {
        set_targets(options_.targets);
    }

    // Until a stop is requested; throws what a target ended with.
    void run(const StopRequest& stop) {
        const SourceThread source(source_, confirmation_, source_stop_);
        report();
        const auto is_ended = [](const auto& target) { return target->has_ended(); };
        while (!stop.requested() && std::none_of(targets_.begin(), targets_.end(), is_ended)) {
            wait_for(kLookInterval, stop);
            if (++looks_ % kLooksPerReport == 0) report();
            if (options_.is_reload_requested.exchange(false)) reload();
        }
        for (const auto& target : targets_) target->request_stop();
        wait_until_ended();
        report();
        for (const auto& target : targets_)
            if (target->error()) std::rethrow_exception(target->error());
    }

  private:
    static constexpr std::chrono::milliseconds kLookInterval{100};
    static constexpr int kLooksPerReport = 10;

    // What is wrong in the file must not end what runs.
    void reload() {
        try {
            std::vector<Config> targets = options_.reload();
            require_same_pipeline(config_, targets.front());
            require_kept_names(targets);
            use_running_source(targets);
            log::info("the configuration was read again");
            set_targets(targets);
        } catch (const Error& error) {
            log::error("the configuration could not be read again, all stays as it is: {}",
                       error.report());
        }
    }

    // Under another name it would give up what the log keeps for it.
    void require_kept_names(const std::vector<Config>& wanted) const {
        const auto is_running = [this](const Config& each) {
            return std::ranges::any_of(targets_, [&each](const auto& target) {
                return target->config().target_name == each.target_name;
            });
        };
        for (const auto& target : targets_) {
            const Config& old = target->config();
            const bool is_wanted = std::ranges::any_of(
                wanted, [&old](const Config& each) { return each.target_name == old.target_name; });
            if (is_wanted) continue;
            const auto renamed = std::ranges::find_if(wanted, [&](const Config& each) {
                return !is_running(each) && place_of(each.target) == place_of(old.target);
            });
            if (renamed == wanted.end()) continue;
            throw Error(ErrorKind::config,
                        fmt::format("target \"{}\" is named \"{}\" now, which cannot change while "
                                    "the service runs",
                                    old.target_name, renamed->target_name))
                .hint("Restart it for that, or take it back and reload again.");
        }
    }

    // Another way to the source is taken up where a login is refused, if it leads to the same
    // system; what the stream does not read its tables should not come from.
    void use_running_source(std::vector<Config>& targets) const {
        const auto origin = config_.source.origin();
        const Conninfo running = origin ? origin->latest(config_.source) : config_.source;
        if (targets.front().source.keywords() != running.keywords())
            log::warning(
                "\"source\" is another one in the configuration now: it is taken up when a "
                "login is refused, or with a restart");
        for (Config& target : targets) {
            const bool is_of_source = target.copy_from.keywords() == target.source.keywords();
            target.source = config_.source;
            if (is_of_source) target.copy_from = config_.source;
        }
    }

    // Those that are to go do so before others come, as these may be the same with other settings.
    void set_targets(const std::vector<Config>& wanted) {
        const auto is_unwanted = [&wanted](const auto& target) {
            return std::none_of(wanted.begin(), wanted.end(), [&target](const Config& config) {
                return is_same_target(config, target->config());
            });
        };
        for (const auto& target : targets_) {
            if (!is_unwanted(target)) continue;
            target->request_stop();
            const auto is_it = [&target](const Config& config) {
                return config.target_name == target->config().target_name;
            };
            if (std::none_of(wanted.begin(), wanted.end(), is_it)) target->leave();
        }
        std::erase_if(targets_, is_unwanted);
        for (const Config& config : wanted) {
            const bool is_running =
                std::any_of(targets_.begin(), targets_.end(), [&config](const auto& target) {
                    return target->config().target_name == config.target_name;
                });
            if (!is_running) add(config, wanted.size() == 1);
        }
        is_only_ = wanted.size() == 1;
    }

    void add(const Config& config, bool is_only) {
        // Where it stands is not known before it says so.
        const Lsn position = source_.is_known() ? source_.reaches_back_to() : Lsn{};
        for (const Conninfo* each : {&config.source, &config.copy_from})
            if (each->origin()) each->origin()->expect_system(system_identifier_);
        targets_.push_back(std::make_unique<TargetService>(
            config, position, source_, log_, confirmation_, system_identifier_, is_only_,
            notify_systemd, is_only ? options_.on_copy : OnCopyProgress{}));
    }

    void wait_until_ended() const {
        const StopRequest never;
        for (const auto& target : targets_)
            while (!target->has_ended()) wait_for(std::chrono::milliseconds(5), never);
    }

    void set_source_state(const std::string& state) {
        const std::lock_guard lock(mutex_);
        source_state_ = state;
    }

    void report() {
        const OrderedLogState log = log_.state();
        ServiceState state;
        {
            const std::lock_guard lock(mutex_);
            state.source_state = source_state_;
        }
        state.confirm = confirmation_.is_logged() ? "logged" : "applied";
        state.retained_bytes = source_.retained_bytes();
        state.wal_budget = config_.wal_budget;
        state.log_end = log.end;
        state.log_durable = log.durable;
        state.log_memory_bytes = log.memory_bytes;
        state.log_disk_bytes = log.disk_bytes;
        state.log_bytes_max = config_.log_bytes_max;
        state.seconds_until_full = forecast_.note(log.disk_bytes, config_.log_bytes_max);
        state.disk_error = disk_trouble(log, config_);
        disk_trouble_.note(state.disk_error);
        for (const auto& target : targets_) state.targets.push_back(target->state());
        if (!write_service_state(config_.log_directory, state))
            log::debug("could not write the service's state to the log directory");
    }

    const ServiceOptions options_;
    const Config config_;
    const std::uint64_t system_identifier_;
    OrderedLog log_;
    // It goes on until the targets have finished the transactions in hand.
    StopRequest source_stop_;
    std::mutex mutex_;
    std::string source_state_ = "connecting";
    SourceStream source_;
    Confirmation confirmation_;
    std::atomic<bool> is_only_{true};
    std::vector<std::unique_ptr<TargetService>> targets_;
    GrowthForecast forecast_;
    DiskTrouble disk_trouble_;
    int looks_ = 0;
};

}  // namespace

void supervise(ServiceOptions options, const StopRequest& stop) {
    if (auto source = wait_for_source(options.targets.front(), stop)) {
        warn_of_unpublished(options.targets, stop);
        Service(std::move(options), std::move(*source)).run(stop);
    }
    sd_notify(0, "STOPPING=1");
    log::info("the service has stopped");
}

}  // namespace walpack
