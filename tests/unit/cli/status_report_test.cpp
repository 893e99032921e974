#include "cli/status_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walpack {
namespace {

using testing::HasSubstr;
using testing::Not;

PipelineStatus streaming() {
    PipelineStatus status;
    status.pipeline = "main";
    status.source.description = "dbname=from";
    status.target.description = "dbname=to";
    status.source_lsn = Lsn{0x2000};
    status.slot_name = "walpack_main";
    status.slot = SlotState{};
    status.slot->plugin = "walpack";
    status.slot->active_pid = 4711;
    status.slot->wal_status = "reserved";
    status.slot->confirmed_flush_lsn = Lsn{0x1000};
    status.slot->retained_bytes = 2048;
    status.progress = ProgressRow{Lsn{0x1000}, 1, "walpack_main", true};
    status.applied_seconds_ago = 3;
    status.consumer_is_connected = true;
    return status;
}

PipelineStatus stopped() {
    PipelineStatus status = streaming();
    status.slot->active_pid.reset();
    status.consumer_is_connected = false;
    return status;
}

TEST(PipelineStatus, KnowsWhatTheConsumerIsDoing) {
    EXPECT_EQ(streaming().state(), "streaming");
    EXPECT_EQ(stopped().state(), "stopped");
    PipelineStatus status = stopped();
    status.consumer_is_connected = true;
    EXPECT_EQ(status.state(), "connecting");
    status.progress->copy_is_complete = false;
    EXPECT_EQ(status.state(), "copying");
    EXPECT_EQ(status.copy_state(), "running");
}

TEST(PipelineStatus, KnowsWhatIsMissing) {
    PipelineStatus status = stopped();
    status.slot.reset();
    EXPECT_EQ(status.state(), "slot missing");
    EXPECT_FALSE(status.is_whole());
    status.progress.reset();
    EXPECT_EQ(status.state(), "not set up");
}

TEST(PipelineStatus, SaysThatASlotIsLostWhateverElseIsKnown) {
    PipelineStatus status = streaming();
    status.slot->wal_status = "lost";
    status.target.error = "no route";
    EXPECT_EQ(status.state(), "slot lost");
    EXPECT_FALSE(status.is_whole());
}

TEST(PipelineStatus, IsNotWholeWhileAnOperatorIsWaitedFor) {
    PipelineStatus status = streaming();
    EXPECT_TRUE(status.is_whole());
    status.service = ReportedServiceState{};
    status.service->state.targets = {{.name = status.target_name, .state = "applying"}};
    EXPECT_TRUE(status.is_whole());
    status.service->state.targets.front().state = "stopped: duplicate key";
    EXPECT_EQ(status.state(), "target stopped");
    EXPECT_FALSE(status.is_whole());
    status.service->state.targets.front().state = "applying";
    status.service->state.disk_error = "no space";
    EXPECT_FALSE(status.is_whole());
    status.service->seconds_ago = 3600;  // of a service that runs no more
    EXPECT_TRUE(status.is_whole());
}

TEST(PipelineStatus, ClaimsNothingAboutAnEndThatDoesNotAnswer) {
    PipelineStatus status = stopped();
    status.target.error = "no route";
    status.progress.reset();
    EXPECT_EQ(status.state(), "unknown");
    EXPECT_EQ(status.copy_state(), "");
    EXPECT_EQ(status.lag_bytes(), std::nullopt);
    EXPECT_THAT(status_screen(status), HasSubstr("NO ANSWER: no route"));
}

TEST(PipelineStatus, MeasuresLagFromWrittenToApplied) {
    PipelineStatus status = streaming();
    EXPECT_EQ(status.lag_bytes(), 0x1000U);
    EXPECT_THAT(status_screen(status), HasSubstr("4.0 kB, at most 3 s"));
    status.measured_lag_seconds = 0.25;
    EXPECT_THAT(status_screen(status), HasSubstr("4.0 kB, 0.2 s"));
    status.progress->applied_lsn = Lsn{0x2000};
    EXPECT_THAT(status_screen(status), HasSubstr("0 bytes, 0.0 s"));
}

TEST(PipelineStatus, HasNoLagBeforeTheCopyIsComplete) {
    PipelineStatus status = stopped();
    status.progress = ProgressRow{};
    EXPECT_EQ(status.copy_state(), "pending");
    EXPECT_THAT(status_screen(status), Not(HasSubstr("lag")));
}

PipelineStatus measured() {
    PipelineStatus status = streaming();
    ReportedActivity reported;
    reported.seconds_ago = 2.1;
    reported.activity.slow_stage = "target";
    reported.activity.received_bytes_per_second = 3.5 * (1 << 20);
    reported.activity.applied_rows_per_second = 81'234;
    reported.activity.transactions_per_commit = 120;
    reported.activity.rows_per_commit = 1200;
    reported.activity.coalesced_share = 0.12;
    reported.activity.waited_for_target_share = 0.6;
    status.activity = reported;
    return status;
}

TEST(StatusScreen, ShowsTheSpeedOfEachStageAndWhichIsTheSlowOne) {
    const std::string screen = status_screen(measured());
    EXPECT_THAT(screen, HasSubstr("activity      slow stage: target, 2.1 s ago\n"));
    EXPECT_THAT(screen, HasSubstr("  receive     3.5 MB/s, 0 messages/s, log full 0 %\n"));
    EXPECT_THAT(screen, HasSubstr("  plan        0 rows/s, 12 % coalesced\n"));
    EXPECT_THAT(screen, HasSubstr("  apply       81234 rows/s, 0 transactions/s\n"));
    EXPECT_THAT(screen, HasSubstr("120 transactions and 1200 rows per commit"));
    EXPECT_THAT(screen, HasSubstr("  waits       source 0 %, target 60 %, order 0 %"));
}

TEST(StatusScreen, ShowsNoSpeedWithoutAConsumer) {
    PipelineStatus status = measured();
    status.consumer_is_connected = false;
    EXPECT_THAT(status_screen(status), HasSubstr("activity      stopped, last figures 2 s ago\n"));
    EXPECT_THAT(status_screen(status), Not(HasSubstr("rows/s")));
}

TEST(StatusScreen, ShowsNoSpeedThatIsOld) {
    PipelineStatus status = measured();
    status.activity->seconds_ago = 31;
    EXPECT_THAT(status_screen(status), HasSubstr("activity      quiet, last figures 31 s ago\n"));
    EXPECT_THAT(status_screen(status), Not(HasSubstr("rows/s")));
}

TEST(StatusScreen, SaysNothingOfActivityThatWasNeverTold) {
    EXPECT_THAT(status_screen(streaming()), Not(HasSubstr("activity")));
}

TEST(StatusJson, HasTheFiguresOfARunningConsumer) {
    const std::string json = status_json(measured());
    EXPECT_THAT(json, HasSubstr("\"activity\":{\"state\":\"running\",\"seconds_ago\":2.100,"
                                "\"slow_stage\":\"target\","));
    EXPECT_THAT(json, HasSubstr("\"applied_rows_per_second\":81234.000,"));
    EXPECT_THAT(json, HasSubstr("\"waited_for_target_share\":0.600,"));
}

TEST(StatusJson, HasNoFiguresOfAConsumerThatStopped) {
    PipelineStatus status = measured();
    status.consumer_is_connected = false;
    const std::string json = status_json(status);
    EXPECT_THAT(json, HasSubstr("\"state\":\"stopped\",\"seconds_ago\":2.100,"
                                "\"slow_stage\":null,"));
    EXPECT_THAT(json, HasSubstr("\"applied_rows_per_second\":null,"));
}

TEST(StatusJson, HasNullForActivityThatWasNeverTold) {
    EXPECT_THAT(status_json(streaming()), HasSubstr("\"activity\":null"));
}

TEST(StatusJson, HasNullForWhatIsNotKnown) {
    PipelineStatus status = stopped();
    status.slot.reset();
    status.source_lsn = Lsn{};
    const std::string json = status_json(status);
    EXPECT_THAT(json, HasSubstr("\"slot\":{\"name\":\"walpack_main\",\"exists\":false}"));
    EXPECT_THAT(json, HasSubstr("\"written_lsn\":null"));
    EXPECT_THAT(json, HasSubstr("\"lag_bytes\":null"));
    EXPECT_EQ(json.back(), '\n');
}

TEST(StatusJson, HasNumbersAsNumbers) {
    const std::string json = status_json(streaming());
    EXPECT_THAT(json, HasSubstr("\"active_pid\":4711"));
    EXPECT_THAT(json, HasSubstr("\"lag_bytes\":4096"));
    EXPECT_THAT(json, HasSubstr("\"applied_seconds_ago\":3.000"));
}

PipelineStatus copying_again() {
    PipelineStatus status = streaming();
    TableFigures table;
    table.name = "public.t";
    table.state = TableCopyState::copying;
    table.rows = 100;
    table.rows_estimated = 1000;
    table.chunks_total = 10;
    status.copied_tables = {table};
    return status;
}

ReportedCopy reported_copy() {
    ReportedCopy reported;
    reported.seconds_ago = 1;
    reported.figures.speed = {1234, 1 << 20, std::chrono::seconds(90)};
    reported.figures.part_copied = 0.42;
    TableFigures table;
    table.name = "public.t";
    table.rows = 150;
    table.state = TableCopyState::copying;
    table.speed = {34, 2048, std::chrono::seconds(25)};
    reported.figures.tables = {table};
    return reported;
}

TEST(PipelineStatus, IsNotCompleteWhileATableIsCopiedAgain) {
    PipelineStatus status = copying_again();
    EXPECT_EQ(status.copy_state(), "running");
    status.consumer_is_connected = false;
    EXPECT_EQ(status.copy_state(), "pending");
    status.copied_tables.front().state = TableCopyState::done;
    EXPECT_EQ(status.copy_state(), "complete");
}

TEST(StatusScreen, ShowsTheSpeedOfACopy) {
    PipelineStatus status = copying_again();
    status.take(reported_copy());
    const std::string screen = status_screen(status);
    EXPECT_THAT(screen, HasSubstr("  speed       42%, 1234 rows/s, 1.0 MB/s, about 1 min 30 s "
                                  "left\n"));
    EXPECT_THAT(screen, HasSubstr("copying, 150 rows"));
    EXPECT_THAT(screen, HasSubstr(", 2.0 kB/s, about 25 s left\n"));
    const std::string json = status_json(status);
    EXPECT_THAT(json, HasSubstr("\"rows_per_second\":34.000,\"bytes_per_second\":2048.000,"
                                "\"seconds_left\":25}"));
    EXPECT_THAT(json, HasSubstr("\"copy_rows_per_second\":1234.000,"));
    EXPECT_THAT(json, HasSubstr("\"copy_seconds_left\":90,"));
}

// Nothing of it is written down before its end.
TEST(StatusScreen, ShowsTheTablesOfACopyUnderOneSnapshot) {
    PipelineStatus status = copying_again();
    status.copied_tables.clear();
    status.progress->copy_is_complete = false;
    status.take(reported_copy());
    EXPECT_THAT(status_screen(status), HasSubstr("copying, 150 rows"));
    EXPECT_THAT(status_screen(status), HasSubstr("0 of 1 done, 150 rows"));
    status.copied_tables.clear();
    status.progress->copy_is_complete = true;
    status.take(reported_copy());
    EXPECT_THAT(status_screen(status), Not(HasSubstr("150 rows")));
}

TEST(StatusScreen, ShowsNoSpeedOfACopyThatStopped) {
    PipelineStatus status = copying_again();
    status.consumer_is_connected = false;
    status.take(reported_copy());
    EXPECT_THAT(status_screen(status), Not(HasSubstr("rows/s")));
    EXPECT_THAT(status_json(status), HasSubstr("\"copy_rows_per_second\":null,"));
}

TEST(StatusScreen, ShowsWhatACopyWaitsFor) {
    PipelineStatus status = copying_again();
    status.copy_waits = {{"process 4711 (psql of joe in app)", "2026-01-31 12:00:00+00", 35}};
    EXPECT_THAT(status_screen(status),
                HasSubstr("  waits for   process 4711 (psql of joe in app), whose transaction "
                          "began at 2026-01-31 12:00:00+00, for 35 s\n"));
}

PipelineStatus holding() {
    PipelineStatus status = streaming();
    status.held.emplace();
    status.held->transaction.xid = 771;
    status.held->transaction.commit_lsn = Lsn{0x1010};
    status.held->transaction.end_lsn = Lsn{0x1040};
    status.held->transaction.rows = 5;
    status.held->transaction.tables = {"public.t"};
    status.held->is_counted = true;
    status.held->held_seconds = 35;
    return status;
}

TEST(StatusScreen, ShowsTheTransactionThatIsHeldAndWhatToDo) {
    const std::string screen = status_screen(holding());
    EXPECT_THAT(screen, HasSubstr("main, holding"));
    EXPECT_THAT(screen, HasSubstr("transaction 771 at 0/1010, 35 s: 5 rows of public.t"));
    EXPECT_THAT(screen, HasSubstr("walpack skip --lsn 0/1010"));
}

TEST(StatusScreen, ShowsAReleasedTransactionAsSuch) {
    PipelineStatus status = holding();
    status.held->is_released = true;
    status.held->is_counted = false;
    EXPECT_EQ(status.state(), "streaming");
    EXPECT_THAT(status_screen(status), HasSubstr("at least 5 rows"));
    EXPECT_THAT(status_screen(status), HasSubstr("it is released"));
}

TEST(StatusScreen, ListsTransactionsThatAreToBeLeftOut) {
    PipelineStatus status = streaming();
    EXPECT_THAT(status_screen(status), Not(HasSubstr("to skip")));
    status.skips_waiting = {Lsn{0x1010}};
    EXPECT_THAT(status_screen(status), HasSubstr("to skip       the transaction at 0/1010"));
}

TEST(StatusJson, TellsWhatIsHeldAndWhatIsToBeLeftOut) {
    PipelineStatus status = holding();
    status.skips_waiting = {Lsn{0x1050}};
    const std::string json = status_json(status);
    EXPECT_THAT(json, HasSubstr(R"("held_transaction":{"xid":771,"commit_lsn":"0/1010",)"
                                R"("end_lsn":"0/1040","rows":5,"tables":["public.t"],)"
                                R"("is_counted":true,"is_released":false,"held_seconds":35})"));
    EXPECT_THAT(json, HasSubstr(R"("skips_waiting":["0/1050"])"));
    EXPECT_THAT(status_json(streaming()),
                HasSubstr(R"("held_transaction":null,"skips_waiting":[])"));
}

TEST(StatusScreen, TellsWhatIsInQuarantine) {
    PipelineStatus status = streaming();
    EXPECT_THAT(status_screen(status), Not(HasSubstr("quarantine")));
    EXPECT_THAT(status_json(status), HasSubstr("\"quarantine\":null"));
    status.quarantine = QuarantineFigures{3, 1, 90.5};
    EXPECT_THAT(status_screen(status), HasSubstr("3 rows, of which 2 wait for others"));
    EXPECT_THAT(status_json(status), HasSubstr("\"quarantine\":{\"rows\":3,\"waiting_rows\":2,"
                                               "\"oldest_seconds\":90.500}"));
}

}  // namespace
}  // namespace walpack
