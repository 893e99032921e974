#include "apply/pace.h"

#include <algorithm>

namespace walpack {
namespace {

// Of these, five milliseconds bring so many that their statements get much cheaper together.
constexpr double kFastTransactionsPerSecond = 2000;
constexpr double kFastRowsPerSecond = 20'000;
// Long enough that 500 transactions a second, each whenever it likes, never look like 2,000.
constexpr std::chrono::milliseconds kStretch{10};
constexpr double kNewestWeight = 0.2;

}  // namespace

void Pace::note_closed(std::uint64_t transactions, std::uint64_t rows, Clock::time_point now) {
    transactions_ += transactions;
    rows_ += rows;
    if (transactions > 1) note_alone(true);
    if (now - stretch_start_ < kStretch) return;
    const std::chrono::duration<double> passed = now - stretch_start_;
    is_fast_ = static_cast<double>(transactions_) >= kFastTransactionsPerSecond * passed.count() ||
               static_cast<double>(rows_) >= kFastRowsPerSecond * passed.count();
    stretch_start_ = now;
    transactions_ = 0;
    rows_ = 0;
}

void Pace::note_alone(bool has_company) {
    company_ += kNewestWeight * ((has_company ? 1 : 0) - company_);
}

// What was fast before a pause says nothing about what comes after it.
bool Pace::is_busy(Clock::time_point now) const {
    return is_fast_ && company_ >= kCompanyMin && now - stretch_start_ < 4 * kStretch;
}

std::chrono::nanoseconds Pace::linger_left(Clock::time_point group_start,
                                           Clock::time_point now) const {
    if (!is_busy(now)) return std::chrono::nanoseconds(0);
    return std::max<std::chrono::nanoseconds>(group_start + linger_ - now,
                                              std::chrono::nanoseconds(0));
}

}  // namespace walpack
