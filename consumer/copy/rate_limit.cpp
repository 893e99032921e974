#include "copy/rate_limit.h"

#include <algorithm>

#include <poll.h>

namespace walpack {
namespace {

constexpr std::chrono::milliseconds kSavedMax{200};

}  // namespace

RateLimit::RateLimit(std::uint64_t bytes_per_second)
    : bytes_per_second_(bytes_per_second), empty_at_(Clock::now()) {}

RateLimit::Clock::duration RateLimit::debt_after(std::uint64_t bytes) {
    const std::chrono::duration<double> cost(static_cast<double>(bytes) /
                                             static_cast<double>(bytes_per_second_));
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    empty_at_ =
        std::max(empty_at_, now - kSavedMax) + std::chrono::duration_cast<Clock::duration>(cost);
    return empty_at_ - now;
}

void RateLimit::take(std::uint64_t bytes, const StopRequest& stop) {
    stop.throw_if_requested();
    if (bytes_per_second_ == 0) return;
    const auto until = Clock::now() + debt_after(bytes);
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
        if (left.count() <= 0) return;
        constexpr std::int64_t kPollMax = 60'000;
        pollfd stopped{stop.fd(), POLLIN, 0};
        poll(&stopped, 1, static_cast<int>(std::min<std::int64_t>(left.count(), kPollMax)));
        stop.throw_if_requested();
    }
}

}  // namespace walpack
