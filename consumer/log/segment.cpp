#include "log/segment.h"

#include <algorithm>

namespace walpack {
namespace {

// A reader that falls out of memory looks for its place in the file from the mark before it.
constexpr std::uint64_t kMarkBytes = 1 << 20;

}  // namespace

void WholeEnd::take(const LogEntry& entry, std::uint64_t sequence) {
    Lsn lsn;
    if (const auto* message = std::get_if<ReceivedMessage>(&entry)) {
        lsn = message->lsn;
        is_between = lsn.is_valid();
    } else if (const auto* keepalive = std::get_if<ReceivedKeepalive>(&entry)) {
        lsn = keepalive->wal_end;
    }
    if (!is_between || !lsn.is_valid()) return;
    end = std::max(end, lsn);
    next = sequence + 1;
}

std::uint64_t Segment::offset_before(std::uint64_t sequence) const {
    const auto behind = std::upper_bound(
        marks.begin(), marks.end(), sequence,
        [](std::uint64_t wanted, const Mark& mark) { return wanted < mark.sequence; });
    return std::prev(behind)->offset;
}

void Segment::add_mark(std::uint64_t sequence, std::uint64_t offset) {
    if (marks.empty() || offset - marks.back().offset >= kMarkBytes)
        marks.push_back({sequence, offset});
}

}  // namespace walpack
