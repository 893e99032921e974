// Decides whether a group is worth keeping open for more although nothing waits at this moment.
//
// The consumer is often faster than the source, so it would find nothing more waiting after each
// transaction, commit it by itself, and pay the price of a target transaction for each. Holding a
// group open for a few milliseconds collects many transactions when they come fast. It must cost
// nothing where it collects none: whoever waits to see one transaction before he makes the next one
// always comes alone, however fast. So two things are asked: do transactions or rows come fast, and
// do they come in company, more having arrived by the time that one was committed?
//
// "Fast" is an average over a stretch of time, as a few transactions that happen to come together
// would look fast by themselves. No clock of its own; for one thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace walpack {

class Pace {
  public:
    using Clock = std::chrono::steady_clock;

    // `linger`: how long a group is kept open from its start.
    Pace(std::chrono::nanoseconds linger, Clock::time_point now)
        : linger_(linger), stretch_start_(now) {}

    // A group of that size was closed.
    void note_closed(std::uint64_t transactions, std::uint64_t rows, Clock::time_point now);
    // A transaction was committed by itself; `has_company`: more had arrived by then.
    void note_alone(bool has_company);

    bool is_busy(Clock::time_point now) const;
    // How much longer to keep a group open; zero when not at all.
    std::chrono::nanoseconds linger_left(Clock::time_point group_start,
                                         Clock::time_point now) const;

  private:
    // Of the last groups, the newest ones counting most: the share that came in company.
    static constexpr double kCompanyMin = 0.25;

    std::chrono::nanoseconds linger_;
    // The stretch that is being counted, and what the one before it was like.
    Clock::time_point stretch_start_;
    std::uint64_t transactions_ = 0;
    std::uint64_t rows_ = 0;
    bool is_fast_ = false;
    double company_ = 0;
};

}  // namespace walpack
