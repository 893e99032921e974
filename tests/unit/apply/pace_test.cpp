#include "apply/pace.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class PaceTest : public ::testing::Test {
  protected:
    void close(std::uint64_t transactions, std::uint64_t rows, std::chrono::nanoseconds after) {
        now_ += after;
        pace_.note_closed(transactions, rows, now_);
    }

    Pace::Clock::time_point now_ = Pace::Clock::now();
    Pace pace_{milliseconds(5), now_};
};

TEST_F(PaceTest, StartsIdle) {
    EXPECT_FALSE(pace_.is_busy(now_));
    EXPECT_EQ(pace_.linger_left(now_, now_).count(), 0);
}

TEST_F(PaceTest, LingersWhenManyTransactionsComeTogether) {
    for (int i = 0; i < 3; ++i) close(20, 20, milliseconds(5));
    EXPECT_TRUE(pace_.is_busy(now_));
    EXPECT_EQ(pace_.linger_left(now_, now_ + milliseconds(2)), milliseconds(3));
    EXPECT_EQ(pace_.linger_left(now_, now_ + milliseconds(9)).count(), 0);
}

// However fast: 5,000 a second, each waited for.
TEST_F(PaceTest, NeverLingersForTransactionsThatComeAlone) {
    for (int i = 0; i < 100; ++i) {
        close(1, 1000, microseconds(200));
        pace_.note_alone(false);
        ASSERT_FALSE(pace_.is_busy(now_));
    }
}

TEST_F(PaceTest, LingersForFewTransactionsOfManyRows) {
    for (int i = 0; i < 5; ++i) {
        close(1, 100, milliseconds(2));
        pace_.note_alone(true);
    }
    EXPECT_TRUE(pace_.is_busy(now_));
}

TEST_F(PaceTest, DoesNotLingerForAQuietStreamInCompany) {
    for (int i = 0; i < 10; ++i) close(2, 2, milliseconds(100));
    EXPECT_FALSE(pace_.is_busy(now_));
}

// 500 transactions a second that come when they like: now and then some are close together.
TEST_F(PaceTest, DoesNotLingerForAFewThatHappenToComeTogether) {
    for (int i = 0; i < 50; ++i) {
        now_ += milliseconds(10);
        for (int j = 0; j < 5; ++j) {
            close(1, 1, microseconds(100));
            pace_.note_alone(true);
            ASSERT_FALSE(pace_.is_busy(now_));
        }
    }
}

TEST_F(PaceTest, DoesNotLingerForTheFirstAfterAPause) {
    for (int i = 0; i < 10; ++i) close(20, 20, milliseconds(5));
    ASSERT_TRUE(pace_.is_busy(now_));
    EXPECT_FALSE(pace_.is_busy(now_ + milliseconds(50)));
}

TEST_F(PaceTest, ForgetsABusyTime) {
    for (int i = 0; i < 10; ++i) close(20, 20, milliseconds(5));
    for (int i = 0; i < 10; ++i) {
        close(1, 1, milliseconds(1));
        pace_.note_alone(false);
    }
    EXPECT_FALSE(pace_.is_busy(now_));
}

}  // namespace
}  // namespace walpack
