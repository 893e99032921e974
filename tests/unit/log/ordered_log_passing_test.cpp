// A transaction that is larger than the log may become.
#include <atomic>
#include <thread>

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
        auto reader = log.add_reader("", Lsn{100});
        EXPECT_TRUE(reader->rewind(Lsn{100}));
        log.begin_session(Lsn{100});
        return reader;
    }
};

// What is before it is durable in files, and the target cannot make it durable amid a transaction.
TEST_F(OrderedLogPassingTest, ATransactionThatDoesNotFitPassesBehindTheFiles) {
    constexpr int kMessages = 200;
    OrderedLog log(small(20'000), identity());
    const auto reader = begin(log);
    append_transaction(log, 110, 300);
    wait_until([&] { return log.state().durable == Lsn{110}; });
    int sent = 0;
    int taken = 0;
    bool had_hole = false;
    wait_until([&] {
        for (; log.has_room() && sent < kMessages; ++sent)
            append_message(log, std::string(1000, '.'), sent + 1 == kMessages ? 120 : 0);
        taken += static_cast<int>(read_up_to_now(*reader, Lsn{100}).size());
        had_hole = had_hole || log.state().has_hole;
        return taken == 3 + kMessages;
    });
    EXPECT_TRUE(had_hole);
    EXPECT_EQ(log.state().durable, Lsn{110}) << "the source has what is behind it";
    // What follows is safe again once the target has it.
    read_up_to_now(*reader, Lsn{120});
    EXPECT_FALSE(log.state().has_hole);
    append_transaction(log, 130, 300);
    read_up_to_now(*reader, Lsn{120});
    append_transaction(log, 140, 300);
    read_up_to_now(*reader, Lsn{130});
    wait_until([&] { return log.state().durable == Lsn{140}; });
}

// The one of a hole that files precede: whoever has to begin before it gets the rest again.
TEST_F(OrderedLogPassingTest, WhatPassedIsCutOffForATargetThatBeginsAgain) {
    OrderedLog log(small(20'000), identity());
    const auto reader = begin(log);
    std::uint64_t end = 100;
    wait_until([&] {
        while (log.has_room() && end < 400) append_transaction(log, ++end, 1000);
        take_all(*reader);
        return log.state().durable.is_valid() && end == 400;
    });
    ASSERT_TRUE(log.state().has_hole);
    const Lsn durable = log.state().durable;
    EXPECT_FALSE(reader->rewind(Lsn{100}));
    EXPECT_TRUE(log.end_session());
    EXPECT_EQ(log.state().end, durable);
    log.begin_session(durable);
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    for (end = durable.value; end < durable.value + 10;) append_transaction(log, ++end, 1000);
    const auto texts = take_all(*reader);
    // Two messages of each, and the beginnings of two sessions.
    EXPECT_EQ(texts.size(), 2 * (end - 100) + 2);
    EXPECT_EQ(texts.back(), "commit " + std::to_string(end));
}

class OrderedLogLeftBehindTest : public OrderedLogPassingTest {
  protected:
    OrderedLogLeftBehindTest() : log_(impatient(), identity()) {
        log_.set_durable(true);
        for (auto* reader : {&moving_, &standing_}) {
            *reader = log_.add_reader("", Lsn{100});
            EXPECT_TRUE((*reader)->rewind(Lsn{100}));
        }
        log_.begin_session(Lsn{100});
    }

    OrderedLogOptions impatient() const {
        OrderedLogOptions options = small(20'000);
        options.left_behind = std::chrono::milliseconds(20);
        return options;
    }
    // Returns the LSN of the last one.
    std::uint64_t write_while_one_stands(std::uint64_t end = 100) {
        wait_until([&] {
            while (log_.has_room() && end < 400) append_transaction(log_, ++end, 1000);
            read_up_to_now(*moving_, Lsn{end});
            return log_.state().durable.is_valid() && end == 400 && moving_->is_drained();
        });
        return end;
    }

    OrderedLog log_;
    std::unique_ptr<LogReader> moving_;
    std::unique_ptr<LogReader> standing_;
};

TEST_F(OrderedLogLeftBehindTest, OneThatStandsDoesNotHoldTheOthers) {
    write_while_one_stands();
    EXPECT_TRUE(log_.state().has_hole);
}

// It first gets what is in the files, beside the other one.
TEST_F(OrderedLogLeftBehindTest, ItHasTheFilesAndThenTheRestAgain) {
    const std::uint64_t end = write_while_one_stands();
    const Lsn durable = log_.state().durable;
    ASSERT_TRUE(standing_->rewind(Lsn{100}));
    append_transaction(log_, end + 1);
    EXPECT_EQ(read_up_to_now(*moving_, Lsn{end}).size(), 2U);
    std::size_t count = 0;
    EXPECT_THROW(
        for (;; ++count) {
            if (standing_->wants_state()) standing_->note_state("state", std::nullopt);
            ASSERT_TRUE(standing_->take(kNoWait));
        },
        Error);
    EXPECT_GE(count, 1 + 2 * (durable.value - 100));
    // Now it would do so again.
    EXPECT_FALSE(standing_->rewind(Lsn{100}));
    EXPECT_TRUE(log_.end_session());
    EXPECT_EQ(log_.state().end, durable);
    EXPECT_THROW(moving_->take(kNoWait), Error);
    ASSERT_TRUE(moving_->rewind(Lsn{end}));
    ASSERT_TRUE(standing_->rewind(Lsn{100}));
    log_.begin_session(durable);
    append_transaction(log_, durable.value + 1);
    EXPECT_EQ(take_all(*standing_).back(), "commit " + std::to_string(durable.value + 1));
    EXPECT_EQ(take_all(*moving_).back(), "commit " + std::to_string(durable.value + 1));
}

// It had fetched more than it took, and that was cut off; what followed left memory meanwhile.
TEST_F(OrderedLogLeftBehindTest, ItDoesNotGoOnBehindWhatItMissed) {
    append_transaction(log_, 101);
    append_message(log_, "of one that is cut off");
    EXPECT_EQ(take_all(*standing_, 3).back(), "commit 101");
    EXPECT_EQ(read_up_to_now(*moving_, Lsn{100}).size(), 4U);
    log_.end_session();
    EXPECT_THROW(moving_->take(kNoWait), Error);
    ASSERT_TRUE(moving_->rewind(Lsn{100}));
    log_.begin_session(Lsn{101});
    write_while_one_stands(101);
    EXPECT_THROW(take_all(*standing_), Error);
}

// What it needs of the files it has, so they go; what comes behind them is not skipped.
TEST_F(OrderedLogLeftBehindTest, OneThatHasReadTheFilesMissesTheRest) {
    const std::uint64_t end = write_while_one_stands();
    const Lsn durable = log_.state().durable;
    ASSERT_TRUE(standing_->rewind(Lsn{100}));
    std::size_t count = 0;
    const auto read_on = [&] {
        for (;; ++count) {
            standing_->release(durable);
            if (standing_->wants_state()) standing_->note_state("state", std::nullopt);
            if (!standing_->take(kNoWait)) return;
        }
    };
    EXPECT_THROW(read_on(), Error);
    EXPECT_FALSE(standing_->rewind(durable));
    EXPECT_EQ(read_up_to_now(*moving_, Lsn{end}).size(), 0U);
}

// What it releases may end the need for the files while it reads them; others make them go then.
TEST_F(OrderedLogPassingTest, FilesMayGoWhileOneReadsThem) {
    constexpr int kMessages = 4000;
    OrderedLogOptions options = small(2 << 20);
    options.left_behind = std::chrono::milliseconds(20);
    OrderedLog log(options, identity());
    const auto standing = begin(log);
    const auto moving = log.add_reader("", Lsn{100});
    ASSERT_TRUE(moving->rewind(Lsn{100}));
    append_transaction(log, 103);
    wait_until([&] { return log.state().durable == Lsn{103}; });
    int sent = 0;
    wait_until([&] {
        for (; log.has_room() && sent < kMessages; ++sent)
            append_message(log, std::string(1000, '.'), sent + 1 == kMessages ? 110 : 0);
        read_up_to_now(*moving, Lsn{103});
        return sent == kMessages && moving->is_drained();
    });
    ASSERT_TRUE(log.state().has_hole);
    ASSERT_TRUE(standing->rewind(Lsn{100}));
    std::atomic<bool> is_over{false};
    std::thread reading([&] {
        try {
            for (int taken = 0;; ++taken) {
                if (taken > 500) standing->release(Lsn{103});
                (void)standing->take(kNoWait);
            }
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::connection) << error.what();
        }
        is_over = true;
    });
    for (std::uint64_t end = 111; !is_over; ++end) {
        if (log.has_room()) append_transaction(log, end, 1000);
        read_up_to_now(*moving, Lsn{end});
    }
    reading.join();
}

// Files that an earlier process left, while nothing is to be durable.
TEST_F(OrderedLogPassingTest, AHoleEndsWithTheFilesBeforeIt) {
    constexpr int kMessages = 500;
    {
        OrderedLog log(small(100'000), identity());
        const auto reader = begin(log);
        append_transaction(log, 103, 1000);
        wait_until([&] { return log.state().durable == Lsn{103}; });
    }
    OrderedLog log(small(100'000), identity());
    const auto reader = log.add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log.begin_session(Lsn{103});
    take_all(*reader);
    int sent = 0;
    int taken = 0;
    wait_until([&] {
        for (; log.has_room() && sent < kMessages; ++sent)
            append_message(log, std::string(1000, '.'), sent + 1 == kMessages ? 110 : 0);
        taken += static_cast<int>(take_all(*reader).size());
        if (taken > 50) reader->release(Lsn{100});
        return taken >= kMessages;
    });
    for (std::uint64_t end = 111; end < 150; ++end) {
        append_transaction(log, end, 1000);
        take_all(*reader);
    }
    EXPECT_TRUE(log.state().has_hole);
    reader->release(Lsn{149});
    EXPECT_FALSE(log.state().has_hole);
    EXPECT_EQ(log.state().disk_bytes, 0U);
    EXPECT_FALSE(log.end_session());
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
