// The source's timelines: each promotion of a standby, and each recovery to a point in time, begins
// a new one at some LSN. What was written beyond that LSN on the old one is lost to the new one,
// and LSNs are used again for other transactions, so a position means nothing without its timeline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/lsn.h"

namespace walpack {

struct TimelineEnd {
    std::uint32_t timeline = 0;
    Lsn end;  // where the next one began
};

// The lines of a timeline history file, oldest first. Throws Error(protocol) for anything else.
std::vector<TimelineEnd> parse_timeline_history(std::string_view content);

struct TimelinePosition {
    std::uint32_t timeline = 0;
    Lsn lsn;
};

// Why a server on timeline `current`, whose history is given, may lack a part of what was written
// up to `position`; nullopt when it has all of it.
std::optional<std::string> why_not_in_history(const TimelinePosition& position,
                                              std::uint32_t current,
                                              const std::vector<TimelineEnd>& history);

}  // namespace walpack
