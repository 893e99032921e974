#include "apply/unbatched_tables.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

class UnbatchedTablesTest : public ::testing::Test {
  protected:
    UnbatchedTablesTest() {
        table_.schema = "public";
        table_.name = "t";
    }

    // How many groups until the table is batched again.
    std::uint64_t groups_until_batched() {
        std::uint64_t groups = 0;
        while (tables_.contains(table_)) {
            tables_.note_group();
            ++groups;
        }
        return groups;
    }
    void note_groups(std::uint64_t groups) {
        for (std::uint64_t i = 0; i < groups; ++i) tables_.note_group();
    }

    static constexpr std::uint64_t kMin = UnbatchedTables::kGroupsMin;

    TargetTable table_;
    UnbatchedTables tables_;
};

TEST_F(UnbatchedTablesTest, HasNoTableAtFirst) {
    EXPECT_FALSE(tables_.contains(table_));
}

TEST_F(UnbatchedTablesTest, LetsATableGoAfterSomeGroups) {
    tables_.add(table_);
    EXPECT_EQ(groups_until_batched(), kMin);
}

TEST_F(UnbatchedTablesTest, NamesTheTableWhenItGoes) {
    tables_.add(table_);
    note_groups(kMin - 1);
    const std::vector<TableName> expected = {{"public", "t"}};
    EXPECT_EQ(tables_.note_group(), expected);
    EXPECT_TRUE(tables_.note_group().empty());
}

TEST_F(UnbatchedTablesTest, KeepsItTwiceAsLongWhenItFailsAgainSoon) {
    tables_.add(table_);
    note_groups(kMin + 2 * kMin - 1);
    tables_.add(table_);
    EXPECT_EQ(groups_until_batched(), 2 * kMin);
}

TEST_F(UnbatchedTablesTest, ForgetsAFailureAfterTwiceAsManyGroupsThatDidWell) {
    tables_.add(table_);
    note_groups(kMin + 2 * kMin);
    tables_.add(table_);
    EXPECT_EQ(groups_until_batched(), kMin);
}

TEST_F(UnbatchedTablesTest, StartsAgainWithoutDoublingWhenBatchesFailThatWereOnTheirWay) {
    tables_.add(table_);
    note_groups(10);
    tables_.add(table_);
    EXPECT_EQ(groups_until_batched(), kMin);
}

TEST_F(UnbatchedTablesTest, KeepsNoTableLongerThanTheBound) {
    for (int failures = 0; failures < 30; ++failures) {
        tables_.add(table_);
        groups_until_batched();
    }
    tables_.add(table_);
    EXPECT_EQ(groups_until_batched(), UnbatchedTables::kGroupsMax);
}

}  // namespace
}  // namespace walpack
