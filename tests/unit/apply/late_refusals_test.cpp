#include "apply/late_refusals.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

LateRefusal refusal(const std::string& constraint) {
    return {"23503", "message", "text", constraint};
}

RowOrigin origin(std::uint64_t lsn, std::uint64_t number) {
    return {Lsn{lsn}, 7, 0, number};
}

TEST(LateRefusalsTest, TellsEachRowOnceAndOnlyOfItsTransaction) {
    LateRefusals refusals;
    EXPECT_TRUE(refusals.add(Lsn{100}, {{2, refusal("a")}, {5, refusal("b")}}));
    EXPECT_FALSE(refusals.take(origin(100, 1)));
    EXPECT_FALSE(refusals.take(origin(101, 2)));
    EXPECT_EQ(refusals.take(origin(100, 5))->constraint, "b");
    EXPECT_FALSE(refusals.take(origin(100, 5)));
    EXPECT_EQ(refusals.take(origin(100, 2))->constraint, "a");
}

TEST(LateRefusalsTest, TheSameRowsAgainAreOfNoUse) {
    LateRefusals refusals;
    EXPECT_TRUE(refusals.add(Lsn{100}, {{2, refusal("a")}}));
    EXPECT_TRUE(refusals.take(origin(100, 2)));
    EXPECT_FALSE(refusals.add(Lsn{100}, {{2, refusal("a")}}));
    EXPECT_TRUE(refusals.add(Lsn{100}, {{2, refusal("a")}, {3, refusal("a")}}));
    EXPECT_TRUE(refusals.add(Lsn{200}, {{2, refusal("a")}}));
    refusals.clear();
    EXPECT_FALSE(refusals.take(origin(200, 2)));
    EXPECT_TRUE(refusals.add(Lsn{200}, {{2, refusal("a")}}));
}

}  // namespace
}  // namespace walpack
