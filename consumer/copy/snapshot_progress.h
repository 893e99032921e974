// How far a copy under one snapshot is, which is one transaction of the target: nobody sees
// anything of it before its end. So walpack.copy_activity has all its tables, written by a session
// of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stop_request.h"
#include "copy/copy_progress.h"
#include "pg/connection.h"
#include "pg/conninfo.h"
#include "schema/published_table.h"

namespace walpack {

struct SnapshotProgressOptions {
    Conninfo target;
    std::string pipeline;
    OnCopyProgress on_progress;  // empty: the log is told instead, less often
};

// Of one thread, the one that copies. That something could not be told is no error.
class SnapshotProgress {
  public:
    // `options` and `stop` must outlive this object.
    SnapshotProgress(const SnapshotProgressOptions& options, const StopRequest& stop);
    ~SnapshotProgress();
    SnapshotProgress(const SnapshotProgress&) = delete;
    SnapshotProgress& operator=(const SnapshotProgress&) = delete;

    // These are copied, none of them has begun.
    void plan(const std::vector<PublishedTable>& tables, Connection& source);
    // Of the planned tables; the one before is done.
    void begin(std::size_t table);
    // More of that table is copied. Tells so when it is time.
    void add(std::uint64_t rows, std::uint64_t bytes);
    // That table begins again.
    void restart();
    // All tables are done.
    void finish();

  private:
    using Clock = std::chrono::steady_clock;

    void tell(Clock::time_point now);
    void tell_target(const CopyFigures& figures);
    void prepare_target();

    const SnapshotProgressOptions& options_;
    const StopRequest& stop_;
    std::vector<TableFigures> planned_;
    std::unique_ptr<CopyProgress> progress_;  // anew with each plan
    std::optional<std::size_t> table_;        // that was begun
    std::unique_ptr<Connection> target_;
    Clock::time_point told_ = Clock::now();
    Clock::time_point target_told_ = told_;
    Clock::time_point log_told_ = told_;
};

}  // namespace walpack
