// How far the copy is: counted by the threads that copy, read by the one that shows it.
//
// Says nothing about what is durable; that is for the target's own tables to tell.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace walpack {

enum class TableCopyState : std::uint8_t { waiting, copying, indexing, done };

// Over the last half minute, or since the start.
struct CopySpeed {
    double rows_per_second = 0;
    double bytes_per_second = 0;
    // Until all rows are copied, if it goes on as in that time; unknown at the start.
    std::optional<std::chrono::seconds> left;
};

// One table at one moment. Estimates are those of the plan, in bytes of the source's table; what
// was copied is counted in bytes of COPY, which are others, so neither is a part of the other.
struct TableFigures {
    std::string name;
    TableCopyState state = TableCopyState::waiting;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::uint64_t rows_estimated = 0;
    std::uint64_t bytes_estimated = 0;
    std::uint64_t chunks_done = 0;
    std::uint64_t chunks_total = 0;
    CopySpeed speed;  // of one that is being copied

    // How much of its rows is copied, from 0 to 1: by chunks, and within them by rows. An estimate
    // that was too low does not make it 1 before the last chunk is done.
    double part_copied() const;
};

struct CopyFigures {
    std::vector<TableFigures> tables;  // in the order they were added
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    double part_copied = 0;  // of all tables, by their estimated bytes
    std::chrono::duration<double> elapsed{0};
    CopySpeed speed;

    std::size_t count(TableCopyState state) const;
};

// Told how far the copy is, now and then, by one thread at a time; nullopt when nothing is copied
// any more.
using OnCopyProgress = std::function<void(const std::optional<CopyFigures>&)>;

// How far something was at some moments of the last half minute.
class SpeedWindow {
  public:
    using Clock = std::chrono::steady_clock;
    struct Sample {
        Clock::time_point at;
        std::uint64_t rows = 0;
        std::uint64_t bytes = 0;
        double part = 0;  // that is copied
    };

    // The speed since the oldest one.
    CopySpeed add(const Sample& sample);
    bool is_empty() const { return samples_.empty(); }
    void clear() { samples_.clear(); }

  private:
    std::deque<Sample> samples_;  // the first is the oldest one within the window
};

class CopyProgress {
  public:
    using Clock = SpeedWindow::Clock;

    explicit CopyProgress(Clock::time_point now = Clock::now());
    CopyProgress(const CopyProgress&) = delete;
    CopyProgress& operator=(const CopyProgress&) = delete;

    // The members below may be called by any thread. add_table() returns the table's number, which
    // the others take. `figures` has the name and the estimates, and whatever was copied by an
    // earlier run.
    std::size_t add_table(TableFigures figures);
    // The table begins again.
    void restart_table(std::size_t table, TableFigures figures);
    void set_state(std::size_t table, TableCopyState state);
    void add(std::size_t table, std::uint64_t rows, std::uint64_t bytes);
    // What a chunk that failed, or is reset, had added is taken back.
    void take_back(std::size_t table, std::uint64_t rows, std::uint64_t bytes);
    void add_chunk(std::size_t table);  // one more: one was cut in two
    void finish_chunk(std::size_t table);
    // Finished chunks wait again.
    void reopen_chunks(std::size_t table, std::uint64_t count);

    // Each call is also a sample of the speed: at least every few seconds, by one thread.
    CopyFigures snapshot(Clock::time_point now = Clock::now());

  private:
    void measure(CopyFigures& figures, Clock::time_point now);

    std::mutex mutex_;  // of the tables; nothing else is locked while it is held
    std::vector<TableFigures> tables_;
    bool has_shrunk_ = false;  // copied rows do not count any more, so earlier samples do not
    SpeedWindow window_;
    std::map<std::size_t, SpeedWindow> table_windows_;  // of those that are being copied
    Clock::time_point start_;
};

}  // namespace walpack
