#include "service/back_off.h"

#include <algorithm>
#include <cstdint>

#include <poll.h>

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookInterval{200};

}  // namespace

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

std::chrono::milliseconds BackOff::next() {
    const auto base = next_;
    next_ = std::min(max_, next_ * 2);
    std::uniform_real_distribution<double> spread(0.8, 1.2);
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(base.count()) * spread(random_)));
}

void wait_for(std::chrono::milliseconds delay, const StopRequest& stop,
              const std::function<bool()>& is_over) {
    const auto deadline = Clock::now() + delay;
    while (!stop.requested()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0 || (is_over && is_over())) return;
        pollfd fd{stop.fd(), POLLIN, 0};
        poll(&fd, 1, static_cast<int>(std::min(left, kLookInterval).count()));
    }
}

}  // namespace walpack
