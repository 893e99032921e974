// The contract of consumer/log/ordered_log.h while everything fits into memory.
#include "log/ordered_log.h"

#include <thread>

#include <gmock/gmock.h>
#include <poll.h>

#include "base/error.h"
#include "unit/log/log_fixture.h"

namespace walpack {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

bool is_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
}

class OrderedLogTest : public LogTest {
  protected:
    // Of the first session and a transaction in it, which ends at 110.
    std::unique_ptr<LogReader> reader_at_the_end() {
        auto reader = log_.add_reader("", Lsn{100});
        EXPECT_TRUE(reader->rewind(Lsn{100}));
        log_.begin_session(Lsn{100});
        append_transaction(log_, 110, 0);
        EXPECT_EQ(take_all(*reader).size(), 3U);
        return reader;
    }

    OrderedLog log_{options(), identity()};
};

TEST_F(OrderedLogTest, SaysThatNothingWasEverReceived) {
    EXPECT_FALSE(log_.state().from.is_valid());
    EXPECT_FALSE(log_.state().end.is_valid());
    EXPECT_FALSE(log_.state().durable.is_valid());
}

TEST_F(OrderedLogTest, HandsOutASessionAndWhatFollowsInOrder) {
    const auto reader = log_.add_reader("", Lsn{100});
    EXPECT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    append_transaction(log_, 110, 0);
    EXPECT_FALSE(reader->is_drained());
    EXPECT_THAT(take_all(*reader), ElementsAre("session", "begin 110", "commit 110"));
    EXPECT_TRUE(reader->is_drained());
    EXPECT_EQ(reader->waiting_bytes(), 0U);
    EXPECT_EQ(log_.state().from, Lsn{100});
    EXPECT_EQ(log_.state().end, Lsn{110});
}

TEST_F(OrderedLogTest, EachReaderHasItsOwnPlace) {
    log_.begin_session(Lsn{100});
    const auto first = log_.add_reader("", Lsn{100});
    const auto second = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(first->rewind(Lsn{100}));
    ASSERT_TRUE(second->rewind(Lsn{100}));
    append_transaction(log_, 110, 0);
    EXPECT_EQ(take_all(*first).size(), 3U);
    EXPECT_THAT(take_all(*second, 2), ElementsAre("session", "begin 110"));
    EXPECT_FALSE(second->is_drained());
    EXPECT_GT(second->waiting_bytes(), 0U);
}

TEST_F(OrderedLogTest, GivesNothingWhenTheTimeoutPasses) {
    const auto reader = log_.add_reader("", Lsn{100});
    EXPECT_FALSE(reader->take(std::chrono::milliseconds(1)).has_value());
}

TEST_F(OrderedLogTest, WakesAReaderThatWaits) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    std::thread receiver([this] { log_.begin_session(Lsn{100}); });
    EXPECT_EQ(text_of(reader->take(kLong).value()), "session");
    receiver.join();
}

TEST_F(OrderedLogTest, MergesNeighbouringKeepalivesThatWait) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    log_.append(ReceivedKeepalive{Lsn{110}, true});
    log_.append(ReceivedKeepalive{Lsn{120}, false});
    EXPECT_EQ(text_of(reader->take(kNoWait).value()), "session");
    const auto merged = std::get<ReceivedKeepalive>(reader->take(kNoWait).value());
    EXPECT_EQ(merged.wal_end, Lsn{120});
    EXPECT_TRUE(merged.reply_requested);
    EXPECT_TRUE(reader->is_drained());
}

TEST_F(OrderedLogTest, AKeepaliveThatWasTakenIsNotChangedAnyMore) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    log_.append(ReceivedKeepalive{Lsn{110}, false});
    EXPECT_THAT(take_all(*reader), ElementsAre("session", "keepalive 110"));
    log_.append(ReceivedKeepalive{Lsn{120}, false});
    EXPECT_THAT(take_all(*reader), ElementsAre("keepalive 120"));
}

TEST_F(OrderedLogTest, AKeepaliveMovesTheEndOnlyBetweenTransactions) {
    log_.begin_session(Lsn{100});
    log_.append(ReceivedKeepalive{Lsn{110}, false});
    EXPECT_EQ(log_.state().end, Lsn{110});
    append_message(log_, "begin");
    log_.append(ReceivedKeepalive{Lsn{120}, false});
    EXPECT_EQ(log_.state().end, Lsn{110});
    append_message(log_, "commit", 130);
    log_.append(ReceivedKeepalive{Lsn{140}, false});
    EXPECT_EQ(log_.state().end, Lsn{140});
}

TEST_F(OrderedLogTest, ANewSessionCutsOffWhatIsNotWhole) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    append_transaction(log_, 110, 0);
    append_message(log_, "begin");
    log_.begin_session(Lsn{110});
    append_transaction(log_, 120, 0);
    EXPECT_THAT(take_all(*reader), ElementsAre("session", "begin 110", "commit 110", "session",
                                               "begin 120", "commit 120"));
}

TEST_F(OrderedLogTest, AReaderInsideOfWhatIsCutBeginsAgain) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    append_transaction(log_, 110, 0);
    append_message(log_, "begin");
    EXPECT_EQ(take_all(*reader).size(), 4U);
    log_.begin_session(Lsn{110});
    try {
        reader->take(kNoWait);
        FAIL() << "the cut was not told";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::connection);
    }
    ASSERT_TRUE(reader->rewind(Lsn{110}));
    EXPECT_THAT(take_all(*reader), ElementsAre("session"));
}

TEST_F(OrderedLogTest, AReaderThatWasBetweenTransactionsGoesOnBehindACut) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    append_transaction(log_, 110, 0);
    EXPECT_EQ(take_all(*reader).size(), 3U);
    append_message(log_, "begin");
    log_.begin_session(Lsn{110});
    EXPECT_THAT(take_all(*reader), ElementsAre("session"));
}

TEST_F(OrderedLogTest, HandsOutWhatIsLeftBeforeTheError) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    log_.close(std::make_exception_ptr(Error(ErrorKind::connection, "lost")));
    EXPECT_EQ(text_of(reader->take(kNoWait).value()), "session");
    EXPECT_THROW(reader->take(kLong), Error);
}

TEST_F(OrderedLogTest, GivesNothingMoreWhenClosedWithoutAnError) {
    const auto reader = log_.add_reader("", Lsn{100});
    log_.close(nullptr);
    EXPECT_FALSE(reader->take(kLong).has_value());
}

TEST_F(OrderedLogTest, AResetIsToldToReadersUntilTheyRewind) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    append_transaction(log_, 110, 0);
    log_.reset();
    EXPECT_FALSE(log_.state().end.is_valid());
    EXPECT_THROW(reader->take(kNoWait), Error);
    EXPECT_THROW(reader->take(kNoWait), Error);
    ASSERT_TRUE(reader->rewind(Lsn{50}));
    log_.begin_session(Lsn{50});
    EXPECT_THAT(take_all(*reader), ElementsAre("session"));
}

// It stood at the end of what was released before it came again.
TEST_F(OrderedLogTest, AReaderFindsTheNextSessionWhenTheOneBeforeIsGone) {
    const auto reader = reader_at_the_end();
    log_.begin_session(Lsn{110});
    append_transaction(log_, 120, 0);
    reader->release(Lsn{110});
    EXPECT_EQ(log_.state().from, Lsn{110});
    EXPECT_FALSE(reader->is_drained());
    EXPECT_THAT(take_all(*reader), ElementsAre("session", "begin 120", "commit 120"));
}

TEST_F(OrderedLogTest, AReaderFindsTheNextSessionWhenTheOneBeforeLeftMemory) {
    const auto reader = reader_at_the_end();
    log_.begin_session(Lsn{110});
    append_transaction(log_, 120, options().memory_bytes_max * 3 / 4);
    wait_until([&] { return log_.state().from != Lsn{100}; });
    const std::vector<std::string> rest = take_all(*reader);
    ASSERT_EQ(rest.size(), 3U);
    EXPECT_EQ(rest.back(), "commit 120");
}

TEST_F(OrderedLogTest, RefusesToLeaveAHoleBeforeAReader) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{200});
    EXPECT_THROW(reader->take(kNoWait), Error);
    EXPECT_FALSE(reader->rewind(Lsn{100}));
    EXPECT_TRUE(reader->rewind(Lsn{200}));
}

TEST_F(OrderedLogTest, GoesBackToTheSegmentOfThePosition) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    for (std::uint64_t end = 110; end <= 190; end += 10) append_transaction(log_, end, 400);
    std::vector<std::string> taken;
    while (!reader->is_drained()) {
        // At the end of each segment, so that it is known what is settled there.
        if (reader->wants_state()) {
            reader->release(Lsn{100});
            reader->note_state("state " + std::to_string(reader->mark()), std::nullopt);
        }
        taken.push_back(text_of(reader->take(kNoWait).value()));
    }
    EXPECT_EQ(taken.size(), 19U);
    ASSERT_TRUE(reader->rewind(Lsn{160}));
    const auto again = take_all(*reader);
    EXPECT_EQ(again.at(0), "session");
    EXPECT_EQ(again.at(1).substr(0, 6), "state ");
    EXPECT_LT(again.size(), 13U);
    EXPECT_GE(again.size(), 8U);
    EXPECT_EQ(again.back(), "commit 190");
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    EXPECT_EQ(take_all(*reader), taken);
}

TEST_F(OrderedLogTest, ForgetsSegmentsThatEveryReaderReleased) {
    const auto first = log_.add_reader("", Lsn{100});
    const auto second = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(first->rewind(Lsn{100}));
    ASSERT_TRUE(second->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    for (std::uint64_t end = 110; end <= 190; end += 10) {
        append_transaction(log_, end, 400);
        take_all(*first);
        take_all(*second);
        first->release(Lsn{end});
    }
    EXPECT_EQ(log_.state().from, Lsn{100});
    second->release(Lsn{190});
    EXPECT_GT(log_.state().from, Lsn{150});
    EXPECT_FALSE(second->rewind(Lsn{100}));
}

TEST_F(OrderedLogTest, KeepsWhatAHeldTransactionBeganIn) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    append_message(log_, "block of a streamed transaction");
    take_all(*reader);
    const std::uint64_t held = reader->mark();
    for (std::uint64_t end = 110; end <= 190; end += 10) {
        append_transaction(log_, end, 400);
        read_up_to_now(*reader, Lsn{end}, held);
    }
    EXPECT_EQ(log_.state().from, Lsn{100});
    append_message(log_, "commit of the streamed transaction", 200);
    append_transaction(log_, 210, 2000);
    append_transaction(log_, 220, 400);
    // It is handed on, but not on the target.
    read_up_to_now(*reader, Lsn{190});
    EXPECT_EQ(log_.state().from, Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{190}));
    EXPECT_EQ(take_all(*reader).at(1), "block of a streamed transaction");
    reader->release(Lsn{200});
    EXPECT_EQ(log_.state().from, Lsn{100});
    reader->release(Lsn{220});
    EXPECT_EQ(log_.state().from, Lsn{210});
}

TEST_F(OrderedLogTest, HasNoRoomWhileTooMuchWaits) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    EXPECT_TRUE(log_.has_room());
    append_message(log_, std::string(70'000, 'x'), 110);
    EXPECT_FALSE(log_.has_room());
    EXPECT_FALSE(is_readable(log_.room_fd()));
    EXPECT_EQ(take_all(*reader).size(), 2U);
    EXPECT_TRUE(log_.has_room());
    EXPECT_TRUE(is_readable(log_.room_fd()));
}

TEST_F(OrderedLogTest, DropsWhatWasTakenBeyondHalfOfTheMemory) {
    const auto reader = log_.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log_.begin_session(Lsn{100});
    for (std::uint64_t end = 110; end <= 1100; end += 10) {
        append_transaction(log_, end, 1000);
        take_all(*reader);
        reader->release(Lsn{100});
    }
    EXPECT_LE(log_.state().memory_bytes, std::size_t{33} << 10);
    EXPECT_TRUE(log_.has_room());
    EXPECT_FALSE(reader->rewind(Lsn{100}));
    EXPECT_GT(log_.state().from, Lsn{100});
    EXPECT_LT(log_.state().from, log_.state().end);
}

}  // namespace
}  // namespace walpack
