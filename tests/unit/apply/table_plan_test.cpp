#include "apply/table_plan.h"

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;
using test::text;
using test::unchanged;
using Method = TablePlan::Method;
using Scope = TablePlan::Scope;
using Dependence = TablePlan::Dependence;

const PlanOptions kReplica{.is_replica_role = true};
const PlanOptions kOrigin{.is_replica_role = false};

MappingBuilder keyed() {
    return MappingBuilder("t").key("id", "int4").column("v", "text").primary_key();
}

TEST(TablePlan, CoalescesByAnExactUniqueKey) {
    const TablePlan plan(keyed().map(), kReplica);
    EXPECT_EQ(plan.method(), Method::net);
    EXPECT_EQ(plan.dependence(), Dependence::keys);
}

TEST(TablePlan, KeepsTheOrderBesideAnotherUniqueIndex) {
    const TablePlan plan(keyed().unique({"v"}).map(), kReplica);
    EXPECT_EQ(plan.method(), Method::runs);
    EXPECT_EQ(plan.dependence(), Dependence::keys);
    EXPECT_EQ(plan.other_unique().size(), 1U);
}

TEST(TablePlan, DependsOnTheTableWhereAnIndexIsNotPlain) {
    const TablePlan plan(keyed().unique({"v"}, false).map(), kReplica);
    EXPECT_EQ(plan.method(), Method::runs);
    EXPECT_EQ(plan.dependence(), Dependence::table);
}

TEST(TablePlan, DoesNotCoalesceByAKeyOfCoarserEquality) {
    MappingBuilder builder = keyed();
    const auto mapping = builder.map();
    auto table = std::make_shared<TargetTable>(*mapping->table);
    table->columns[0].has_exact_equality = false;
    const auto coarse =
        std::make_shared<const RelationMapping>(map_relation(mapping->relation, table));
    const TablePlan plan(coarse, kReplica);
    EXPECT_EQ(plan.method(), Method::runs);
    EXPECT_EQ(plan.dependence(), Dependence::table);
}

TEST(TablePlan, AppliesRowByRowWhereATriggerFires) {
    for (const auto& builder : {keyed().always_trigger(), keyed().ordinary_trigger()}) {
        const TablePlan plan(builder.map(), kOrigin);
        EXPECT_EQ(plan.method(), Method::rows);
        EXPECT_EQ(plan.scope(), Scope::everything);
        EXPECT_EQ(plan.dependence(), Dependence::everything);
    }
}

TEST(TablePlan, IgnoresOrdinaryTriggersInTheReplicaRole) {
    EXPECT_EQ(TablePlan(keyed().ordinary_trigger().map(), kReplica).method(), Method::net);
    EXPECT_EQ(TablePlan(keyed().always_trigger().map(), kReplica).method(), Method::rows);
}

TEST(TablePlan, KeepsTheOrderAmongTablesWhoseForeignKeysAreChecked) {
    const TablePlan plan(keyed().foreign_key().map(), kOrigin);
    EXPECT_EQ(plan.method(), Method::runs);
    EXPECT_EQ(plan.scope(), Scope::foreign_keys);
    EXPECT_EQ(plan.dependence(), Dependence::foreign_keys);
    EXPECT_EQ(TablePlan(keyed().foreign_key().map(), kReplica).method(), Method::net);
}

TEST(TablePlan, HasItsTechniquesSwitchedOff) {
    EXPECT_EQ(TablePlan(keyed().map(), {true, false, true}).method(), Method::rows);
    EXPECT_EQ(TablePlan(keyed().map(), {true, true, false}).method(), Method::runs);
}

TEST(TablePlan, BatchesInsertsWithoutAKey) {
    const TablePlan plan(MappingBuilder("t").column("v", "text").map(), kReplica);
    const OwnedChange insert(ChangeKind::insert, {}, {text("a")});
    EXPECT_EQ(plan.batch_kind(insert.change, {}), BatchKind::insert);
    EXPECT_EQ(plan.method(), Method::runs);
}

TEST(TablePlan, DoesNotFindRowsInBatchesWithoutAUniqueKeyOnTheTarget) {
    const TablePlan plan(MappingBuilder("t").key("id", "int4").column("v", "text").map(), kReplica);
    const OwnedChange update(ChangeKind::update, {}, {integer(1), text("a")});
    EXPECT_EQ(plan.batch_kind(update.change, {ChangeKind::update}), std::nullopt);
}

TEST(TablePlan, GivesAChangedKeyAStatementOfItsOwn) {
    const TablePlan plan(keyed().map(), kReplica);
    const OwnedChange moved(ChangeKind::update_key, {integer(1)}, {integer(2), text("a")});
    EXPECT_EQ(plan.batch_kind(moved.change, {ChangeKind::update_key}), std::nullopt);
    const TablePlan full(MappingBuilder("t")
                             .column("id", "int4")
                             .column("v", "text")
                             .full()
                             .target_key({"id"})
                             .map(),
                         kReplica);
    const OwnedChange same(ChangeKind::update_full, {integer(1), text("a")},
                           {integer(1), text("b")});
    const OwnedChange other(ChangeKind::update_full, {integer(1), text("a")},
                            {integer(2), text("a")});
    EXPECT_EQ(full.batch_kind(same.change, {ChangeKind::update_full}), BatchKind::update);
    EXPECT_EQ(full.batch_kind(other.change, {ChangeKind::update_full}), std::nullopt);
}

TEST(TablePlan, GivesAnUpdateThatSetsNothingAStatementOfItsOwn) {
    const TablePlan plan(keyed().map(), kReplica);
    const OwnedChange update(ChangeKind::update, {}, {integer(1), unchanged()});
    EXPECT_EQ(plan.batch_kind(update.change, {ChangeKind::update, false, "01"}), std::nullopt);
}

TEST(TablePlan, GivesALargeValueAStatementOfItsOwn) {
    const TablePlan plan(keyed().map(), kReplica);
    const std::string large((1 << 20) + 1, 'x');
    const OwnedChange insert(ChangeKind::insert, {}, {integer(1), text(large)});
    EXPECT_EQ(plan.batch_kind(insert.change, {}), std::nullopt);
}

}  // namespace
}  // namespace walpack
