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

}  // namespace
}  // namespace walpack
