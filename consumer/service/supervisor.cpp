#include "service/supervisor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <random>
#include <string>

#include <fmt/format.h>
#include <poll.h>
#include <systemd/sd-daemon.h>

#include "apply/commit_order.h"
#include "base/log.h"
#include "service/pipeline.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

enum class Reaction { retry, repeat, stop, finish };

// The one place that says what an error kind means for the service.
Reaction reaction_to(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::connection:
            return Reaction::retry;
        case ErrorKind::cancelled:
            return Reaction::finish;
        case ErrorKind::repeat:
            return Reaction::repeat;
        case ErrorKind::config:
        case ErrorKind::protocol:
        case ErrorKind::schema:
        case ErrorKind::conflict:
        case ErrorKind::value:
        case ErrorKind::limit:
            return Reaction::stop;
    }
    return Reaction::stop;
}

// Doubles from the smallest delay to the largest, with a little chance so that several services
// spread out; starts again after a stream that was established.
class BackOff {
  public:
    explicit BackOff(const Config& config)
        : min_(config.retry_delay_min), max_(config.retry_delay_max), next_(min_) {}

    void reset() { next_ = min_; }
    std::chrono::milliseconds next() {
        const auto base = next_;
        next_ = std::min(max_, next_ * 2);
        std::uniform_real_distribution<double> spread(0.8, 1.2);
        return std::chrono::milliseconds(
            static_cast<std::int64_t>(static_cast<double>(base.count()) * spread(random_)));
    }

  private:
    std::chrono::milliseconds min_;
    std::chrono::milliseconds max_;
    std::chrono::milliseconds next_;
    std::minstd_rand random_{std::random_device{}()};
};

void wait_for(std::chrono::milliseconds delay, const StopRequest& stop) {
    const auto deadline = Clock::now() + delay;
    while (!stop.requested()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return;
        pollfd fd{stop.fd(), POLLIN, 0};
        poll(&fd, 1, static_cast<int>(left.count()));
    }
}

// Tells systemd (when it started us) that the service does its work; harmless elsewhere.
void notify_systemd(const std::string& state) {
    sd_notify(0, fmt::format("READY=1\nSTATUS={}", state).c_str());
}

// Where the row stands that the target refused, if that is what the error says.
std::optional<Lsn> refused_at(const Error& error) {
    const bool is_refused_row =
        error.kind() != ErrorKind::connection && error.kind() != ErrorKind::cancelled;
    return is_refused_row ? Lsn::parse(error.lsn()) : std::nullopt;
}

}  // namespace

void supervise(const Config& config, const StopRequest& stop, const OnCopyProgress& on_copy) {
    BackOff back_off(config);
    Replay replay;
    UnbatchedTables unbatched;
    while (!stop.requested()) {
        std::atomic<bool> was_streaming{false};
        const auto on_state = [&was_streaming](const std::string& state) {
            notify_systemd(state);
            if (state == "streaming") was_streaming = true;
        };
        try {
            Pipeline(config, stop, unbatched, on_state, on_copy).run(replay);
            break;
        } catch (const Error& error) {
            const Reaction reaction = reaction_to(error.kind());
            if (reaction == Reaction::finish) break;
            if (reaction == Reaction::repeat) {
                log::info("{}", error.message());
                continue;
            }
            const std::optional<Lsn> refused_now = refused_at(error);
            if (refused_now && *refused_now > replay.one_by_one_until) {
                // The group it was in is rolled back; what came before it can still be applied. Up
                // to there rows go one by one, so an error there is about exactly its row.
                replay.one_by_one_until = *refused_now;
                log::warning("{}; applying row by row up to {}", error.message(), error.lsn());
                continue;
            }
            if (reaction == Reaction::stop) throw;
            if (error.sqlstate() == kDeadlockDetected)
                replay.one_session_until =
                    std::max(replay.one_session_until, Lsn::parse(error.lsn()).value_or(Lsn{}));
            if (was_streaming) back_off.reset();
            const auto delay = back_off.next();
            log::warning("{}; trying again in {} ms", error.report(), delay.count());
            sd_notify(0, fmt::format("STATUS=waiting: {}", error.message()).c_str());
            wait_for(delay, stop);
        }
    }
    sd_notify(0, "STOPPING=1");
    log::info("the service has stopped");
}

}  // namespace walpack
