#include "service/activity_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walpack {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// Ten seconds in which every stage was at work.
ActivityCounters start() {
    ActivityCounters counters;
    counters.received_bytes = 1000;
    counters.received_messages = 10;
    counters.log_was_full = seconds(1);
    counters.decoded_rows = 100;
    counters.waited_for_source = seconds(3);
    counters.applied.transactions = 20;
    counters.applied.rows = 90;
    counters.applied.target_commits = 2;
    counters.applied.planned_rows = 95;
    counters.applied.coalesced_rows = 5;
    counters.applied.batches = 1;
    counters.applied.batch_rows = 50;
    counters.applied.waited_for_target = seconds(7);
    return counters;
}

ActivityCounters ten_seconds_later() {
    ActivityCounters counters = start();
    counters.taken_at += seconds(10);
    counters.received_bytes += 20'480;
    counters.received_messages += 50;
    counters.log_was_full += seconds(2);
    counters.decoded_rows += 12'100;
    counters.waited_for_source += seconds(1);
    counters.applied.transactions += 1200;
    counters.applied.rows += 12'000;
    counters.applied.target_commits += 10;
    counters.applied.planned_rows += 12'050;
    counters.applied.coalesced_rows += 1446;
    counters.applied.batches += 40;
    counters.applied.batch_rows += 10'000;
    counters.applied.waited_for_target += seconds(6);
    counters.applied.waited_for_order += milliseconds(500);
    return counters;
}

Activity measured() {
    return activity_between(start(), ten_seconds_later());
}

Activity waiting(seconds for_source, seconds for_target, seconds for_order) {
    ActivityCounters after = start();
    after.taken_at += seconds(10);
    after.waited_for_source += for_source;
    after.applied.waited_for_target += for_target;
    after.applied.waited_for_order += for_order;
    return activity_between(start(), after);
}

TEST(ActivityBetween, GivesTheSpeedOfEachStage) {
    const Activity activity = measured();
    EXPECT_DOUBLE_EQ(activity.received_bytes_per_second, 2048);
    EXPECT_DOUBLE_EQ(activity.received_messages_per_second, 5);
    EXPECT_DOUBLE_EQ(activity.decoded_rows_per_second, 1210);
    EXPECT_DOUBLE_EQ(activity.planned_rows_per_second, 1205);
    EXPECT_DOUBLE_EQ(activity.applied_rows_per_second, 1200);
    EXPECT_DOUBLE_EQ(activity.applied_transactions_per_second, 120);
}

TEST(ActivityBetween, GivesTheSizesOfGroupsAndBatches) {
    const Activity activity = measured();
    EXPECT_DOUBLE_EQ(activity.transactions_per_commit, 120);
    EXPECT_DOUBLE_EQ(activity.rows_per_commit, 1200);
    EXPECT_DOUBLE_EQ(activity.rows_per_batch, 250);
    EXPECT_DOUBLE_EQ(activity.coalesced_share, 0.12);
}

TEST(ActivityBetween, SharesTheTimeOut) {
    const Activity activity = measured();
    EXPECT_DOUBLE_EQ(activity.log_full_share, 0.2);
    EXPECT_DOUBLE_EQ(activity.waited_for_source_share, 0.1);
    EXPECT_DOUBLE_EQ(activity.waited_for_target_share, 0.6);
    EXPECT_DOUBLE_EQ(activity.waited_for_order_share, 0.05);
    EXPECT_NEAR(activity.working_share, 0.25, 1e-9);
}

TEST(ActivityBetween, HasZeroWhereThereIsNothingToDivideBy) {
    ActivityCounters after = start();
    after.taken_at += seconds(10);
    after.received_messages += 1;
    const Activity activity = activity_between(start(), after);
    EXPECT_EQ(activity.rows_per_commit, 0);
    EXPECT_EQ(activity.rows_per_batch, 0);
    EXPECT_EQ(activity.coalesced_share, 0);
}

TEST(ActivityBetween, HasZeroWhenNoTimeHasPassed) {
    EXPECT_EQ(activity_between(start(), start()).applied_rows_per_second, 0);
}

TEST(ActivityBetween, KeepsSharesWithinTheWhole) {
    const Activity activity = waiting(seconds(6), seconds(11), seconds(0));
    EXPECT_EQ(activity.waited_for_target_share, 1);
    EXPECT_EQ(activity.working_share, 0);
}

TEST(SlowStage, IsTheSourceWhenMostOfTheTimeNothingHasArrived) {
    EXPECT_EQ(waiting(seconds(6), seconds(3), seconds(0)).slow_stage, "source");
}

TEST(SlowStage, IsTheTargetWhenItsResultsAreWaitedFor) {
    EXPECT_EQ(waiting(seconds(2), seconds(5), seconds(1)).slow_stage, "target");
}

TEST(SlowStage, IsTheOrderWhenGroupsWaitForEarlierOnes) {
    EXPECT_EQ(waiting(seconds(1), seconds(2), seconds(5)).slow_stage, "order");
}

TEST(SlowStage, IsTheConsumerWhenTheThreadMostlyWorks) {
    EXPECT_EQ(waiting(seconds(1), seconds(2), seconds(0)).slow_stage, "consumer");
}

TEST(SlowStage, IsTheTargetWhenItIsWaitedForAsLongAsTheSource) {
    EXPECT_EQ(waiting(seconds(5), seconds(5), seconds(0)).slow_stage, "target");
}

TEST(ActivityText, NamesSpeedsSizesWaitsAndTheSlowStage) {
    EXPECT_EQ(activity_text(measured()),
              "applied 1200 rows/s in 120 transactions/s, 120 transactions and 1200 rows per "
              "commit, 250 rows per batch, 12 % coalesced; planned 1205 rows/s; decoded 1210 "
              "rows/s; received 2.0 kB/s in 5 messages/s, log full 20 %; waited for source 10 %, "
              "target 60 %, order 5 %; slow stage: target");
}

TEST(ActivityMeter, IsDueAfterItsInterval) {
    const ActivityMeter meter(seconds(10), start());
    EXPECT_FALSE(meter.is_due(start().taken_at + milliseconds(9999)));
    EXPECT_TRUE(meter.is_due(start().taken_at + seconds(10)));
}

TEST(ActivityMeter, MeasuresFromTheEndOfTheLastStretch) {
    ActivityMeter meter(seconds(10), start());
    ASSERT_TRUE(meter.measure(ten_seconds_later()));
    ActivityCounters later = ten_seconds_later();
    later.taken_at += seconds(20);
    later.applied.rows += 100;
    const auto activity = meter.measure(later);
    ASSERT_TRUE(activity);
    EXPECT_DOUBLE_EQ(activity->applied_rows_per_second, 5);
}

TEST(ActivityMeter, SaysNothingOfAStretchInWhichNothingHappened) {
    ActivityMeter meter(seconds(10), start());
    ActivityCounters later = start();
    later.taken_at += seconds(10);
    later.waited_for_source += seconds(10);
    EXPECT_EQ(meter.measure(later), std::nullopt);
    EXPECT_FALSE(meter.is_due(later.taken_at + seconds(9)));
}

}  // namespace
}  // namespace walpack
