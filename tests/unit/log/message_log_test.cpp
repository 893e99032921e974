#include "log/message_log.h"

#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>

#include "base/error.h"

namespace walpack {
namespace {

using std::chrono::milliseconds;

ReceivedMessage message(const std::string& payload) {
    return {Lsn{1}, payload};
}

std::string payload_of(const std::optional<LogEntry>& entry) {
    return std::get<ReceivedMessage>(entry.value()).payload.to_string();
}

bool is_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
}

TEST(MessageLog, HandsOutEntriesInTheOrderTheyCame) {
    MessageLog log(1024);
    log.append(message("first"));
    log.append(message("second"));
    EXPECT_EQ(payload_of(log.take(milliseconds(0))), "first");
    EXPECT_EQ(payload_of(log.take(milliseconds(0))), "second");
}

TEST(MessageLog, GivesNothingWhenTheTimeoutPasses) {
    MessageLog log(1024);
    EXPECT_FALSE(log.take(milliseconds(1)).has_value());
}

TEST(MessageLog, MergesNeighbouringKeepalives) {
    MessageLog log(1024);
    log.append(ReceivedKeepalive{Lsn{10}, true});
    log.append(ReceivedKeepalive{Lsn{20}, false});
    const auto merged = std::get<ReceivedKeepalive>(log.take(milliseconds(0)).value());
    EXPECT_EQ(merged.wal_end, Lsn{20});
    EXPECT_TRUE(merged.reply_requested);
    EXPECT_TRUE(log.is_drained());
}

TEST(MessageLog, KeepsAKeepaliveBehindTheMessageItCameAfter) {
    MessageLog log(1024);
    log.append(ReceivedKeepalive{Lsn{10}, false});
    log.append(message("between"));
    log.append(ReceivedKeepalive{Lsn{20}, false});
    EXPECT_EQ(std::get<ReceivedKeepalive>(log.take(milliseconds(0)).value()).wal_end, Lsn{10});
    EXPECT_EQ(payload_of(log.take(milliseconds(0))), "between");
}

TEST(MessageLog, HasNoRoomOnceItsBytesAreUsedUp) {
    MessageLog log(1000);
    log.append(message(std::string(2000, 'x')));
    EXPECT_FALSE(log.has_room());
}

TEST(MessageLog, SignalsWhenThereIsRoomAgain) {
    MessageLog log(1000);
    log.append(message(std::string(2000, 'x')));
    EXPECT_FALSE(is_readable(log.room_fd()));
    log.take(milliseconds(0));
    EXPECT_TRUE(log.has_room());
    EXPECT_TRUE(is_readable(log.room_fd()));
}

TEST(MessageLog, CountsNoBytesWhenDrained) {
    MessageLog log(1000);
    log.append(message("x"));
    log.append(ReceivedKeepalive{Lsn{1}, false});
    log.take(milliseconds(0));
    log.take(milliseconds(0));
    EXPECT_EQ(log.bytes(), 0U);
}

TEST(MessageLog, HandsOutWhatIsLeftBeforeItThrowsTheErrorItWasClosedWith) {
    MessageLog log(1024);
    log.append(message("left"));
    log.close(std::make_exception_ptr(Error(ErrorKind::connection, "gone")));
    EXPECT_EQ(payload_of(log.take(milliseconds(0))), "left");
    EXPECT_THROW(log.take(milliseconds(0)), Error);
}

TEST(MessageLog, GivesNothingWhenClosedWithoutAnError) {
    MessageLog log(1024);
    log.close(nullptr);
    EXPECT_FALSE(log.take(milliseconds(10'000)).has_value());
}

TEST(MessageLog, WakesATakerInAnotherThread) {
    MessageLog log(1024);
    std::jthread appender([&log] { log.append(message("late")); });
    EXPECT_EQ(payload_of(log.take(milliseconds(10'000))), "late");
}

}  // namespace
}  // namespace walpack
