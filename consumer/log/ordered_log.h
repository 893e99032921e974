// The ordered record of what was received: between the receiver's thread and a reader per target.
//
//   receiver -> append() -> segment, segment, ... -> LogReader -> target A
//                              |                  -> LogReader -> target B
//                              +-> files, written by the log's own thread
//
// A segment begins between two transactions (docs/decisions/0012). Segments lie in memory while
// every reader keeps up; when memory is more than half full, or set_durable(true), they are written
// to files in the directory as they grow, and then leave memory when they have to. append() never
// waits for a disk. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "log/log_entry.h"
#include "model/lsn.h"

namespace walpack {

using LogEntry = std::variant<ReceivedMessage, ReceivedKeepalive, SessionStart>;

// What the files belong to; those of another are refused.
struct LogIdentity {
    std::string pipeline;
    std::string slot;
    std::uint64_t source_system_identifier = 0;
};

struct OrderedLogOptions {
    std::string directory;  // made with mode 0700 when it is missing
    std::size_t memory_bytes_max = 64 << 20;
    std::uint64_t disk_bytes_max = std::uint64_t{64} << 30;
    std::size_t segment_bytes = 16 << 20;
    // Nothing can be written and nothing is released for so long: then the log counts as standing.
    // Longer than targets take between two positions that are safe on their disks.
    std::chrono::milliseconds standstill{3000};
    // Who takes nothing for so long is not waited for when nothing can be written.
    std::chrono::milliseconds left_behind{10'000};
};

struct OrderedLogState {
    // Every transaction whose end LSN is in (from, end] is there, whole. Both invalid while nothing
    // was ever received.
    Lsn from;
    Lsn end;
    // Of `end`, what is on disk: fsync done, with the states that a reader needs. Invalid without.
    Lsn durable;
    std::size_t memory_bytes = 0;     // of what is waiting in memory
    std::uint64_t disk_bytes = 0;     // of the files
    std::uint64_t written_bytes = 0;  // to files, since the log was opened
    // Why nothing can be written at the moment; it is tried again by itself.
    std::string disk_error;
    bool is_out_of_budget = false;  // disk_bytes_max is reached
    // A transaction goes through memory alone, as nothing could be written: it is being received,
    // or some target does not have it yet.
    bool is_receiving_unwritten = false;
    bool is_applying_unwritten = false;
    // What follows what is in the files has left memory unwritten, while they must stay: it is to
    // be received again when somebody needs it.
    bool has_hole = false;
    bool has_much_room = false;  // half of disk_bytes_max, and the file system as well
};

class LogCore;
class LogReader;

class OrderedLog {
  public:
    // Opens what is in the directory, or makes it. Cuts off what is not whole. Throws Error(config)
    // when it belongs to another pipeline, slot or source, or when another process has it open, and
    // Error(limit) when it cannot be read or made.
    OrderedLog(OrderedLogOptions options, LogIdentity identity);
    ~OrderedLog();
    OrderedLog(const OrderedLog&) = delete;
    OrderedLog& operator=(const OrderedLog&) = delete;

    // ---- the receiver's side

    // A decoding session begins that sends everything behind `from`, which is state().end when that
    // is valid. What is there behind the last whole transaction goes.
    void begin_session(Lsn from);
    // Where the slot is confirmed, before a session begins: no target lies before both that and
    // state().from.
    void note_confirmed(Lsn confirmed);
    // The session is over: what is there behind the last whole transaction goes, or behind the
    // files when there is a hole. True when there was.
    bool end_session();
    bool has_room() const;
    // Readable when has_room() turns true again after it was false.
    int room_fd() const;
    void append(LogEntry entry);
    // No more entries come. Readers first get what is left, then the error, if there is one.
    void close(std::exception_ptr error);
    // Forgets everything: the next session begins anywhere. Readers get Error(connection).
    void reset();

    // ---- policy

    // While true everything is written and made durable soon after it was appended, from the first
    // byte that some reader has not released.
    void set_durable(bool is_durable);
    OrderedLogState state() const;
    // What was wrong in the files when the log was opened, with their names and offsets; empty
    // without.
    const std::string& damage() const;

    // ---- readers: one per target, for as long as the pipeline has the target

    // What lies behind `position` is kept until the reader releases it; where a reader of the same
    // target went, behind what that had released. Nothing is called durable while a position is
    // not known, Lsn{}: until note_confirmed() or the next session, which it is not before, or the
    // reader's first rewind(). Add those of all targets before the first session begins: nothing is
    // removed until then.
    std::unique_ptr<LogReader> add_reader(std::string target, Lsn position);

  private:
    friend class LogReader;
    std::shared_ptr<LogCore> core_;
};

// One target's place in the log. Used by one thread, except where said. Must go before the log.
class LogReader {
  public:
    ~LogReader();
    LogReader(const LogReader&) = delete;
    LogReader& operator=(const LogReader&) = delete;

    // Before the first take() and after a fault of the target: the next entry is a SessionStart,
    // and everything that ends behind `position` follows; some before it may. False when it is not
    // there any more (it may have been dropped from memory once it was taken and the log was more
    // than half full): then the source has to send it again. Throws Error(config) naming the file
    // when that is damaged.
    [[nodiscard]] bool rewind(Lsn position);
    // The last rewind() was refused as a hole is behind the files that it would begin with: then
    // the log has to be cut off there (end_session()).
    bool is_before_hole() const;
    // How often rewind() was: for each the others had to go back, or the source to send again.
    std::uint64_t refused_rewinds() const;

    // The next entry, or nullopt when none came within the timeout, or the log was closed without
    // an error. Throws the error that closed it, Error(connection) after reset() or when the
    // transaction that was being read was cut off, Error(limit) when a file cannot be read.
    std::optional<LogEntry> take(std::chrono::nanoseconds timeout);
    // Nothing is waiting now. Any thread.
    bool is_drained() const;
    // Bytes that are waiting, in memory and in files. Any thread.
    std::uint64_t waiting_bytes() const;

    // Set when the entry that comes next begins a segment whose state is not known yet: then the
    // reader's decoder is asked for its state and note_state() called, before the next take().
    // `held_from`: as for release(). Nobody can begin at a segment in which a transaction goes on
    // that began before it, so while one is held the state may be left empty; what is before that
    // segment stays until there is one at whose beginning nothing is held.
    bool wants_state() const;
    void note_state(std::string state, std::optional<std::uint64_t> held_from);

    // Everything that ends at or before `position` is durable on the target. `held_from`: the mark
    // (see mark()) of the first message of the oldest streamed transaction that is held now; one
    // that was handed on and is not on the target yet is not counted in.
    void release(Lsn position, std::optional<std::uint64_t> held_from = std::nullopt);
    // Of the entry that was taken last: grows with the entries.
    std::uint64_t mark() const;
    // Its target does not belong to the pipeline any more. What a reader has not released is kept
    // otherwise when it goes, for the one that comes for the same target, and after a restart.
    void leave();

  private:
    friend class OrderedLog;
    struct State;
    explicit LogReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace walpack
