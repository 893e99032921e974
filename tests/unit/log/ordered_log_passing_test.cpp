// A transaction that is larger than the log may become.
#include "base/error.h"
#include "unit/log/log_fixture.h"

namespace walpack {
namespace {

class OrderedLogPassingTest : public LogTest {
  protected:
    OrderedLogOptions small(std::uint64_t disk_bytes_max) const {
        OrderedLogOptions small = options();
        small.disk_bytes_max = disk_bytes_max;
        small.standstill = std::chrono::milliseconds(10);
        return small;
    }
    // All of it is to be durable; the session begins at 100, and so does the reader.
    static std::unique_ptr<LogReader> begin(OrderedLog& log) {
        log.set_durable(true);
        auto reader = log.add_reader(Lsn{100});
        EXPECT_TRUE(reader->rewind(Lsn{100}));
        log.begin_session(Lsn{100});
        return reader;
    }
};

// Its beginning may not leave while what is before it is not on the target; cut off, it waits
// there.
TEST_F(OrderedLogPassingTest, ATransactionThatDoesNotFitPassesOnceWhatIsBeforeItLeft) {
    constexpr int kMessages = 200;
    OrderedLog log(small(20'000), identity());
    const auto reader = begin(log);
    append_transaction(log, 110, 300);
    wait_until([&] { return log.state().durable == Lsn{110}; });
    wait_until([&] {
        while (log.has_room()) append_message(log, std::string(1000, '.'));
        read_up_to_now(*reader, Lsn{100});
        return log.state().is_stuck;
    });
    log.end_session();
    EXPECT_FALSE(log.state().is_stuck);
    EXPECT_THROW(reader->take(kNoWait), Error);
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    EXPECT_EQ(read_up_to_now(*reader, Lsn{110}).size(), 3U);
    EXPECT_TRUE(reader->is_drained());
    log.begin_session(Lsn{110});
    int sent = 0;
    int taken = 0;
    bool was_passing = false;
    const auto passes = [&log] {
        const OrderedLogState state = log.state();
        return state.is_receiving_unwritten || state.is_applying_unwritten;
    };
    wait_until([&] {
        for (; log.has_room() && sent < kMessages; ++sent)
            append_message(log, std::string(1000, '.'), sent + 1 == kMessages ? 120 : 0);
        taken += static_cast<int>(read_up_to_now(*reader, Lsn{110}).size());
        EXPECT_FALSE(log.state().is_stuck);
        EXPECT_TRUE(passes() || !was_passing);
        was_passing = passes();
        return taken == 1 + kMessages;
    });
    EXPECT_TRUE(was_passing) << "the target does not have it yet";
    // What follows is safe again once the target has it.
    read_up_to_now(*reader, Lsn{120});
    EXPECT_FALSE(passes());
    append_transaction(log, 130, 300);
    read_up_to_now(*reader, Lsn{120});
    wait_until([&] { return log.state().durable == Lsn{130}; });
}

// What the server says before it is durable soon, and the target cannot store that position amid
// the transaction: it is in its way as a transaction would be.
TEST_F(OrderedLogPassingTest, AKeepaliveBeforeItLeavesWithAnotherSession) {
    constexpr int kMessages = 200;
    OrderedLog log(small(20'000), identity());
    const auto reader = begin(log);
    log.append(ReceivedKeepalive{Lsn{115}});
    wait_until([&] { return log.state().durable == Lsn{115}; });
    int sent = 0;
    int sessions = 1;
    int taken = 0;
    wait_until([&] {
        for (; log.has_room() && sent < kMessages; ++sent)
            append_message(log, std::string(1000, '.'), sent + 1 == kMessages ? 120 : 0);
        const Lsn applied{sessions == 1 ? 100U : 115U};
        taken += static_cast<int>(read_up_to_now(*reader, applied).size());
        if (!log.state().is_stuck) return taken >= kMessages;
        log.end_session();
        EXPECT_TRUE(reader->rewind(applied));
        read_up_to_now(*reader, Lsn{115});
        log.begin_session(log.state().end);
        ++sessions;
        sent = taken = 0;
        return false;
    });
    EXPECT_EQ(sessions, 2);
    read_up_to_now(*reader, Lsn{120});
    EXPECT_FALSE(log.state().is_applying_unwritten);
}

// The target may take everything and not know yet that it has the transaction: what of that waited
// in memory stays there no longer than what follows.
TEST_F(OrderedLogPassingTest, ItsRestDoesNotHoldWhatFollows) {
    constexpr int kMessages = 400;
    constexpr int kFollowing = 60;
    OrderedLogOptions options = small(512'000);
    options.segment_bytes = 16'000;
    OrderedLog log(options, identity());
    const auto reader = begin(log);
    int sent = 0;
    wait_until([&] {
        for (; log.has_room() && sent < kMessages; ++sent)
            append_message(log, std::string(2000, '.'));
        take_all(*reader);
        return sent == kMessages;
    });
    append_message(log, std::string(2000, '.'), 120);
    EXPECT_EQ(log.state().disk_bytes, 0U);
    int following = 0;
    const auto append_bytes = [&](int bytes) {
        for (; bytes > 0; bytes -= 3000) append_transaction(log, 130 + following++, 3000);
    };
    append_bytes(18'000);
    wait_until([&] { return log.state().disk_bytes > 18'000; });
    append_bytes(21'000);
    wait_until([&] { return log.state().disk_bytes > 41'000; });
    wait_until([&] {
        for (; log.has_room() && following < kFollowing;) append_bytes(3000);
        take_all(*reader);
        return following == kFollowing;
    });
}

}  // namespace
}  // namespace walpack
