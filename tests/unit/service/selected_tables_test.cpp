#include "service/selected_tables.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/record_log.h"

namespace walpack {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::shared_ptr<const Relation> relation(const std::string& name) {
    auto made = std::make_shared<Relation>();
    made->schema = "public";
    made->name = name;
    return made;
}

RowChange insert_into(const std::shared_ptr<const Relation>& table) {
    RowChange change;
    change.relation = table;
    change.kind = ChangeKind::insert;
    return change;
}

class SelectedTablesTest : public ::testing::Test {
  protected:
    RecordLog log_;
    SelectedTables tables_{log_, {{"p"}, {{"public", "mine"}}}};
    std::shared_ptr<const Relation> mine_ = relation("mine");
    std::shared_ptr<const Relation> other_ = relation("other");
};

TEST_F(SelectedTablesTest, LeavesOutTheChangesOfOthers) {
    tables_.change(insert_into(other_));
    tables_.change(insert_into(mine_));
    tables_.change(insert_into(other_));
    EXPECT_THAT(log_.lines(), ElementsAre(HasSubstr("public.mine")));
}

TEST_F(SelectedTablesTest, KeepsTransactionsOfWhichNothingIsLeft) {
    tables_.begin({});
    tables_.change(insert_into(other_));
    tables_.commit({});
    EXPECT_THAT(log_.lines(), SizeIs(2));
}

TEST_F(SelectedTablesTest, TruncatesOnlyItsOwnOfSeveral) {
    Truncate truncate;
    truncate.relations = {other_, mine_};
    tables_.truncate(truncate);
    truncate.relations = {other_};
    tables_.truncate(truncate);
    EXPECT_THAT(log_.lines(), ElementsAre(HasSubstr("public.mine")));
    EXPECT_THAT(log_.lines().front(), ::testing::Not(HasSubstr("other")));
}

// As after ALTER TABLE ... RENAME, with the new description where the old one was.
TEST_F(SelectedTablesTest, LooksAgainWhenATableIsDescribedAgain) {
    auto table = std::make_shared<Relation>(*other_);
    tables_.change(insert_into(table));
    table->name = "mine";
    tables_.relation(table);
    tables_.change(insert_into(table));
    EXPECT_THAT(log_.lines(), SizeIs(2));
}

TEST_F(SelectedTablesTest, WithoutASelectionTakesEverything) {
    SelectedTables all(log_, {{"p"}, {}});
    all.change(insert_into(other_));
    EXPECT_THAT(log_.lines(), SizeIs(1));
}

}  // namespace
}  // namespace walpack
