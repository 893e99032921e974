#include "slot/timeline.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {
namespace {

std::string_view take_field(std::string_view& line) {
    constexpr std::string_view kBlanks = " \t\r";
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(kBlanks)));
    const std::string_view field = line.substr(0, line.find_first_of(kBlanks));
    line.remove_prefix(field.size());
    return field;
}

TimelineEnd parse_line(std::string_view line) {
    const std::string_view number = take_field(line);
    TimelineEnd entry;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), entry.timeline);
    const std::optional<Lsn> end = Lsn::parse(take_field(line));
    if (read.ec != std::errc() || read.ptr != number.data() + number.size() || !end) {
        throw Error(ErrorKind::protocol, "the source's timeline history cannot be read");
    }
    entry.end = *end;
    return entry;
}

}  // namespace

std::vector<TimelineEnd> parse_timeline_history(std::string_view content) {
    std::vector<TimelineEnd> history;
    while (!content.empty()) {
        const std::string_view line = content.substr(0, content.find('\n'));
        content.remove_prefix(std::min(content.size(), line.size() + 1));
        const auto first = line.find_first_not_of(" \t\r");
        if (first == std::string_view::npos || line[first] == '#') continue;
        history.push_back(parse_line(line));
    }
    return history;
}

std::optional<std::string> why_not_in_history(const TimelinePosition& position,
                                              std::uint32_t current,
                                              const std::vector<TimelineEnd>& history) {
    if (position.timeline == current) return std::nullopt;
    if (position.timeline > current) {
        return fmt::format(
            "The source is on timeline {}, and the target has applied from timeline {}: an older "
            "primary has come back, or the source was restored.",
            current, position.timeline);
    }
    const auto found = std::ranges::find(history, position.timeline, &TimelineEnd::timeline);
    if (found == history.end()) {
        return fmt::format(
            "The source is on timeline {}, which does not descend from timeline {}, from which "
            "the target has applied.",
            current, position.timeline);
    }
    if (position.lsn <= found->end) return std::nullopt;
    return fmt::format(
        "The source was promoted from a standby, or restored, at {} of timeline {}; it is on "
        "timeline {} now. The target has applied up to {}: it may hold transactions that the "
        "source has lost.",
        found->end.to_string(), position.timeline, current, position.lsn.to_string());
}

}  // namespace walpack
