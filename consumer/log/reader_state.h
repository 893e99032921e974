// A LogReader's inside: what it has fetched, and what of the log its target no longer needs.
//
// What is released is a sequence number: everything that began before it has ended on the target.
// It comes from checkpoints. One says of a moment: what began before `limit` is held no more, so it
// ended at or before `need`, the last end LSN that was taken until then. Once the target's position
// has reached that, everything before `limit` is released. `held_from` may thus be what the
// assembler holds at the moment; what it has handed on, and the target does not have yet, is safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "log/log_core.h"
#include "log/ordered_log.h"
#include "log/segment_reader.h"

namespace walpack {

struct LogReader::State {
    State(std::shared_ptr<LogCore> log, std::string target, Lsn position);
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    bool rewind(Lsn position);
    std::optional<LogEntry> take(std::chrono::nanoseconds timeout);
    bool is_drained() const;
    bool wants_state() const;
    void release(Lsn position, std::optional<std::uint64_t> held_from);

    struct Checkpoint {
        std::uint64_t limit;
        Lsn need;
    };

    bool has_fetched() const { return at < fetched.items.size(); }
    [[nodiscard]] bool load_state();
    void read_file();
    [[noreturn]] void throw_damaged() const;
    void fetch(std::chrono::nanoseconds timeout);
    LogEntry hand_out();
    void released_before(std::uint64_t sequence);

    std::shared_ptr<LogCore> core;
    ReaderPlace place;
    Fetched fetched;
    std::optional<SegmentReader> file;  // the one that is being read
    std::uint64_t next_in_file = 0;     // the sequence that it is before
    std::size_t at = 0;                 // in what was fetched
    bool leaves = false;                // for good
    std::uint64_t refused_rewinds = 0;
    std::uint64_t mark = 0;          // of the entry taken last
    std::uint64_t message_next = 0;  // behind the last message taken
    // Of what was taken. Keepalives count: a session may begin where one says that nothing is in
    // between, and who has not got so far needs what is before it.
    WholeEnd taken;
    std::optional<Checkpoint> checkpoint;
    // Where segments begin whose predecessors are not released.
    std::deque<std::uint64_t> unreleased;
    // Any thread:
    std::atomic<bool> has_start{false};  // what rewind() puts in front was not taken yet
    std::atomic<std::uint64_t> bytes_taken{0};
};

}  // namespace walpack
