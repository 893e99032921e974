// How long to wait before the next attempt.
#pragma once

#include <chrono>
#include <functional>
#include <random>

#include "base/error.h"
#include "base/stop_request.h"

namespace walpack {

enum class Reaction { retry, repeat, stop, finish };

// The one place that says what an error kind means for the service.
Reaction reaction_to(ErrorKind kind);

// Doubles from the smallest delay to the largest, with a little chance so that several services
// spread out; starts again after something that worked.
class BackOff {
  public:
    BackOff(std::chrono::milliseconds min, std::chrono::milliseconds max)
        : min_(min), max_(max), next_(min) {}

    void reset() { next_ = min_; }
    std::chrono::milliseconds next();

  private:
    std::chrono::milliseconds min_;
    std::chrono::milliseconds max_;
    std::chrono::milliseconds next_;
    std::minstd_rand random_{std::random_device{}()};
};

// Returns when the time is over, a stop was requested, or `is_over` says so (it is asked every now
// and then).
void wait_for(std::chrono::milliseconds delay, const StopRequest& stop,
              const std::function<bool()>& is_over = {});

}  // namespace walpack
