// One attempt at feeding a target from the log: connect, check that nothing can be missing, copy
// when that is still to do, apply until stop or error.
//
// Runs in the caller's thread (log -> assembler -> applier -> target), while the source's stream
// fills the log in another. The caller (TargetSupervisor) decides what an error means.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "apply/applier.h"
#include "base/stop_request.h"
#include "config/config.h"
#include "copy/copy_job.h"
#include "copy/copy_start.h"
#include "model/lsn.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "schema/replication_origins.h"
#include "service/target_feed.h"

namespace walpack {

// How to apply again what an attempt before failed with, up to an LSN of commit each.
struct Repetition {
    // Row by row, each source transaction committed by itself: a failing one stops exactly there.
    Lsn one_by_one_until;
    // By one session: those of several waited for one another.
    Lsn one_session_until;
    std::shared_ptr<LateRefusals> late_refusals = std::make_shared<LateRefusals>();
};

class Pipeline {
  public:
    // `stop` and `unbatched`, which is carried from one attempt to the next, must outlive the
    // pipeline. `on_state` is called with "copying" or "applying" when
    // that begins, from any thread; `on_copy`, if it is not empty, as CopyJobOptions say.
    Pipeline(const Config& config, TargetFeed& feed, const StopRequest& stop,
             UnbatchedTables& unbatched, std::function<void(const std::string&)> on_state,
             OnCopyProgress on_copy);

    // Returns when a stop was requested and everything that was applied is durable and noted for
    // the confirmation; throws Error otherwise.
    void run(const Repetition& repetition = {});

  private:
    Lsn start(Connection& target, Progress& progress);
    struct ResumedCopy {
        std::unique_ptr<CopyJob> job;  // nullptr when nothing is copied by chunks
        // Changes of a chunk that was loaded and not live.
        bool needs_changes_again = false;
    };
    std::unique_ptr<Connection> connect_for_copy() const;
    ResumedCopy resume(Connection& target, CopyTables& tables, RefusedCopyRows* refused_rows);
    void rewind(Lsn position);
    void stream(Connection& target, Progress& progress, Lsn position, StopRequest& abort);
    ApplierOptions applier_options() const;
    CopyStartOptions copy_start_options() const;
    CopyJobOptions copy_job_options(const std::string& encoding) const;

    const Config& config_;
    TargetFeed& feed_;
    const StopRequest& stop_;
    UnbatchedTables& unbatched_;
    std::function<void(const std::string&)> on_state_;
    OnCopyProgress on_copy_;
    Repetition repetition_;
    // Of start(), where the copy began by it: its session at the source, which resume() takes over.
    std::unique_ptr<Connection> copy_source_;
    std::chrono::steady_clock::time_point published_at_;  // read by start()
    // Of sessions that write rows; nullptr: none are told apart.
    std::shared_ptr<const ReplicationOrigins> origins_;
};

}  // namespace walpack
