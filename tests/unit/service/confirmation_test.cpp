// By what the slot is confirmed when there are several targets.
#include "service/confirmation.h"

#include "unit/log/log_fixture.h"

namespace walpack {
namespace {

class ConfirmationTest : public LogTest {
  protected:
    OrderedLog log_{options(), identity()};
    Lsn confirmed_;
    Confirmation confirmation_{ConfirmPolicy{}, log_, [this](Lsn lsn) { confirmed_ = lsn; }};
};

TEST_F(ConfirmationTest, TheSlowestCounts) {
    const std::size_t slow = confirmation_.add_target("slow");
    const std::size_t fast = confirmation_.add_target("fast");
    confirmation_.note_applied(fast, Lsn{200});
    EXPECT_EQ(confirmed_, Lsn{});
    confirmation_.note_applied(slow, Lsn{100});
    EXPECT_EQ(confirmed_, Lsn{100});
}

TEST_F(ConfirmationTest, OneThatBeginsWithOtherSettingsCountsMeanwhile) {
    const std::size_t before = confirmation_.add_target("slow");
    const std::size_t fast = confirmation_.add_target("fast");
    confirmation_.note_applied(before, Lsn{100});
    confirmation_.note_applied(fast, Lsn{200});
    const std::size_t after = confirmation_.add_target("slow");
    confirmation_.note_applied(fast, Lsn{300});
    EXPECT_EQ(confirmed_, Lsn{100});
    EXPECT_FALSE(confirmation_.all_have(Lsn{100}));
    confirmation_.note_begun(after, Lsn{100});
    confirmation_.note_begun(fast, Lsn{200});
    EXPECT_TRUE(confirmation_.all_have(Lsn{100}));
    confirmation_.note_applied(after, Lsn{150});
    EXPECT_EQ(confirmed_, Lsn{150});
}

TEST_F(ConfirmationTest, OneThatHasNotBegunHasWhatNoTargetLacks) {
    confirmation_.add_target("away");
    const std::size_t there = confirmation_.add_target("there");
    confirmation_.note_begun(there, Lsn{300});
    EXPECT_FALSE(confirmation_.all_have(Lsn{100}));
    confirmation_.note_bound(Lsn{100});
    EXPECT_TRUE(confirmation_.all_have(Lsn{100}));
    EXPECT_FALSE(confirmation_.all_have(Lsn{101}));
}

TEST_F(ConfirmationTest, OneThatComesBackAsAnOlderCopyHasWhatThatHas) {
    const std::size_t target = confirmation_.add_target("one");
    confirmation_.note_begun(target, Lsn{100});
    confirmation_.note_applied(target, Lsn{300});
    confirmation_.note_begun(target, Lsn{200});
    EXPECT_FALSE(confirmation_.all_have(Lsn{300}));
    EXPECT_EQ(confirmation_.applied_by_all(), Lsn{200});
    EXPECT_EQ(confirmed_, Lsn{300}) << "what was said to the source stays said";
}

TEST_F(ConfirmationTest, OneThatLeftHoldsNothingBack) {
    const std::size_t slow = confirmation_.add_target("slow");
    const std::size_t fast = confirmation_.add_target("fast");
    confirmation_.note_applied(slow, Lsn{100});
    confirmation_.remove_target(slow);
    confirmation_.note_applied(fast, Lsn{300});
    EXPECT_EQ(confirmed_, Lsn{300});
}

}  // namespace
}  // namespace walpack
