#include "apply/table_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;
using test::text;
using test::unchanged;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kServerVersion = 150000;

// Rows as text: "insert 1 a", "delete 1"; unchanged TOAST is "~", NULL is "-".
std::string cell_text(const Cell& cell, bool is_number) {
    if (cell.is_null()) return "-";
    if (cell.is_unchanged()) return "~";
    if (!is_number) return std::string(cell.bytes());
    return std::to_string(static_cast<int>(static_cast<unsigned char>(cell.bytes().back())));
}

class TableBatchTest : public ::testing::Test {
  protected:
    explicit TableBatchTest(bool coalescing = true)
        : plan_(MappingBuilder("t")
                    .key("id", "int4")
                    .column("v", "text")
                    .column("w", "text")
                    .primary_key()
                    .map(),
                {true, true, coalescing}),
          batch_(plan_) {}

    bool insert(int id, const std::string& v, const std::string& w = "w") {
        const OwnedChange change(ChangeKind::insert, {}, {integer(id), text(v), text(w)});
        return batch_.add(BatchKind::insert, change.change, {}, encoder_);
    }
    bool update(int id, const std::string& v) {
        const OwnedChange change(ChangeKind::update, {}, {integer(id), text(v), text("w")});
        return batch_.add(BatchKind::update, change.change, {}, encoder_);
    }
    // Without w, which is unchanged TOAST.
    bool update_v(int id, const std::string& v) {
        const OwnedChange change(ChangeKind::update, {}, {integer(id), text(v), unchanged()});
        return batch_.add(BatchKind::update, change.change, {ChangeKind::update, false, "001"},
                          encoder_);
    }
    bool update_w(int id, const std::string& w) {
        const OwnedChange change(ChangeKind::update, {}, {integer(id), unchanged(), text(w)});
        return batch_.add(BatchKind::update, change.change, {ChangeKind::update, false, "010"},
                          encoder_);
    }
    bool remove(int id) {
        const OwnedChange change(ChangeKind::delete_key, {integer(id)}, {});
        return batch_.add(BatchKind::remove, change.change, {}, encoder_);
    }

    std::vector<std::string> taken() {
        std::vector<std::string> rows;
        for (const Batch& batch : batch_.take()) {
            static const char* const kNames[] = {"insert", "update", "delete"};
            for (std::size_t i = 0; i < batch.rows.size(); ++i) {
                std::string row = kNames[static_cast<int>(batch.statement->kind)];
                bool is_number = true;
                for (CellReader cells(batch.row(i)); !cells.is_at_end(); is_number = false)
                    row += ' ' + cell_text(cells.next(), is_number);
                rows.push_back(row);
            }
        }
        return rows;
    }

    TablePlan plan_;
    TableBatch batch_;
    CellEncoder encoder_{kServerVersion};
};

TEST_F(TableBatchTest, SendsDeletesThenUpdatesThenInserts) {
    EXPECT_TRUE(insert(3, "c") && update(2, "b") && remove(1));
    EXPECT_THAT(taken(), ElementsAre("delete 1", "update 2 b w", "insert 3 c w"));
}

TEST_F(TableBatchTest, SortsTheKeysOfUpdatesAndDeletes) {
    EXPECT_TRUE(remove(9) && remove(7) && update(8, "a") && update(6, "b"));
    EXPECT_THAT(taken(), ElementsAre("delete 7", "delete 9", "update 6 b w", "update 8 a w"));
}

TEST_F(TableBatchTest, KeepsInsertsAsTheyCame) {
    EXPECT_TRUE(insert(2, "a") && insert(1, "b"));
    EXPECT_THAT(taken(), ElementsAre("insert 2 a w", "insert 1 b w"));
}

TEST_F(TableBatchTest, WritesOnlyTheLastImage) {
    EXPECT_TRUE(update(1, "longer") && update(1, "b") && update(1, "the longest of all"));
    EXPECT_THAT(taken(), ElementsAre("update 1 the longest of all w"));
}

TEST_F(TableBatchTest, MakesAnInsertOfAnInsertAndItsUpdate) {
    EXPECT_TRUE(insert(1, "a") && update(1, "b"));
    EXPECT_THAT(taken(), ElementsAre("insert 1 b w"));
}

TEST_F(TableBatchTest, KeepsWhatTheInsertHadWhereTheUpdateHasUnchangedToast) {
    EXPECT_TRUE(insert(1, "a", "large") && update_v(1, "b"));
    EXPECT_THAT(taken(), ElementsAre("insert 1 b large"));
}

TEST_F(TableBatchTest, MergesUpdatesColumnByColumn) {
    EXPECT_TRUE(update_v(1, "v1") && update_w(1, "w2") && update_v(2, "v") && update_v(2, "v2"));
    EXPECT_THAT(taken(), ElementsAre("update 1 v1 w2", "update 2 v2 ~"));
}

TEST_F(TableBatchTest, SeparatesUpdatesOfDifferentColumns) {
    EXPECT_TRUE(update_v(1, "a") && update_w(2, "b") && update_v(3, "c"));
    EXPECT_EQ(batch_.take().size(), 2U);
}

TEST_F(TableBatchTest, ForgetsARowThatCameAndWent) {
    EXPECT_TRUE(insert(1, "a") && remove(1));
    EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(TableBatchTest, LetsARowThatWentComeAgain) {
    EXPECT_TRUE(insert(1, "a") && remove(1) && insert(1, "b"));
    EXPECT_THAT(taken(), ElementsAre("insert 1 b w"));
}

TEST_F(TableBatchTest, DeletesARowThatWasUpdated) {
    EXPECT_TRUE(update(1, "a") && remove(1));
    EXPECT_THAT(taken(), ElementsAre("delete 1"));
}

// Columns that the source does not know start from their defaults again.
TEST_F(TableBatchTest, MakesADeleteAndAnInsertOfARowThatIsReplaced) {
    EXPECT_TRUE(remove(1) && insert(1, "b") && update(1, "c"));
    EXPECT_THAT(taken(), ElementsAre("delete 1", "insert 1 c w"));
    EXPECT_TRUE(remove(1) && insert(1, "b") && remove(1));
    EXPECT_THAT(taken(), ElementsAre("delete 1"));
}

TEST_F(TableBatchTest, RefusesWhatTheTargetMustJudge) {
    EXPECT_TRUE(insert(1, "a"));
    EXPECT_FALSE(insert(1, "b"));
    EXPECT_TRUE(update(2, "a"));
    EXPECT_FALSE(insert(2, "b"));
    EXPECT_TRUE(remove(3));
    EXPECT_FALSE(remove(3));
    EXPECT_FALSE(update(3, "c"));
}

TEST_F(TableBatchTest, TakesEverythingAgainAfterItWasEmptied) {
    EXPECT_TRUE(insert(1, "a"));
    EXPECT_FALSE(insert(1, "b"));
    taken();
    EXPECT_TRUE(insert(1, "b"));
    EXPECT_THAT(taken(), ElementsAre("insert 1 b w"));
}

TEST_F(TableBatchTest, HoldsManyKeys) {
    for (int id = 0; id < 200; ++id) ASSERT_TRUE(insert(id, "a"));
    for (int id = 0; id < 200; ++id) ASSERT_TRUE(update(id, "b"));
    EXPECT_EQ(batch_.take().front().rows.size(), 200U);
}

TEST_F(TableBatchTest, DoesNotPileUpImagesOfOneRow) {
    ASSERT_TRUE(update(1, "aaaa"));
    const std::size_t before = batch_.bytes();
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(update(1, "bbbb"));
    EXPECT_EQ(batch_.bytes(), before);
}

class Run : public TableBatchTest {
  protected:
    Run() : TableBatchTest(false) {}
};

TEST_F(Run, IsOfOneKindInTheSourcesOrder) {
    EXPECT_TRUE(update(2, "a") && update(1, "b"));
    EXPECT_FALSE(remove(3));
    EXPECT_THAT(taken(), ElementsAre("update 2 a w", "update 1 b w"));
}

TEST_F(Run, EndsAtAKeyThatRepeats) {
    EXPECT_TRUE(update(1, "a"));
    EXPECT_FALSE(update(1, "b"));
    EXPECT_THAT(taken(), ElementsAre("update 1 a w"));
    EXPECT_TRUE(remove(1));
    EXPECT_FALSE(remove(1));
}

TEST_F(Run, EndsAtOtherColumns) {
    EXPECT_TRUE(update(1, "a"));
    EXPECT_FALSE(update_v(2, "b"));
}

TEST_F(Run, OfInsertsLeavesDuplicatesToTheTarget) {
    EXPECT_TRUE(insert(1, "a") && insert(1, "b"));
    EXPECT_THAT(taken(), ElementsAre("insert 1 a w", "insert 1 b w"));
}

}  // namespace
}  // namespace walpack
