// Counters of the stages at two moments -> what happened in between: speeds, sizes, and which stage
// is the slow one.
//
//   receiver -> log -> assembler -> applier        each counts from its own start
//          \______ ActivityCounters ______/
//
// The stages only count; what their counters say together is worked out here, away from the rows.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "apply/applier.h"
#include "progress/activity.h"

namespace walpack {

// Everything since the stream began, as it was at `taken_at`.
struct ActivityCounters {
    std::chrono::steady_clock::time_point taken_at;
    std::uint64_t received_bytes = 0;
    std::uint64_t received_messages = 0;
    std::chrono::nanoseconds log_was_full{0};
    std::uint64_t decoded_rows = 0;
    // Time that the applying thread waited for something to be received.
    std::chrono::nanoseconds waited_for_source{0};
    ApplierStats applied;
};

// `before` was taken earlier than `after`.
Activity activity_between(const ActivityCounters& before, const ActivityCounters& after);

// For the log, without what the consumer knows of its position.
std::string activity_text(const Activity& activity);

// Cuts the time into stretches of an interval or a little more.
class ActivityMeter {
  public:
    ActivityMeter(std::chrono::milliseconds interval, const ActivityCounters& start);

    bool is_due(std::chrono::steady_clock::time_point now) const;
    // Ends a stretch and starts the next one. nullopt when nothing was received or applied in it.
    std::optional<Activity> measure(const ActivityCounters& now);

  private:
    const std::chrono::milliseconds interval_;
    ActivityCounters before_;
};

}  // namespace walpack
