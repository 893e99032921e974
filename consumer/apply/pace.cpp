#include "apply/pace.h"

#include <algorithm>

namespace walpack {
namespace {

// Of these, five milliseconds bring so many that their statements get much cheaper together.
constexpr double kFastTransactionsPerSecond = 2000;
constexpr double kFastRowsPerSecond = 20'000;
constexpr double kNewestWeight = 0.2;

}  // namespace

void Pace::note_closed(std::uint64_t transactions, std::uint64_t rows, Clock::time_point now) {
    const std::chrono::duration<double> passed = now - last_closed_;
    last_closed_ = now;
    is_fast_ = static_cast<double>(transactions) >= kFastTransactionsPerSecond * passed.count() ||
               static_cast<double>(rows) >= kFastRowsPerSecond * passed.count();
    if (transactions > 1) note_alone(true);
}

void Pace::note_alone(bool has_company) {
    company_ += kNewestWeight * ((has_company ? 1 : 0) - company_);
}

std::chrono::nanoseconds Pace::linger_left(Clock::time_point group_start,
                                           Clock::time_point now) const {
    if (!is_busy()) return std::chrono::nanoseconds(0);
    return std::max<std::chrono::nanoseconds>(group_start + linger_ - now,
                                              std::chrono::nanoseconds(0));
}

}  // namespace walpack
