// What OrderedLog and its readers share: the segments, the readers' places, one mutex over both.
//
// A reader fetches some entries at a time and hands them out without the mutex; `generation` tells
// it when what it has fetched is void, as the end of the log was cut off or all of it forgotten.
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
#include <vector>

#include "log/ordered_log.h"
#include "log/segment.h"

namespace walpack {

// A reader as the log sees it; under the log's mutex, except for the atomics.
struct ReaderPlace {
    std::uint64_t segment = 0;  // its number; one that is to come for a reader at the end
    std::uint64_t next = 0;     // the sequence to fetch next
    std::atomic<std::uint64_t> released{0};           // an LSN
    std::atomic<std::uint64_t> released_sequence{0};  // what is before it will not be asked for
    std::optional<std::uint64_t> cut_at;              // since the reader was last here
    std::string fault;                                // why it cannot go on without a rewind
};

// What a reader has before it.
struct Fetched {
    struct Item {
        LogEntry entry;
        std::uint64_t sequence;
    };
    std::vector<Item> items;
    std::uint64_t generation = 0;    // what was fetched is void when the log has another
    std::uint64_t bytes_before = 0;  // of the log, up to the first of the items
    Lsn settled;                     // after a rewind: of the segment that it goes to
    std::shared_ptr<const Segment> boundary;  // the segment that begins behind them, if one does
};

class LogCore {
  public:
    LogCore(OrderedLogOptions options, LogIdentity identity);
    ~LogCore();
    LogCore(const LogCore&) = delete;
    LogCore& operator=(const LogCore&) = delete;

    void begin_session(Lsn from);
    bool has_room() const { return memory_bytes_ < options_.memory_bytes_max; }
    int room_fd() const { return room_fd_; }
    void append(LogEntry entry);
    void close(std::exception_ptr error);
    void reset();
    void set_durable(bool is_durable);
    OrderedLogState state() const;

    void add(ReaderPlace& place, Lsn position);
    void remove(const ReaderPlace& place);
    // What the reader has to see first is put into `fetched`.
    bool rewind(ReaderPlace& place, Lsn position, Fetched& fetched);
    // Waits up to the timeout. `handed`: the sequence that the reader hands out next, `message`:
    // behind the last message that it handed out.
    void fetch(ReaderPlace& place, Fetched& fetched, std::uint64_t handed, std::uint64_t message,
               std::chrono::nanoseconds timeout);
    void note_state(std::uint64_t segment, std::string state);
    // Everything that began before `sequence` ended at or before `lsn`.
    void note_settled(std::uint64_t sequence, Lsn lsn);
    void remove_released();

    std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
    std::uint64_t next() const { return next_.load(std::memory_order_acquire); }
    std::uint64_t total_bytes() const { return total_bytes_.load(std::memory_order_relaxed); }

  private:
    // All of them under the mutex.
    Segment* find(std::uint64_t number) const;
    Segment* current() const { return segments_.empty() ? nullptr : segments_.back().get(); }
    Lsn end() const { return segments_.empty() ? Lsn{} : segments_.back()->end; }
    Segment& add_segment(Lsn from, bool begins_session);
    void push(Segment& segment, LogEntry entry);
    bool merge(Segment& segment, const LogEntry& entry);
    void move_end(Segment& segment, const LogEntry& entry);
    void cut_tail();
    void forget_segments();
    void locate(ReaderPlace& place, std::uint64_t sequence) const;
    void step_over_ends(ReaderPlace& place) const;
    void check_faults(ReaderPlace& place, std::uint64_t handed, std::uint64_t message);
    void copy_entries(ReaderPlace& place, const Segment& segment, Fetched& fetched);
    void count_taken();
    void trim();
    void drop_entries(Segment& segment);
    void memory_freed(std::size_t bytes);

    const OrderedLogOptions options_;
    const LogIdentity identity_;
    int room_fd_ = -1;

    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    int waiting_ = 0;  // readers
    std::deque<std::shared_ptr<Segment>> segments_;
    std::uint64_t next_number_ = 1;
    std::vector<ReaderPlace*> readers_;
    std::uint64_t taken_by_all_ = 0;  // what is before it was fetched by every reader
    std::uint64_t taken_by_one_ = 0;  // and by the foremost one
    bool is_between_ = true;          // two transactions
    bool is_session_open_ = false;
    bool is_durable_ = false;
    bool is_closed_ = false;
    std::exception_ptr error_;

    std::atomic<std::uint64_t> generation_{0};
    std::atomic<std::uint64_t> next_{1};  // the sequence of the next entry
    std::atomic<std::uint64_t> total_bytes_{0};
    std::atomic<std::size_t> memory_bytes_{0};
};

}  // namespace walpack
