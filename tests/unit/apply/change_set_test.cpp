#include "apply/change_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
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

using SharedPlan = std::shared_ptr<TablePlan>;

MappingBuilder keyed(const std::string& name) {
    return MappingBuilder(name).key("id", "int4").column("v", "text").primary_key();
}

SharedPlan plan_of(const MappingBuilder& builder, bool is_replica_role = true) {
    return std::make_shared<TablePlan>(builder.map(),
                                       PlanOptions{.is_replica_role = is_replica_role});
}

// As the stream has it: with the relation that it is of.
void add_to(ChangeSet& set, const SharedPlan& plan, const OwnedChange& change, Expected expected) {
    RowChange of_stream = change.change;
    if (of_stream.relation == nullptr) of_stream.relation = plan->mapping()->relation;
    set.add(plan, of_stream, expected);
}

class ChangeSetTest : public ::testing::Test {
  protected:
    void insert(const SharedPlan& plan, int id) {
        const OwnedChange change(ChangeKind::insert, {}, {integer(id), text("v")});
        add_to(set_, plan, change, Expected::one_row);
    }
    void update(const SharedPlan& plan, int id) {
        const OwnedChange change(ChangeKind::update, {}, {integer(id), text("v")});
        add_to(set_, plan, change, Expected::one_row);
    }
    void move(const SharedPlan& plan, int from, int to) {
        const OwnedChange change(ChangeKind::update_key, {integer(from)}, {integer(to), text("v")});
        add_to(set_, plan, change, Expected::one_row);
    }
    void remove(const SharedPlan& plan, int id, Expected expected = Expected::one_row) {
        const OwnedChange change(ChangeKind::delete_key, {integer(id)}, {});
        add_to(set_, plan, change, expected);
    }

    // "t:2" is a batch of two rows of t, "t" a row of its own, "truncate" one.
    std::vector<std::string> steps() {
        std::vector<std::string> names;
        for (const Step& step : set_.take()) {
            if (const auto* batch = std::get_if<Batch>(&step)) {
                names.push_back(batch->statement->single->mapping->relation->name + ':' +
                                std::to_string(batch->rows.size()));
            } else if (const auto* row = std::get_if<RowStep>(&step)) {
                names.push_back(row->statement->mapping->relation->name);
            } else {
                names.push_back("truncate");
            }
        }
        return names;
    }

    ChangeSet set_{CellEncoder(150000), {}};
    SharedPlan a_ = plan_of(keyed("a"));
    SharedPlan b_ = plan_of(keyed("b"));
};

TEST_F(ChangeSetTest, GathersEachTableByItself) {
    insert(a_, 1);
    insert(b_, 1);
    insert(a_, 2);
    insert(b_, 2);
    EXPECT_THAT(steps(), ElementsAre("a:2", "b:2"));
    EXPECT_THAT(steps(), IsEmpty());
}

// The interval is refused for a target of version 15, when the row is in the batch by half.
TEST_F(ChangeSetTest, IsAsNewWhenARowCannotBeSentAndAllIsDiscarded) {
    const std::string infinity("\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff",
                               16);
    const OwnedChange infinite(ChangeKind::insert, {}, {integer(1), text(infinity)});
    const SharedPlan keyless =
        plan_of(MappingBuilder("keyless").column("id", "int4").column("v", "interval"));
    const SharedPlan keyed =
        plan_of(MappingBuilder("keyed").key("id", "int4").column("v", "interval").primary_key());
    for (const SharedPlan& plan : {keyless, keyed}) {
        insert(a_, 1);
        EXPECT_THROW(add_to(set_, plan, infinite, Expected::one_row), Error);
        set_.discard();
        EXPECT_TRUE(set_.is_empty());
        EXPECT_EQ(set_.bytes(), 0U);
        insert(a_, 2);
        EXPECT_THAT(steps(), ElementsAre("a:1"));
        EXPECT_EQ(set_.bytes(), 0U);
    }
}

TEST_F(ChangeSetTest, PutsARowOfItsOwnBehindItsTablesBatch) {
    insert(a_, 1);
    insert(b_, 1);
    move(a_, 1, 2);
    insert(a_, 3);
    EXPECT_THAT(steps(), ElementsAre("a:1", "a", "b:1", "a:1"));
}

TEST_F(ChangeSetTest, StartsAnotherBatchWhereOneIsFull) {
    insert(a_, 1);
    insert(a_, 1);
    EXPECT_THAT(steps(), ElementsAre("a:1", "a:1"));
}

// Rows of one partition, as those of the root and, before an ATTACH, as its own.
TEST_F(ChangeSetTest, KeepsTheOrderOfAPartitionsRowsThatComeAsThoseOfTwoTables) {
    const SharedPlan root = plan_of(keyed("root"));
    const auto of = [](const SharedPlan& plan, const char* leaf) {
        auto relation = std::make_shared<Relation>(plan->relation());
        if (leaf != nullptr) relation->leaf = relation->schema + '.' + leaf;
        return std::shared_ptr<const Relation>(std::move(relation));
    };
    const auto of_other = of(root, "b");
    const auto of_leaf = of(root, "a");
    const auto update_of = [&](const std::shared_ptr<const Relation>& relation, int id) {
        OwnedChange change(ChangeKind::update, {}, {integer(id), text("v")});
        change.change.relation = relation;
        add_to(set_, relation->name == "root" ? root : a_, change, Expected::one_row);
    };
    const auto itself = of(a_, nullptr);
    update_of(of_other, 1);
    update_of(itself, 5);
    update_of(of_leaf, 5);
    update_of(itself, 5);
    update_of(of_leaf, 5);
    EXPECT_THAT(steps(), ElementsAre("a:1", "root:2", "a:1", "root:1"));
    // Partitions alone, and rows of other ones, wait side by side.
    update_of(itself, 1);
    update_of(of_other, 2);
    update_of(itself, 3);
    update_of(of_other, 4);
    EXPECT_THAT(steps(), ElementsAre("a:2", "root:2"));
}

// A row that moves is deleted by one plan and inserted by the other.
TEST_F(ChangeSetTest, KeepsTheOrderOfPartitionsWithDifferentReplicaIdentities) {
    const auto of_leaf = [](const SharedPlan& plan, const char* leaf) {
        auto relation = std::make_shared<Relation>(plan->relation());
        relation->leaf = leaf;
        return std::shared_ptr<const Relation>(std::move(relation));
    };
    const SharedPlan other = plan_of(keyed("a"));
    const auto first = of_leaf(a_, "public.a1");
    const auto second = of_leaf(other, "public.a2");
    const auto add = [&](const SharedPlan& plan, const std::shared_ptr<const Relation>& relation,
                         int id) {
        OwnedChange change(ChangeKind::insert, {}, {integer(id), text("v")});
        change.change.relation = relation;
        add_to(set_, plan, change, Expected::one_row);
    };
    add(a_, first, 1);
    add(a_, first, 2);
    add(other, second, 3);
    add(a_, first, 4);
    EXPECT_THAT(steps(), ElementsAre("a:2", "a:1", "a:1"));
}

TEST_F(ChangeSetTest, PutsEverythingBeforeATruncate) {
    insert(a_, 1);
    insert(b_, 1);
    set_.add(TruncateStep{"TRUNCATE a", a_->mapping()->relation});
    insert(a_, 2);
    EXPECT_THAT(steps(), ElementsAre("a:1", "b:1", "truncate", "a:1"));
}

TEST_F(ChangeSetTest, PutsEverythingBeforeARowThatFiresATrigger) {
    const SharedPlan fires = plan_of(keyed("f").always_trigger());
    insert(a_, 1);
    insert(fires, 1);
    insert(a_, 2);
    insert(fires, 2);
    EXPECT_THAT(steps(), ElementsAre("a:1", "f", "a:1", "f"));
}

TEST_F(ChangeSetTest, KeepsTheOrderAmongTablesWithCheckedForeignKeys) {
    const SharedPlan parent = plan_of(keyed("p").foreign_key(), false);
    const SharedPlan child = plan_of(keyed("c").foreign_key(), false);
    insert(parent, 1);
    insert(parent, 2);
    insert(a_, 1);
    insert(child, 1);
    insert(parent, 3);
    EXPECT_THAT(steps(), ElementsAre("p:2", "c:1", "a:1", "p:1"));
}

TEST_F(ChangeSetTest, GivesADeleteThatMayHaveCascadedAStatementOfItsOwn) {
    const SharedPlan child = plan_of(keyed("c").foreign_key(), false);
    remove(child, 1);
    remove(child, 2, Expected::one_row_or_cascaded);
    EXPECT_THAT(steps(), ElementsAre("c:1", "c"));
}

TEST_F(ChangeSetTest, GoesRowByRowWhenTold) {
    set_.set_row_by_row(true);
    insert(a_, 1);
    update(a_, 1);
    insert(b_, 1);
    EXPECT_THAT(steps(), ElementsAre("a", "a", "b"));
}

TEST_F(ChangeSetTest, HoldsTheOrderAtAMark) {
    insert(a_, 1);
    set_.hold_order();
    insert(b_, 1);
    insert(a_, 2);
    EXPECT_THAT(steps(), ElementsAre("a:1", "b:1", "a:1"));
}

TEST_F(ChangeSetTest, CountsChangesAndBytes) {
    EXPECT_EQ(set_.bytes(), 0U);
    insert(a_, 1);
    update(a_, 1);
    move(b_, 1, 2);
    EXPECT_EQ(set_.changes(), 3U);
    EXPECT_GT(set_.bytes(), 20U);
    steps();
    EXPECT_EQ(set_.changes(), 0U);
    EXPECT_EQ(set_.bytes(), 0U);
}

// A row filter of the publication can bring it about.
TEST_F(ChangeSetTest, RefusesToInsertUnchangedToastWithTheNamesAndTheWayOut) {
    OwnedChange change(ChangeKind::insert, {}, {integer(1), unchanged()});
    change.change.relation = a_->mapping()->relation;
    try {
        add_to(set_, a_, change, Expected::one_row);
        FAIL() << "expected an error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::value);
        EXPECT_EQ(error.message(), "insert into \"public.a\" lacks the value of column \"v\"");
        EXPECT_NE(error.hint().find("ALTER TABLE public.a REPLICA IDENTITY FULL"),
                  std::string::npos);
    }
}

TEST_F(ChangeSetTest, RefusesUnchangedToastWhereAValueMustStand) {
    const OwnedChange change(ChangeKind::delete_key, {unchanged()}, {});
    try {
        add_to(set_, a_, change, Expected::one_row_or_cascaded);
        FAIL() << "expected an error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::protocol);
    }
}

TEST_F(ChangeSetTest, TellsWhatItTouched) {
    ChangeSet set(CellEncoder(150000), {.wants_footprint = true});
    const OwnedChange change(ChangeKind::insert, {}, {integer(1), text("v")});
    add_to(set, a_, change, Expected::one_row);
    const Footprint first = set.take_footprint();
    add_to(set, a_, change, Expected::one_row);
    const Footprint second = set.take_footprint();
    EXPECT_TRUE(second.depends_on(first));
    EXPECT_FALSE(set.take_footprint().depends_on(first));
}

}  // namespace
}  // namespace walpack
