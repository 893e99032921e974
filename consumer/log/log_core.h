// What OrderedLog, its readers and its thread share: the segments, the readers' places, one mutex
// over both.
//
// A reader fetches some entries at a time and hands them out without the mutex; `generation` tells
// it when what it has fetched is void, as the end of the log was cut off or all of it forgotten.
//
// When files are written:
//
//     in memory  --(more than half of it waits, set_durable)-->  writing  --+
//         ^                                                                 |
//         +--(everyone reads from memory again, and nothing that was        |
//             called durable is unreleased)---------------------------------+
//
// While writing, only what is in a file leaves memory, so a reader finds everything in one of the
// two. Otherwise what all readers have taken may leave it; then the files are removed, as nobody
// could go on from them.
//
// When nothing can be written, and files are needed that were called durable, memory goes on behind
// them all the same: that is the hole. The source has it, as it was not called durable. Who needs
// it has the log cut off where the hole begins, and the next session goes on from there.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "log/log_directory.h"
#include "log/ordered_log.h"
#include "log/segment.h"
#include "log/segment_file.h"

namespace walpack {

// A reader as the log sees it; under the log's mutex, except for the atomics.
struct ReaderPlace {
    std::string target;         // whose
    std::uint64_t segment = 0;  // its number; one that is to come for a reader at the end
    std::uint64_t next = 0;     // the sequence to fetch next
    std::atomic<std::uint64_t> handed_out{0};         // what is before it was
    std::uint64_t bytes = 0;                          // of the log before that
    std::atomic<std::uint64_t> released{0};           // an LSN; 0 before the first position
    bool is_released_a_bound = false;                 // it has told no position, and is not before
    std::atomic<std::uint64_t> released_sequence{0};  // what is before it will not be asked for
    std::optional<std::uint64_t> cut_at;              // since the reader was last here
    bool has_met_hole = false;                        // since its last rewind
    bool was_before_hole = false;                     // its last rewind was refused for that
    // As of the last look: what was handed out, and since when nothing more was; what was released.
    std::uint64_t seen = 0;
    std::chrono::steady_clock::time_point moved_at;
    Lsn seen_released;
    // It is waited for so many times as long: each time that it comes to a hole makes it larger, or
    // one that is held up now and then amid a transaction would never get to its end.
    int patience = 1;
    bool is_left_behind = false;  // it stands still while others go on
    std::string fault;            // why it cannot go on without a rewind

    void note_bound(Lsn bound) {
        released = bound.value;
        is_released_a_bound = true;
    }
};

// One that went without leave(): what it has not released stays, as its target comes back.
struct FormerReader {
    std::string target;
    Lsn released;
    bool is_released_a_bound;
    std::uint64_t released_sequence;
};

// Entries, by their sequence, that are neither in memory nor in the files before them.
struct Hole {
    std::uint64_t from = 0;  // where the files end
    std::uint64_t to = 0;    // as far as memory has lost them; not behind `from`: there is no hole

    bool is_there() const { return from < to; }
    bool has(std::uint64_t sequence) const { return sequence >= from && sequence < to; }
};

// Entries that are no longer in memory.
struct InFile {
    std::uint64_t number;  // of the segment
    std::string path;
    std::uint64_t offset;  // of an entry at or before the first one wanted
    std::uint64_t next;    // the first one wanted
    std::uint64_t end;     // behind the last one that may be read
};

// What a reader fetches at a time, about.
constexpr std::size_t kFetchEntries = 64;
constexpr std::size_t kFetchBytes = 256 << 10;

// What a reader has before it.
struct Fetched {
    struct Item {
        LogEntry entry;
        std::uint64_t sequence;
    };
    std::vector<Item> items;
    std::optional<InFile> in_file;   // without items: they are to be read from there
    std::uint64_t generation = 0;    // what was fetched is void when the log has another
    std::uint64_t bytes_before = 0;  // of the log, up to the first of the items
    Lsn from;                        // after a rewind: of the segment that it goes to
    std::string state_path;          // and the file that has its state, when memory has not
    std::shared_ptr<const Segment> boundary;  // the segment that begins behind them, if one does
};

class LogCore {
  public:
    LogCore(OrderedLogOptions options, LogIdentity identity);
    ~LogCore();
    LogCore(const LogCore&) = delete;
    LogCore& operator=(const LogCore&) = delete;

    void begin_session(Lsn from);
    bool end_session();
    bool has_room() const { return memory_bytes_ < options_.memory_bytes_max; }
    int room_fd() const { return room_fd_; }
    void append(LogEntry entry);
    void close(std::exception_ptr error);
    void reset();
    void set_durable(bool is_durable);
    OrderedLogState state();
    const std::string& damage() const { return damage_; }

    void add(ReaderPlace& place, Lsn position);
    void note_confirmed(Lsn confirmed);
    // `is_for_good`: its target does not come back.
    void remove(const ReaderPlace& place, bool is_for_good);
    // What the reader has to see first is put into `fetched`.
    bool rewind(ReaderPlace& place, Lsn position, Fetched& fetched);
    // Waits up to the timeout. `message`: behind the last message that the reader handed out.
    void fetch(ReaderPlace& place, Fetched& fetched, std::uint64_t message,
               std::chrono::nanoseconds timeout);
    // Leaves of what was fetched what is not void. Throws as fetch() does.
    void check(ReaderPlace& place, Fetched& fetched, std::uint64_t message);
    // Items that were read from the file. False when they are void.
    bool accept(ReaderPlace& place, Fetched& fetched);
    // Nothing when the segment is not the log's any more.
    void note_state(const Segment& segment, std::string state);
    void remove_released();
    // Files are there that could go once everything is released.
    bool waits_for_release() const { return waits_for_release_; }

    std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
    std::uint64_t next() const { return next_.load(std::memory_order_acquire); }
    std::uint64_t total_bytes() const { return total_bytes_.load(std::memory_order_relaxed); }

  private:
    using Lock = std::unique_lock<std::mutex>;

    OrderedLogState state_in_memory();

    // All of them under the mutex; those of the log's thread give it up while they wait for a disk.
    Segment* find(std::uint64_t number) const { return shared(number).get(); }
    std::shared_ptr<Segment> shared(std::uint64_t number) const;
    // The first one from `number` on; numbers are left out in the hole.
    std::deque<std::shared_ptr<Segment>>::const_iterator at_or_behind(std::uint64_t number) const;
    Segment* current() const { return segments_.empty() ? nullptr : segments_.back().get(); }
    Lsn end() const { return segments_.empty() ? Lsn{} : segments_.back()->whole.end; }
    Segment& add_segment(Lsn from, bool begins_session);
    void push(Segment& segment, LogEntry entry);
    bool merge(Segment& segment, const LogEntry& entry);
    void cut_tail();
    bool cut_hole();
    void cut(Segment& segment, const WholeEnd& end);
    void forget_segments();
    const Segment* first_usable() const;
    Lsn begin() const;
    Lsn durable(std::uint64_t& next) const;
    Lsn note_durable();

    void locate(ReaderPlace& place, std::uint64_t sequence) const;
    void step_over_ends(ReaderPlace& place) const;
    void check_faults(ReaderPlace& place, Fetched& fetched, std::uint64_t message);
    [[noreturn]] static void throw_missing(ReaderPlace& place);
    bool is_another_behind_hole(const ReaderPlace& place) const;
    void copy_entries(ReaderPlace& place, const Segment& segment, Fetched& fetched);
    void finish_fetch(ReaderPlace& place, const Segment& segment, Fetched& fetched);
    void throw_if_damaged(std::uint64_t from_number) const;
    void count_taken();
    std::uint64_t released_by_all() const;
    void remove_released_segments();
    void pop_first_segment();

    // Memory.
    void trim();
    std::uint64_t may_leave_before(const Segment& segment) const;
    void drop_entries(std::size_t index);
    void note_missing(std::size_t index);
    void end_hole();
    void drop_emptied();
    void memory_freed(std::size_t bytes);

    // Files.
    bool is_writing() const { return is_durable_ || is_spilling_ || durable_sequence_ > 0; }
    void decide_spilling();
    void drop_file(Segment& segment);
    void drop_files_up_to(const Segment& last);
    void note_released();
    // Looks whether the log is standing.
    void note_standstill();
    void note_left_behind();
    bool cannot_write() const;
    bool may_make_hole() const;
    void note_unwritten(const Segment& segment);
    bool some_reader_lacks(Lsn end) const;
    void run_writer();
    bool remove_one(Lock& lock);
    bool write_one_state(Lock& lock);
    bool write_some(Lock& lock);
    Segment* segment_to_sync() const;
    bool sync_when_due(Lock& lock);
    bool sync_rest(Lock& lock);
    bool sync_segment(Segment& segment, Lock& lock);
    bool is_much_untaken() const;
    std::shared_ptr<Segment> segment_to_write() const;
    bool create_file(Segment& segment, Lock& lock);
    bool fits_budget(std::uint64_t bytes);
    void failed(const char* what, const std::string& path, int error);
    void wake_writer();

    const OrderedLogOptions options_;
    const LogIdentity identity_;
    LogDirectory directory_;
    std::string damage_;  // found when it was opened
    int room_fd_ = -1;

    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    int waiting_ = 0;  // readers
    std::deque<std::shared_ptr<Segment>> segments_;
    std::uint64_t next_number_ = 1;
    std::uint64_t gone_before_ = 0;  // entries before it were in segments that are gone
    std::vector<ReaderPlace*> readers_;
    std::vector<FormerReader> former_readers_;
    bool has_begun_ = false;             // a session, since the log was opened
    std::uint64_t taken_by_all_ = 0;     // what is before it was fetched by every reader
    std::uint64_t taken_by_one_ = 0;     // and by the foremost one
    std::uint64_t taken_by_moving_ = 0;  // by every one that goes on, behind the hole
    bool is_session_open_ = false;
    bool is_closed_ = false;
    std::exception_ptr error_;

    bool is_durable_ = false;
    bool is_spilling_ = false;
    // What left memory without a file, as nothing could be written, is of transactions that end at
    // or before this, and of one that is being received.
    Lsn unwritten_up_to_;
    bool has_open_unwritten_ = false;
    // Behind what was called durable and is not released: it must stay in files. 0 for nothing.
    std::uint64_t durable_sequence_ = 0;
    std::uint64_t claimed_next_ = 0;      // what is before it is being written, or was
    std::deque<std::uint64_t> removals_;  // numbers of files
    std::uint64_t disk_bytes_ = 0;
    std::uint64_t written_bytes_ = 0;
    std::string disk_error_;
    bool is_out_of_budget_ = false;
    // Nothing can be written, and nothing was released for a while: what fills the log waits for
    // what does not fit any more, such as the end of a transaction, or for one of the targets.
    bool is_standing_ = false;
    std::optional<std::chrono::steady_clock::time_point> standing_since_;
    std::uint64_t standing_released_ = 0;
    bool is_stopping_ = false;
    bool must_rest_ = false;  // the log's thread, as something failed
    bool writer_waits_ = false;
    std::condition_variable work_;
    std::chrono::steady_clock::time_point unsynced_since_;
    SegmentFile file_;  // of the log's thread

    Hole hole_;
    bool is_file_in_use_ = false;  // what is being written would close a hole

    std::atomic<std::uint64_t> generation_{0};
    std::atomic<std::uint64_t> next_{1};  // the sequence of the next entry
    std::atomic<std::uint64_t> total_bytes_{0};
    std::atomic<std::size_t> memory_bytes_{0};
    std::atomic<bool> waits_for_release_{false};
    std::thread writer_;
};

}  // namespace walpack
