#include "apply/whole_row_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apply/table_batch.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;
using test::text;
using test::unchanged;
using testing::ElementsAre;

constexpr int kServerVersion = 150000;

class WholeRowRunTest : public ::testing::Test {
  protected:
    WholeRowRunTest()
        : plan_(MappingBuilder("t").column("a", "int4").column("v", "text").full().map(),
                {.is_replica_role = true}),
          run_(plan_) {}

    bool update(const std::vector<Value>& before, const std::vector<Value>& after) {
        const OwnedChange owned(ChangeKind::update_full, before, after);
        return run_.add(BatchKind::update, owned.change, shape_of(*plan_.mapping(), owned.change),
                        encoder_);
    }
    bool update(int before, int after) {
        return update({integer(before), text("v")}, {integer(after), text("v")});
    }
    bool remove(const std::vector<Value>& row) {
        const OwnedChange owned(ChangeKind::delete_full, row, {});
        return run_.add(BatchKind::remove, owned.change, shape_of(*plan_.mapping(), owned.change),
                        encoder_);
    }
    bool remove(int row) { return remove({integer(row), text("v")}); }

    std::vector<std::size_t> sizes_taken() {
        std::vector<std::size_t> sizes;
        for (const Batch& batch : run_.take()) sizes.push_back(batch.rows.size());
        return sizes;
    }

    TablePlan plan_;
    WholeRowRun run_;
    CellEncoder encoder_{kServerVersion};
};

TEST_F(WholeRowRunTest, TakesDifferentRowsTogether) {
    EXPECT_TRUE(update(1, 10));
    EXPECT_TRUE(update(2, 10));
    EXPECT_THAT(sizes_taken(), ElementsAre(2));
    EXPECT_TRUE(run_.is_empty());
}

TEST_F(WholeRowRunTest, EndsAtAnEqualRow) {
    EXPECT_TRUE(remove(1));
    EXPECT_FALSE(remove(1));
    EXPECT_THAT(sizes_taken(), ElementsAre(1));
    EXPECT_TRUE(remove(1));
}

TEST_F(WholeRowRunTest, EndsAtARowThatItMade) {
    EXPECT_TRUE(update(1, 2));
    EXPECT_FALSE(update(2, 3));
}

TEST_F(WholeRowRunTest, EndsAtAChangeThatMakesARowThatItFound) {
    EXPECT_TRUE(update(2, 3));
    EXPECT_FALSE(update(1, 2));
}

TEST_F(WholeRowRunTest, TakesARowThatStaysAsItIs) {
    EXPECT_TRUE(update(1, 1));
    EXPECT_FALSE(update(1, 2));
}

TEST_F(WholeRowRunTest, EndsWhereDeletesFollowUpdates) {
    EXPECT_TRUE(update(1, 10));
    EXPECT_FALSE(remove(2));
}

TEST_F(WholeRowRunTest, KnowsARowThatItMadeByItsUnchangedValuesAsWell) {
    EXPECT_TRUE(update({integer(1), text("big")}, {integer(2), unchanged()}));
    EXPECT_FALSE(update({integer(2), text("big")}, {integer(3), unchanged()}));
    EXPECT_TRUE(update({integer(2), text("other")}, {integer(3), unchanged()}));
}

TEST_F(WholeRowRunTest, MakesAStatementForEachPatternOfNulls) {
    EXPECT_TRUE(remove({integer(1), Value()}));
    EXPECT_TRUE(remove({integer(2), text("v")}));
    EXPECT_TRUE(remove({integer(3), Value()}));
    EXPECT_THAT(sizes_taken(), ElementsAre(2, 1));
}

TEST_F(WholeRowRunTest, IsWhatATableBatchUsesBesideInserts) {
    TableBatch batch(plan_);
    const OwnedChange inserted(ChangeKind::insert, {}, {integer(1), text("v")});
    const OwnedChange removed(ChangeKind::delete_full, {integer(1), text("v")}, {});
    EXPECT_TRUE(batch.add(BatchKind::insert, inserted.change, {}, encoder_));
    EXPECT_FALSE(batch.add(BatchKind::remove, removed.change, {}, encoder_));
    EXPECT_EQ(batch.take().size(), 1U);
    EXPECT_TRUE(batch.add(BatchKind::remove, removed.change, {}, encoder_));
    EXPECT_FALSE(batch.add(BatchKind::insert, inserted.change, {}, encoder_));
    EXPECT_EQ(batch.take().size(), 1U);
    EXPECT_TRUE(batch.is_empty());
}

}  // namespace
}  // namespace walpack
