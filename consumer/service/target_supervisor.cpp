#include "service/target_supervisor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/sqlstate.h"
#include "progress/request_table.h"
#include "service/back_off.h"

namespace walpack {
namespace {

// How often a target that is stopped is asked for what it is to skip.
constexpr std::chrono::seconds kSkipLook{2};
constexpr std::chrono::milliseconds kDearDelayMax{3'600'000};

// Where the row stands that the target refused, if that is what the error says.
std::optional<Lsn> refused_at(const Error& error) {
    const bool is_refused_row =
        error.kind() != ErrorKind::connection && error.kind() != ErrorKind::cancelled;
    return is_refused_row ? Lsn::parse(error.lsn()) : std::nullopt;
}

}  // namespace

TargetSupervisor::TargetSupervisor(const Config& config, TargetFeed& feed, const StopRequest& stop,
                                   std::function<void(const std::string&)> on_state,
                                   OnCopyProgress on_copy)
    : config_(config),
      feed_(feed),
      stop_(stop),
      back_off_(config.retry_delay_min, config.retry_delay_max),
      on_state_(std::move(on_state)),
      on_copy_(std::move(on_copy)) {}

void TargetSupervisor::run() {
    while (!stop_.requested()) {
        try {
            attempt();
            return;
        } catch (const Error& error) {
            if (reaction_to(error.kind()) == Reaction::finish) return;
            handle(error);
        }
    }
}

void TargetSupervisor::attempt() {
    std::atomic<bool> was_applying{false};
    const auto on_state = [this, &was_applying](const std::string& state) {
        on_state_(state);
        if (state == "applying") was_applying = true;
    };
    try {
        Pipeline(config_, feed_, stop_, unbatched_, on_state, on_copy_).run(repetition_);
    } catch (...) {
        if (was_applying) back_off_.reset();
        throw;
    }
}

void TargetSupervisor::handle(const Error& error) {
    if (reaction_to(error.kind()) == Reaction::repeat) {
        log::info("{}", error.message());
        return;
    }
    const std::optional<Lsn> refused_now = refused_at(error);
    if (refused_now && *refused_now > repetition_.one_by_one_until) {
        // The group it was in is rolled back; what came before it can still be applied. Up to
        // there rows go one by one, so an error there is about exactly its row.
        repetition_.one_by_one_until = *refused_now;
        log::warning("{}; applying row by row up to {}", error.message(), error.lsn());
        return;
    }
    if (reaction_to(error.kind()) == Reaction::stop) return wait_for_a_human(error);
    // There is nothing more to come for it.
    feed_.source.throw_if_failed();
    if (error.sqlstate() == kDeadlockDetected)
        repetition_.one_session_until =
            std::max(repetition_.one_session_until, Lsn::parse(error.lsn()).value_or(Lsn{}));
    const auto delay = back_off_.next();
    log::warning("{}; trying again in {} ms", error.report(), delay.count());
    on_state_(fmt::format("waiting: {}", error.message()));
    wait_for(delay, stop_, [this] { return feed_.source.has_failed(); });
}

// What the source sends meanwhile is kept in the log, so that its disk does not fill up for the
// sake of one row here.
void TargetSupervisor::wait_for_a_human(const Error& error) {
    if (feed_.source.has_failed() || config_.stopped_retry_delay.count() == 0) throw error;
    const auto delay = next_stopped_delay();
    repetition_.late_refusals->doubt();
    if (error.report() != stopped_by_) {
        stopped_by_ = error.report();
        log::error("{}", error.report());
        log::error(
            "the target is stopped; it is tried again every {} ms, and what the source writes "
            "is kept meanwhile",
            delay.count());
    }
    on_state_(fmt::format("stopped: {}", error.message()));
    std::unique_ptr<Connection> target;
    const std::size_t known = count_skips(target);
    auto looked = std::chrono::steady_clock::now();
    wait_for(delay, stop_, [&] {
        const auto now = std::chrono::steady_clock::now();
        if (now - looked < kSkipLook) return feed_.source.has_failed();
        looked = now;
        return feed_.source.has_failed() || count_skips(target) > known;
    });
}

// Other targets had to go back for an attempt that ended like the one before.
std::chrono::milliseconds TargetSupervisor::next_stopped_delay() {
    const std::uint64_t refused = feed_.reader.refused_rewinds();
    const bool is_dear = refused != std::exchange(refused_rewinds_, refused);
    stopped_delay_ =
        is_dear && stopped_delay_.count() > 0
            ? std::min(2 * stopped_delay_, std::max(kDearDelayMax, config_.stopped_retry_delay))
            : config_.stopped_retry_delay;
    return stopped_delay_;
}

// As many as wait; 0 when the target does not answer.
std::size_t TargetSupervisor::count_skips(std::unique_ptr<Connection>& target) const {
    try {
        if (target == nullptr)
            target =
                std::make_unique<Connection>(config_.target, stop_, "walpack_" + config_.pipeline);
        if (!RequestTable::is_usable(*target)) return 0;
        const Requests requests = RequestTable(config_.pipeline).read(*target, Lsn{});
        return static_cast<std::size_t>(std::ranges::count_if(
            requests.skips, [](const SkipRequest& skip) { return !skip.is_done; }));
    } catch (const Error& error) {
        log::debug("could not look for requests: {}", error.message());
        target.reset();
        return 0;
    }
}

}  // namespace walpack
