// The applying thread's loop: log -> assembler -> [selection -> control -> copy ->] applier, and
// what is durable back to the log and to the confirmation.
//
// It also decides when a group ends: when nothing more is waiting, so an idle stream has no added
// latency. A keepalive moves the position past streamed transactions that are held: the server
// sends them again from their start for as long as their commit record was not confirmed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "apply/applier.h"
#include "assemble/assembler.h"
#include "base/stop_request.h"
#include "log/ordered_log.h"
#include "progress/activity.h"
#include "service/activity_meter.h"
#include "service/copy_stream.h"
#include "service/target_feed.h"
#include "service/transaction_control.h"

namespace walpack {

// What transactions go through behind the assembler.
struct ApplyPath {
    TransactionSink& first;       // leads to the control
    TransactionControl& control;  // leads to the copy, or to the applier
    CopyStream* copy = nullptr;   // leads to the applier; nullptr when no tables are copied
    Applier& applier;
};

class ApplyLoop {
  public:
    // All but the options must outlive the loop. The feed's reader stands where the loop begins.
    ApplyLoop(TargetFeed& feed, const ApplyPath& path, AssemblerOptions options = {});

    // Called in the applying thread every few seconds in which something happened.
    void set_on_activity(std::function<void(const Activity&)> on_activity);

    // Returns at the first transaction border after `stop` was requested, with everything applied
    // made durable and confirmed; throws Error(cancelled) when `abort` comes first. Throws what
    // ended the log, the assembler or the applier.
    void run(const StopRequest& stop, const StopRequest& abort);

  private:
    void step();
    std::unique_ptr<Assembler> new_session();
    std::optional<LogEntry> next_entry();
    std::optional<LogEntry> take(std::chrono::nanoseconds timeout);
    std::optional<LogEntry> receive();
    std::chrono::nanoseconds wait() const;
    void handle(const ReceivedMessage& message);
    void handle(const ReceivedKeepalive& keepalive);
    void advance_idle(bool now);
    void handle(const SessionStart& session);
    void confirm();
    void work_while_held(const StopRequest& stop);
    ActivityCounters counters() const;
    void report();
    void log_activity(const Activity& activity) const;

    TargetFeed& feed_;
    LogReader& reader_;
    TransactionSink& first_;
    TransactionControl& control_;
    CopyStream* copy_;
    Applier& applier_;
    const AssemblerOptions options_;
    std::unique_ptr<Assembler> assembler_;
    std::uint64_t rows_of_earlier_sessions_ = 0;  // decoded
    // Nothing lies before it that was not received, as the source says; until the position is
    // there.
    std::optional<Lsn> idle_at_;
    Lsn released_;
    bool is_held_back_ = false;  // by the copy
    std::chrono::steady_clock::time_point released_at_;
    std::function<void(const Activity&)> on_activity_;
    std::chrono::steady_clock::time_point now_;  // when the last wait for an entry ended
    std::chrono::steady_clock::time_point pumped_;
    std::chrono::nanoseconds waited_for_source_{0};
    ActivityMeter logged_;
    ActivityMeter told_;  // to on_activity_
};

}  // namespace walpack
