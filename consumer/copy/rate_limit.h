// Holds the copy's sessions together to a rate of bytes a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

#include "base/stop_request.h"

namespace walpack {

// A bucket that fills at the rate and holds a fifth of a second of it. Threads share it. Whoever
// takes more than is in it goes into debt and waits until that is paid, so pieces of any size pass,
// and the rate holds over time.
class RateLimit {
  public:
    // 0: no limit.
    explicit RateLimit(std::uint64_t bytes_per_second);
    RateLimit(const RateLimit&) = delete;
    RateLimit& operator=(const RateLimit&) = delete;

    // Returns when the bytes may pass. Any thread. Throws Error(cancelled) on a requested stop.
    void take(std::uint64_t bytes, const StopRequest& stop);

  private:
    using Clock = std::chrono::steady_clock;
    Clock::duration debt_after(std::uint64_t bytes);

    const std::uint64_t bytes_per_second_;
    std::mutex mutex_;
    Clock::time_point empty_at_;  // at this time the bucket is neither in debt nor filled
};

}  // namespace walpack
