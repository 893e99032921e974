// A stretch of the log that begins between two transactions; see docs/decisions/0012.
//
//   first        memory_first             next
//     |------------|=======================|      ===== in memory
//     |############################|              ##### written to its file
//                            written_next
//
// Entries have sequence numbers that grow through the whole log, without a gap within a segment.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "log/log_entry.h"
#include "log/ordered_log.h"
#include "model/lsn.h"

namespace walpack {

// What an entry counts in memory: about what it takes there.
inline std::size_t bytes_of(const LogEntry& entry) {
    const auto* message = std::get_if<ReceivedMessage>(&entry);
    return sizeof(LogEntry) + (message == nullptr ? 0 : message->payload.size());
}

struct Segment {
    std::uint64_t number = 0;
    bool begins_session = false;  // then its first entry is the SessionStart
    Lsn from;                     // everything that ends at or before it lies before the segment
    std::uint64_t first = 0;
    std::uint64_t next = 0;
    // Of the last whole transaction in it, or of a keepalive behind that; `from` without one.
    Lsn end;
    std::uint64_t end_next = 0;      // behind the entry that moved `end`; `first` without one
    std::uint64_t bytes_before = 0;  // of all entries before it, since the log was opened
    std::uint64_t bytes = 0;
    bool is_closed = false;  // nothing more comes

    std::uint64_t memory_first = 0;
    std::deque<LogEntry> entries;  // memory_first .. next

    // What a reader needs that begins here, unless a session does.
    std::atomic<bool> has_state{false};
    std::string state;
    // Everything that began before the segment has ended at or before this LSN.
    std::optional<Lsn> settled;

    bool is_startable() const { return begins_session || (has_state && settled); }
    bool is_whole_in_memory() const { return memory_first == first; }
};

}  // namespace walpack
