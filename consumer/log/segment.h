// A stretch of the log that begins between two transactions; see docs/decisions/0012.
//
//   first        memory_first             next
//     |------------|=======================|      ===== in memory
//     |############################|              ##### in its file
//                             written.next
//
// Entries have sequence numbers that grow through the whole log, without a gap within a segment.
// What leaves memory is in the file, unless nobody will ask for it again or the source has it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "log/log_entry.h"
#include "log/ordered_log.h"
#include "model/lsn.h"

namespace walpack {

// What an entry counts in memory: about what it takes there.
inline std::size_t bytes_of(const LogEntry& entry) {
    const auto* message = std::get_if<ReceivedMessage>(&entry);
    return sizeof(LogEntry) + (message == nullptr ? 0 : message->payload.size());
}

// Follows entries from the beginning of a segment to the end of the last whole transaction, or of a
// keepalive that says something of what was received until then.
struct WholeEnd {
    Lsn end;
    std::uint64_t next = 0;  // behind the entry that moved the end
    bool is_between = true;  // two transactions

    void take(const LogEntry& entry, std::uint64_t sequence);
};

// How far the file of a segment is.
struct FileEnd {
    std::uint64_t next = 0;  // behind the last entry
    std::uint64_t bytes = 0;
    WholeEnd whole;
};

struct Segment {
    std::uint64_t number = 0;
    bool begins_session = false;  // then its first entry is the SessionStart
    Lsn from;                     // everything that ends at or before it lies before the segment
    std::uint64_t first = 0;
    std::uint64_t next = 0;
    WholeEnd whole;                  // its end is `from` at first
    std::uint64_t bytes_before = 0;  // of all entries before it, since the log was opened
    std::uint64_t bytes = 0;
    bool is_closed = false;  // nothing more comes

    std::uint64_t memory_first = 0;
    std::deque<LogEntry> entries;  // memory_first .. next

    // What a reader needs that begins here, unless a session does; nobody can where a streamed
    // transaction was held. Not kept in memory when only the
    // file has the entries.
    std::atomic<bool> has_state{false};
    std::string state;

    bool has_file = false;
    std::uint64_t file_generation = 0;  // grows when the file is given up
    std::uint64_t file_first = 0;       // more than `first` when the beginning is missing
    FileEnd written;
    FileEnd synced;             // of that, what a fsync has made durable
    bool sync_is_lost = false;  // a fsync failed for what is no longer in memory
    std::uint64_t state_file_bytes = 0;
    struct Mark {
        std::uint64_t sequence;
        std::uint64_t offset;
    };
    std::vector<Mark> marks;  // where some of the entries stand in the file
    std::string damage;       // why nothing behind `next` can be read, found when it was opened

    bool is_startable() const { return begins_session || has_state; }
    bool is_whole_in_memory() const {
        return memory_first == first && (begins_session || !has_file || !state.empty());
    }
    // Also after a crash.
    bool is_startable_in_file() const {
        return has_file && file_first == first && (begins_session || state_file_bytes > 0);
    }
    bool is_fragment() const { return has_file && file_first != first; }
    bool can_begin_here() const {
        return is_startable() && (is_whole_in_memory() || is_startable_in_file());
    }
    // Behind what is in the file, if there is one.
    std::uint64_t end_in_file() const { return has_file ? written.next : first; }
    std::uint64_t on_disk_bytes() const {
        return (has_file ? written.bytes : 0) + state_file_bytes;
    }
    std::uint64_t offset_before(std::uint64_t sequence) const;
    void add_mark(std::uint64_t sequence, std::uint64_t offset);
};

}  // namespace walpack
