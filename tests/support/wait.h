// Waiting on conditions, never on time: every wait of a test has a condition and a deadline.
//
// WALPACK_PATIENCE, a whole number, makes every deadline so many times as long: for consumers that
// sanitizers make slow.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

namespace walpack::e2e {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline int patience() {
    static const char* const given = std::getenv("WALPACK_PATIENCE");
    return given == nullptr ? 1 : std::max(1, std::atoi(given));
}

// Asks until the condition holds; false when it did not within `limit`.
template <typename Condition>
[[nodiscard]] bool holds_within(milliseconds limit, Condition condition) {
    const auto deadline = Clock::now() + limit * patience();
    while (!condition()) {
        if (Clock::now() >= deadline) return false;
        std::this_thread::sleep_for(milliseconds(10));
    }
    return true;
}

// The same for what a test cannot go on without.
template <typename Condition>
void wait_until(const std::string& what, milliseconds limit, Condition condition) {
    if (!holds_within(limit, condition)) {
        throw std::runtime_error("not within " + std::to_string(limit.count()) + " ms: " + what);
    }
}

}  // namespace walpack::e2e
