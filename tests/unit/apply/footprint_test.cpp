#include "apply/footprint.h"

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;
using test::text;
using test::unchanged;

const PlanOptions kReplica{.is_replica_role = true};

MappingBuilder keyed(const std::string& name = "t") {
    return MappingBuilder(name).key("id", "int4").column("v", "text").primary_key().oid(1);
}

OwnedChange insert(int id, const char* v = "v") {
    return {ChangeKind::insert, {}, {integer(id), text(v)}};
}
OwnedChange update(int id, const char* v = "v") {
    return {ChangeKind::update, {}, {integer(id), text(v)}};
}
OwnedChange remove(int id) {
    return {ChangeKind::delete_key, {integer(id)}, {}};
}

Footprint footprint(const TablePlan& plan, const OwnedChange& change) {
    Footprint made;
    RowChange of_stream = change.change;
    if (of_stream.relation == nullptr) of_stream.relation = plan.mapping()->relation;
    made.add(plan, of_stream, CellEncoder(150000));
    made.finish();
    return made;
}

bool depends(const TablePlan& plan, const OwnedChange& later, const OwnedChange& earlier) {
    return footprint(plan, later).depends_on(footprint(plan, earlier));
}

TEST(Footprint, TellsKeysApart) {
    const TablePlan plan(keyed().map(), kReplica);
    EXPECT_FALSE(depends(plan, update(1), update(2)));
    EXPECT_TRUE(depends(plan, update(1), update(1)));
    EXPECT_TRUE(depends(plan, remove(1), insert(1)));
    EXPECT_TRUE(depends(plan, insert(1), remove(1)));
}

TEST(Footprint, TellsTablesApart) {
    const TablePlan one(keyed().map(), kReplica);
    const TablePlan two(keyed("other").oid(2).map(), kReplica);
    EXPECT_FALSE(footprint(one, update(1)).depends_on(footprint(two, update(1))));
}

TEST(Footprint, KnowsAPartitionsRowsThatComeAsThoseOfTwoTables) {
    const TablePlan itself(keyed().map(), kReplica);
    const TablePlan root(keyed().oid(2).map(), kReplica);
    const auto as_root = [&](const char* leaf) {
        auto relation = std::make_shared<Relation>(root.relation());
        relation->name = "root";
        relation->leaf = relation->schema + '.' + leaf;
        OwnedChange change = update(1);
        change.change.relation = std::move(relation);
        return footprint(root, change);
    };
    OwnedChange change = update(1);
    change.change.relation = itself.mapping()->relation;
    const Footprint as_itself = footprint(itself, change);
    EXPECT_TRUE(as_root("t").depends_on(as_itself));
    EXPECT_TRUE(as_itself.depends_on(as_root("t")));
    EXPECT_FALSE(as_root("other").depends_on(as_itself));
}

TEST(Footprint, HoldsBothKeysOfAMovedRow) {
    const TablePlan plan(keyed().map(), kReplica);
    const OwnedChange moved(ChangeKind::update_key, {integer(1)}, {integer(2), text("v")});
    EXPECT_TRUE(depends(plan, moved, update(1)));
    EXPECT_TRUE(depends(plan, insert(2), moved));
    EXPECT_FALSE(depends(plan, insert(3), moved));
}

TEST(Footprint, OfInsertsHoldsTheValuesOfOtherUniqueIndexes) {
    const TablePlan plan(keyed().unique({"v"}).map(), kReplica);
    EXPECT_FALSE(depends(plan, insert(1, "a"), insert(2, "b")));
    EXPECT_TRUE(depends(plan, insert(1, "a"), insert(2, "a")));
}

// The value that an update or delete frees is not known.
TEST(Footprint, WaitsForAGroupThatMayHaveFreedAUniqueValue) {
    const TablePlan plan(keyed().unique({"v"}).map(), kReplica);
    EXPECT_TRUE(depends(plan, insert(1, "a"), remove(2)));
    EXPECT_TRUE(depends(plan, insert(1, "a"), update(2, "b")));
    EXPECT_TRUE(depends(plan, update(1, "a"), update(2, "b")));
    EXPECT_FALSE(depends(plan, remove(1), insert(2, "b")));
    EXPECT_FALSE(depends(plan, remove(1), remove(2)));
}

TEST(Footprint, HoldsTheTableWhereAUniqueValueIsNotSent) {
    const TablePlan plan(keyed().unique({"v"}).map(), kReplica);
    const OwnedChange toast(ChangeKind::update, {}, {integer(1), unchanged()});
    EXPECT_TRUE(depends(plan, insert(2, "b"), toast));
    EXPECT_TRUE(depends(plan, toast, insert(2, "b")));
}

TEST(Footprint, OfATableWithoutAnyUniqueIndexLetsInsertsBeSideBySide) {
    const TablePlan plan(MappingBuilder("t").column("v", "text").full().oid(1).map(), kReplica);
    const OwnedChange inserted(ChangeKind::insert, {}, {text("a")});
    const OwnedChange removed(ChangeKind::delete_full, {text("a")}, {});
    EXPECT_FALSE(depends(plan, inserted, inserted));
    EXPECT_TRUE(depends(plan, removed, inserted));
    EXPECT_TRUE(depends(plan, inserted, removed));
}

TEST(Footprint, KeepsCheckedForeignKeysTogether) {
    const PlanOptions origin{.is_replica_role = false};
    const TablePlan parent(keyed().foreign_key().map(), origin);
    const TablePlan child(keyed().oid(2).foreign_key().map(), origin);
    const TablePlan apart(keyed("apart").oid(3).map(), origin);
    EXPECT_TRUE(footprint(child, insert(1)).depends_on(footprint(parent, insert(2))));
    EXPECT_FALSE(footprint(apart, insert(1)).depends_on(footprint(parent, insert(2))));
}

TEST(Footprint, OfATriggerMeetsEverything) {
    const TablePlan fires(keyed().always_trigger().map(), kReplica);
    const TablePlan plan(keyed().oid(2).map(), kReplica);
    EXPECT_TRUE(footprint(plan, insert(1)).depends_on(footprint(fires, insert(2))));
    EXPECT_TRUE(footprint(fires, insert(1)).depends_on(footprint(plan, insert(2))));
    EXPECT_TRUE(footprint(fires, insert(1)).depends_on(Footprint()));
}

TEST(Footprint, OfADeleteWithoutIdentityMeetsEverything) {
    const TablePlan plan(keyed().map(), kReplica);
    const OwnedChange nameless(ChangeKind::delete_none, {}, {});
    EXPECT_TRUE(depends(plan, nameless, update(1)));
}

}  // namespace
}  // namespace walpack
