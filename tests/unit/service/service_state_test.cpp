#include "service/service_state.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace walpack {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ServiceState sample() {
    ServiceState state;
    state.source_state = "waiting for the source: no\nroute";
    state.confirm = "logged";
    state.retained_bytes = 12;
    state.wal_budget = 1ULL << 40;
    state.log_end = Lsn{0x1600000000};
    state.log_durable = Lsn{0x15};
    state.log_disk_bytes = 77;
    state.seconds_until_full = 3600;
    state.disk_error = "No space left on device";
    state.targets = {{"one", "applying", Lsn{5}, 9}, {"two", "stopped: a\tb", Lsn{}, 0}};
    return state;
}

TEST(ServiceState, IsReadAsItWasWritten) {
    ServiceState expected = sample();
    expected.source_state = "waiting for the source: no route";
    expected.targets[1].state = "stopped: a b";
    EXPECT_EQ(parse_service_state(service_state_text(sample())), expected);
}

TEST(ServiceState, WithoutAForecastItHasNone) {
    ServiceState state = sample();
    state.seconds_until_full.reset();
    EXPECT_EQ(parse_service_state(service_state_text(state))->seconds_until_full, std::nullopt);
}

TEST(ServiceState, RefusesWhatIsNotANumber) {
    EXPECT_EQ(parse_service_state("log_disk_bytes\tmany\n"), std::nullopt);
    EXPECT_EQ(parse_service_state("target\tonly a name\n"), std::nullopt);
}

TEST(ServiceState, LeavesOutWhatALaterVersionSays) {
    ASSERT_TRUE(parse_service_state("later\t1\t2\nconfirm\tapplied\n").has_value());
    EXPECT_EQ(parse_service_state("later\t1\t2\nconfirm\tapplied\n")->confirm, "applied");
}

TEST(ServiceState, AFileIsForItsOwnerOnly) {
    const std::string folder =
        std::filesystem::temp_directory_path() / ("walpack_state." + std::to_string(getpid()));
    std::filesystem::create_directory(folder);
    EXPECT_EQ(read_service_state(folder), std::nullopt);
    ASSERT_TRUE(write_service_state(folder, sample()));
    const auto read = read_service_state(folder);
    struct stat status {};
    stat((folder + "/state").c_str(), &status);
    std::filesystem::remove_all(folder);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->state.targets.size(), 2U);
    EXPECT_LT(read->seconds_ago, 60);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_FALSE(write_service_state(folder, sample()));
}

}  // namespace
}  // namespace walpack
