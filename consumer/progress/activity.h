// What a running consumer tells of its speed: schema walpack, table activity, a row per pipeline.
//
//   walpack.activity (pipeline text, reported_at timestamptz, figures jsonb)
//
// The consumer writes it every few seconds outside of the applier's transactions, `walpack status`
// reads it. Nothing is decided by it: a target set up before the table was known, or by a role that
// could not make it, works without.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "pg/connection.h"

namespace walpack {

// Of a stretch of time. Per second: the speed of each stage; a stage that is slower than the one
// before it does not last, so the slowest one is found by what the applying thread waited for.
struct Activity {
    double received_bytes_per_second = 0;
    double received_messages_per_second = 0;
    double decoded_rows_per_second = 0;
    double planned_rows_per_second = 0;
    double applied_rows_per_second = 0;
    double applied_transactions_per_second = 0;
    // Sizes; 0 while there was no commit, or no batch.
    double transactions_per_commit = 0;
    double rows_per_commit = 0;
    double rows_per_batch = 0;
    // Shares are from 0 to 1. Of the changes planned, those that a later one made unnecessary.
    double coalesced_share = 0;
    // Of the time in which the receiver read nothing, since the log had no room.
    double log_full_share = 0;
    // Of the applying thread's time; together 1.
    double waited_for_source_share = 0;
    double waited_for_target_share = 0;
    double waited_for_order_share = 0;
    double working_share = 0;
    // source, target, order or consumer.
    std::string slow_stage;
};

// The numbers of an Activity by the names that the table and `status --json` give them.
struct ActivityFigure {
    const char* name;
    double Activity::*value;
};
extern const std::array<ActivityFigure, 15> kActivityFigures;

// One JSON object with every figure and slow_stage.
std::string activity_json(const Activity& activity);

struct ReportedActivity {
    Activity activity;
    double seconds_ago = 0;
};

// Inside the caller's transaction, with schema walpack there. Does nothing when the table exists,
// or when the role may not make one.
void create_activity_table(Connection& target);
// The row of one pipeline; does nothing where the table is missing or may not be written.
void remove_activity(Connection& target, const std::string& pipeline);
// Does nothing where it is missing, or is another role's.
void drop_activity_table(Connection& target);

// nullopt when there is no table that can be read, or no row.
std::optional<ReportedActivity> read_activity(Connection& target, const std::string& pipeline);

// The running consumer's side. The connection must outlive it, and is used by the calling thread.
class ActivityWriter {
  public:
    ActivityWriter(Connection& target, std::string pipeline);

    // One small statement that does not wait for the target's disk. Does nothing from the first
    // time on that the table was missing or could not be written. Throws Error(connection) and what
    // else any statement can throw.
    void write(const Activity& activity);

  private:
    Connection& target_;
    const std::string pipeline_;
    std::optional<bool> is_writable_;  // once it was asked
};

}  // namespace walpack
