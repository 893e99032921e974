// What the log keeps for targets that are away, new, or not known yet.
#include <gmock/gmock.h>

#include "unit/log/log_files_fixture.h"

namespace walpack {
namespace {

using testing::Contains;
using testing::HasSubstr;

using OrderedLogTargetsTest = OrderedLogFilesTest;

TEST_F(OrderedLogTargetsTest, NothingIsDurableForAReaderWhoseBeginningLeftMemory) {
    const auto log = open();
    const auto reader = log->add_reader("", Lsn{100});
    ASSERT_TRUE(reader->rewind(Lsn{100}));
    log->begin_session(Lsn{100});
    for (std::uint64_t lsn = 110; lsn <= 2000; lsn += 10) {
        append_transaction(*log, lsn, 1000);
        read_up_to_now(*reader, Lsn{100});
    }
    ASSERT_FALSE(reader->rewind(Lsn{100}));
    ASSERT_TRUE(reader->rewind(log->state().from));
    log->set_durable(true);
    // The files are there; that they do not begin where the target is makes them worth nothing.
    wait_until([&] { return log->state().disk_bytes > 20'000; });
    EXPECT_FALSE(log->state().durable.is_valid());
    read_up_to_now(*reader, Lsn{2000});
    wait_until([&] { return log->state().durable == Lsn{2000}; });
}

TEST_F(OrderedLogTargetsTest, IsDurableForOneThatHasNoPositionYet) {
    const auto log = open();
    const auto reader = log->add_reader("", Lsn{});
    const auto late = log->add_reader("", Lsn{});
    ASSERT_TRUE(reader->rewind(Lsn{120}));
    log->set_durable(true);
    log->begin_session(Lsn{100});
    for (std::uint64_t lsn = 110; lsn <= 200; lsn += 10) {
        append_transaction(*log, lsn, 300);
        read_up_to_now(*reader, Lsn{lsn});
    }
    wait_until([&] { return log->state().durable == Lsn{200}; });
    ASSERT_TRUE(late->rewind(Lsn{150}));
    const auto texts = take_all(*late);
    for (const char* text : {"commit 160", "commit 180", "commit 200"})
        EXPECT_THAT(texts, Contains(text));
}

TEST_F(OrderedLogTargetsTest, RefusesAHoleBehindAFirstPosition) {
    const auto log = open();
    const auto reader = log->add_reader("", Lsn{});
    ASSERT_TRUE(reader->rewind(Lsn{90}));
    log->begin_session(Lsn{100});
    EXPECT_THROW(reader->take(kNoWait), Error);
}

TEST_F(OrderedLogTargetsTest, KeepsWhatATargetNeedsWhoseReaderWent) {
    write_log(300);
    const auto log = open();
    auto away = log->add_reader("away", Lsn{100});
    const auto reader = log->add_reader("", Lsn{300});
    ASSERT_TRUE(reader->rewind(Lsn{300}));
    log->begin_session(Lsn{300});
    away.reset();
    read_up_to_now(*reader, Lsn{300});
    EXPECT_EQ(log->state().from, Lsn{100});
    const auto back = log->add_reader("away", Lsn{120});
    EXPECT_TRUE(back->rewind(Lsn{120}));
    back->leave();
}

// It may have released more between the question for its position and its end.
TEST_F(OrderedLogTargetsTest, KnowsATargetByItsNameWhenItsReaderComesBack) {
    const auto log = open();
    auto before = log->add_reader("one", Lsn{100});
    ASSERT_TRUE(before->rewind(Lsn{100}));
    log->set_durable(true);
    log->begin_session(Lsn{100});
    append_transaction(*log, 110);
    read_up_to_now(*before, Lsn{110});
    before.reset();
    const auto after = log->add_reader("one", Lsn{100});
    ASSERT_TRUE(after->rewind(Lsn{110}));
    for (std::uint64_t lsn = 120; lsn <= 300; lsn += 10) {
        append_transaction(*log, lsn, 300);
        read_up_to_now(*after, Lsn{lsn});
    }
    wait_until([&] { return log->state().from >= Lsn{290}; });
}

TEST_F(OrderedLogTargetsTest, WhereATargetIsUnknownNothingIsDurableBeforeTheSlotIsKnown) {
    write_log(300);
    for (const std::uint64_t confirmed : {99, 100, 300}) {
        const auto log = open();
        const auto reader = log->add_reader("one", Lsn{});
        EXPECT_FALSE(log->state().durable.is_valid());
        log->note_confirmed(Lsn{confirmed});
        EXPECT_EQ(log->state().durable, confirmed < 100 ? Lsn{} : Lsn{300}) << confirmed;
    }
}

// Where it is nobody knows as long as it is away: what was said of it by the log that was there
// before must not keep the new one from being called durable.
TEST_F(OrderedLogTargetsTest, ALogThatBeginsAgainIsDurableForATargetThatIsAway) {
    write_log(300);
    const auto log = open();
    const auto away = log->add_reader("away", Lsn{});
    const auto reader = log->add_reader("one", Lsn{});
    log->note_confirmed(Lsn{500});
    log->reset();
    log->begin_session(Lsn{500});
    ASSERT_TRUE(reader->rewind(Lsn{500}));
    log->set_durable(true);
    append_transaction(*log, 510, 10);
    wait_until([&] { return log->state().durable >= Lsn{510}; });
}

TEST_F(OrderedLogTargetsTest, ForgetsWhatOnlyATargetNeededThatLeft) {
    write_log(300);
    const auto log = open();
    auto gone = log->add_reader("", Lsn{100});
    const auto reader = log->add_reader("", Lsn{300});
    ASSERT_TRUE(reader->rewind(Lsn{300}));
    log->begin_session(Lsn{300});
    read_up_to_now(*reader, Lsn{300});
    gone->leave();
    gone.reset();
    append_transaction(*log, 310);
    read_up_to_now(*reader, Lsn{310});
    wait_until([&] { return files() == std::set<std::string>{"lock"}; });
}

}  // namespace
}  // namespace walpack
