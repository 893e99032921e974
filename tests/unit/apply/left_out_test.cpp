#include "apply/left_out.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>

namespace walpack {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The numbers that are left out; empty when nothing was found.
std::vector<std::size_t> found(std::size_t count, const std::function<bool(const LeftOut&)>& fits,
                               std::size_t tries_max = 1000) {
    const auto out = find_left_out(LeftOut(count, false), fits, tries_max);
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; out && i < count; ++i)
        if ((*out)[i]) numbers.push_back(i);
    return numbers;
}

TEST(LeftOutTest, FindsTheOneAmongMany) {
    int tries = 0;
    const auto fits = [&tries](const LeftOut& out) {
        ++tries;
        return out[777];
    };
    EXPECT_THAT(found(5000, fits), ElementsAre(777));
    EXPECT_LT(tries, 60);
}

TEST(LeftOutTest, FindsSeveral) {
    const auto fits = [](const LeftOut& out) { return out[0] && out[41] && out[42] && out[99]; };
    EXPECT_THAT(found(100, fits), ElementsAre(0, 41, 42, 99));
}

TEST(LeftOutTest, AChildBeforeItsParentGoesBack) {
    const auto fits = [](const LeftOut& out) { return (out[3] || !out[60]) && out[50]; };
    EXPECT_THAT(found(100, fits), ElementsAre(50));
}

// 10 and 90 only fit together, and 50 not at all.
TEST(LeftOutTest, RowsThatHoldEachOtherUpGoBackWhenOneIsEnough) {
    const auto fits = [](const LeftOut& out) { return out[10] == out[90] && out[50]; };
    EXPECT_THAT(found(100, fits), ElementsAre(50));
}

TEST(LeftOutTest, AFewThatHoldEachOtherUpGoBackInPairs) {
    const auto fits = [](const LeftOut& out) {
        return out[4] == out[5] && out[20] == out[70] && out[1] && out[8];
    };
    EXPECT_THAT(found(100, fits), ElementsAre(1, 8));
}

TEST(LeftOutTest, AGoodGuessSavesTheSearch) {
    int tries = 0;
    const auto fits = [&tries](const LeftOut& out) {
        ++tries;
        return out[30] && out[3000];
    };
    LeftOut guess(5000, false);
    guess[30] = guess[77] = guess[3000] = true;
    const LeftOut out = find_left_out(guess, fits, 100).value();
    EXPECT_TRUE(out[30] && out[3000] && !out[77]);
    EXPECT_LT(tries, 15);
    guess[3000] = false;
    EXPECT_TRUE(find_left_out(guess, fits, 100).value()[3000]) << "a bad guess is not believed";
}

TEST(LeftOutTest, ManyAreFoundWithinAThousandTries) {
    int tries = 0;
    const auto fits = [&tries](const LeftOut& out) {
        ++tries;
        for (std::size_t i = 0; i < out.size(); i += 100)
            if (!out[i]) return false;
        return true;
    };
    EXPECT_EQ(found(2000, fits).size(), 20U);
    EXPECT_LT(tries, 1000);
}

TEST(LeftOutTest, NothingIsFoundWhereNothingHelps) {
    EXPECT_FALSE(find_left_out(
        LeftOut(10), [](const LeftOut&) { return false; }, 100));
    EXPECT_FALSE(find_left_out(
        {}, [](const LeftOut&) { return true; }, 100));
}

TEST(LeftOutTest, GivesUpAfterSoManyTries) {
    int tries = 0;
    const auto fits = [&tries](const LeftOut& out) {
        ++tries;
        return std::ranges::all_of(out, [](bool is_out) { return is_out; });
    };
    EXPECT_FALSE(find_left_out(LeftOut(1000), fits, 50));
    EXPECT_EQ(tries, 50);
    EXPECT_THAT(found(3, fits), ElementsAre(0, 1, 2));
}

TEST(LeftOutTest, ARowAloneIsTheOne) {
    EXPECT_THAT(found(1, [](const LeftOut& out) { return bool(out[0]); }), ElementsAre(0));
}

}  // namespace
}  // namespace walpack
