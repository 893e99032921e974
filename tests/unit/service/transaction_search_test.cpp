#include "service/transaction_search.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

constexpr Lsn kCommit{0x1000};
constexpr Lsn kEnd{0x1030};

// That looks for one LSN, from the transaction at kCommit on.
TransactionSearch started_for(Lsn lsn) {
    TransactionSearch search;
    search.look_for({lsn});
    search.start(kCommit);
    EXPECT_TRUE(search.begin(kCommit).empty());
    return search;
}

void expect_answer(const std::vector<FoundTransaction>& found, Lsn lsn,
                   std::optional<Lsn> commit_lsn) {
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].lsn, lsn);
    EXPECT_EQ(found[0].commit_lsn, commit_lsn);
}

TEST(TransactionSearch, IsNeededWhereATransactionMayEndAtTheLsn) {
    TransactionSearch search;
    EXPECT_FALSE(search.may_end_at_one(kCommit));
    search.look_for({kEnd});
    EXPECT_TRUE(search.may_end_at_one(kCommit));
    EXPECT_FALSE(search.may_end_at_one(kEnd));
    EXPECT_FALSE(search.may_end_at_one(Lsn{0x2000}));
}

TEST(TransactionSearch, IsNotNeededFarBeforeTheLsn) {
    TransactionSearch search;
    search.look_for({Lsn{kCommit.value + (std::uint64_t{1} << 30)}});
    EXPECT_FALSE(search.may_end_at_one(kCommit));
}

TEST(TransactionSearch, FindsTheTransactionThatEndsAtTheLsnOnceTheNextOneBegins) {
    TransactionSearch search = started_for(kEnd);
    search.commit(kCommit, kEnd);
    EXPECT_TRUE(search.is_running());
    expect_answer(search.begin(Lsn{0x1100}), kEnd, kCommit);
    EXPECT_FALSE(search.is_running());
}

TEST(TransactionSearch, FindsTheTransactionThatEndsAtTheLsnWhenNothingFollows) {
    TransactionSearch search = started_for(kEnd);
    search.commit(kCommit, kEnd);
    expect_answer(search.idle(kEnd), kEnd, kCommit);
}

TEST(TransactionSearch, MeansTheOneThatCommitsWhereAnotherOneEnds) {
    TransactionSearch search = started_for(kEnd);
    search.commit(kCommit, kEnd);
    expect_answer(search.begin(kEnd), kEnd, kEnd);
}

TEST(TransactionSearch, FindsALaterTransactionByItsCommit) {
    TransactionSearch search = started_for(Lsn{0x1100});
    search.commit(kCommit, kEnd);
    expect_answer(search.begin(Lsn{0x1100}), Lsn{0x1100}, Lsn{0x1100});
}

TEST(TransactionSearch, SaysThatAnLsnNamesNothing) {
    TransactionSearch search = started_for(Lsn{0x1008});
    search.commit(kCommit, kEnd);
    expect_answer(search.begin(Lsn{0x1100}), Lsn{0x1008}, std::nullopt);
}

TEST(TransactionSearch, WaitsWhileTheStreamHasNotPassedTheLsn) {
    TransactionSearch search = started_for(Lsn{0x3000});
    search.commit(kCommit, kEnd);
    EXPECT_TRUE(search.begin(Lsn{0x2000}).empty());
    EXPECT_TRUE(search.idle(Lsn{0x2fff}).empty());
    EXPECT_TRUE(search.is_running());
}

TEST(TransactionSearch, SaysNothingOfAnLsnBeforeItsStart) {
    TransactionSearch search;
    search.look_for({Lsn{0x800}, kEnd});
    search.start(kCommit);
    EXPECT_TRUE(search.begin(kCommit).empty());
}

TEST(TransactionSearch, KeepsWhatItKnowsOfAnLsnThatIsStillLookedFor) {
    TransactionSearch search = started_for(kEnd);
    search.commit(kCommit, kEnd);
    search.look_for({kEnd, Lsn{0x9000}});
    expect_answer(search.idle(Lsn{0x1040}), kEnd, kCommit);
}

}  // namespace
}  // namespace walpack
