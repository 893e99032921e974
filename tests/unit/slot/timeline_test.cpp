#include "slot/timeline.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace walpack {
namespace {

// Timeline 1 ended at 0/3000, 2 at 0/5000; 3 is the current one.
std::vector<TimelineEnd> two_promotions() {
    return {{1, Lsn{0x3000}}, {2, Lsn{0x5000}}};
}

TEST(TimelineHistory, IsReadLineByLine) {
    const auto history = parse_timeline_history(
        "1\t0/3000060\tno recovery target specified\n\n# a note\n2\t1/A0\tbefore 2000-01-01\n");
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0].timeline, 1U);
    EXPECT_EQ(history[0].end, Lsn{0x3000060});
    EXPECT_EQ(history[1].timeline, 2U);
    EXPECT_EQ(history[1].end, Lsn{0x1000000A0});
}

TEST(TimelineHistory, OfTheFirstTimelineIsEmpty) {
    EXPECT_TRUE(parse_timeline_history("").empty());
}

TEST(TimelineHistory, RejectsALineWithoutPosition) {
    EXPECT_THROW(parse_timeline_history("1\n"), Error);
}

TEST(TimelineHistory, RejectsAPositionThatIsNone) {
    EXPECT_THROW(parse_timeline_history("1\tnowhere\treason\n"), Error);
}

TEST(TimelineHistory, RejectsANumberThatIsNone) {
    EXPECT_THROW(parse_timeline_history("one\t0/3000\treason\n"), Error);
}

TEST(TimelinePosition, OfTheCurrentTimelineIsInItsHistory) {
    EXPECT_FALSE(why_not_in_history({3, Lsn{0x9000}}, 3, two_promotions()));
}

TEST(TimelinePosition, BeforeThePromotionIsInItsHistory) {
    EXPECT_FALSE(why_not_in_history({2, Lsn{0x4000}}, 3, two_promotions()));
}

TEST(TimelinePosition, ExactlyAtThePromotionIsInItsHistory) {
    EXPECT_FALSE(why_not_in_history({2, Lsn{0x5000}}, 3, two_promotions()));
}

TEST(TimelinePosition, BeyondThePromotionIsNot) {
    const auto reason = why_not_in_history({2, Lsn{0x5001}}, 3, two_promotions());
    ASSERT_TRUE(reason);
    EXPECT_NE(reason->find("0/5000"), std::string::npos) << *reason;
    EXPECT_NE(reason->find("0/5001"), std::string::npos) << *reason;
}

// The end of its own timeline counts, not that of the last one.
TEST(TimelinePosition, BeyondTheFirstOfTwoPromotionsIsNot) {
    EXPECT_TRUE(why_not_in_history({1, Lsn{0x4000}}, 3, two_promotions()));
}

TEST(TimelinePosition, OfALaterTimelineIsNot) {
    EXPECT_TRUE(why_not_in_history({3, Lsn{0x1000}}, 2, {{1, Lsn{0x3000}}}));
}

TEST(TimelinePosition, OfATimelineThatBranchedOffIsNot) {
    EXPECT_TRUE(why_not_in_history({2, Lsn{0x1000}}, 3, {{1, Lsn{0x3000}}}));
}

}  // namespace
}  // namespace walpack
