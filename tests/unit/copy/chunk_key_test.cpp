#include "copy/chunk_key.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

KeyBound bound(const std::string& text) {
    return {text, text};
}

TEST(CutAt, MakesOpenRangesThatMeet) {
    const CutRanges cut = cut_at({bound("c"), bound("f")});
    EXPECT_EQ(cut.ranges, (std::vector<KeyRange>{{std::nullopt, bound("c")},
                                                 {bound("c"), bound("f")},
                                                 {bound("f"), std::nullopt}}));
    EXPECT_EQ(cut.largest, 1U);
}

TEST(CutAt, MakesOneRangeWithoutBounds) {
    const CutRanges cut = cut_at({});
    EXPECT_EQ(cut.ranges, std::vector<KeyRange>{KeyRange{}});
    EXPECT_EQ(cut.largest, 1U);
}

TEST(CutAt, CountsEqualBoundsAsOneLargerRange) {
    const CutRanges cut = cut_at({bound("a"), bound("c"), bound("c"), bound("c"), bound("x")});
    EXPECT_EQ(cut.ranges.size(), 4U);
    EXPECT_EQ(cut.largest, 3U);
}

TEST(CutAt, CountsEqualBoundsAtTheEndToo) {
    const CutRanges cut = cut_at({bound("a"), bound("c"), bound("c"), bound("c")});
    EXPECT_EQ(cut.ranges.size(), 3U);
    EXPECT_EQ(cut.largest, 3U);
}

}  // namespace
}  // namespace walpack
