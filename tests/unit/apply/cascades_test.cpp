// What the target's own foreign keys did to rows before the source's changes of them come.
#include "apply/cascades.h"

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::MappingBuilder;

constexpr std::uint32_t kParent = 1;
constexpr std::uint32_t kChild = 2;

// A referenced table; with another key beside its own when `has_other_key`.
RelationMapping parent(bool has_other_key = false) {
    MappingBuilder builder = MappingBuilder("parent").key("id", "int4").column("v", "text");
    builder.primary_key().referenced().oid(kParent);
    if (has_other_key) builder.unique({"v"});
    return *builder.map();
}

RelationMapping child() {
    MappingBuilder builder = MappingBuilder("child").key("parent", "int4").key("n", "int4");
    builder.column("v", "text").primary_key().changed_by(kParent).oid(kChild);
    return *builder.map();
}

Expected behind(ChangeKind change, const RelationMapping& of, ChangeKind kind,
                bool is_replica_role = false) {
    Cascades cascades(is_replica_role);
    cascades.begin_transaction();
    (void)cascades.expected_of(of, change);
    return cascades.expected_of(child(), kind);
}

TEST(Cascades, MayHaveMovedARowBehindAKeyThatChanged) {
    EXPECT_EQ(behind(ChangeKind::update_key, parent(), ChangeKind::update_key),
              Expected::one_row_maybe_moved);
    EXPECT_EQ(behind(ChangeKind::delete_key, parent(), ChangeKind::update_key),
              Expected::one_row_maybe_moved);
    EXPECT_EQ(behind(ChangeKind::update, parent(true), ChangeKind::update_key),
              Expected::one_row_maybe_moved);
}

TEST(Cascades, MoveNothingElse) {
    EXPECT_EQ(behind(ChangeKind::update, parent(), ChangeKind::update_key), Expected::one_row);
    EXPECT_EQ(behind(ChangeKind::update_key, parent(), ChangeKind::update), Expected::one_row);
    EXPECT_EQ(behind(ChangeKind::insert, parent(), ChangeKind::update_key), Expected::one_row);
    EXPECT_EQ(behind(ChangeKind::update_key, child(), ChangeKind::update_key), Expected::one_row);
    EXPECT_EQ(behind(ChangeKind::update_key, parent(), ChangeKind::update_key, true),
              Expected::one_row);
}

TEST(Cascades, AreThoseOfTheTransaction) {
    Cascades cascades(false);
    (void)cascades.expected_of(parent(), ChangeKind::update_key);
    cascades.begin_transaction();
    EXPECT_EQ(cascades.expected_of(child(), ChangeKind::update_key), Expected::one_row);
}

StatementShape moved_shape() {
    StatementShape shape;
    shape.kind = ChangeKind::update_key;
    shape.may_be_moved = true;
    return shape;
}

TEST(MovedUpdateStatement, LooksForTheNewKeyWhereNoRowHasTheOldOne) {
    EXPECT_EQ(
        make_statement(child(), moved_shape()).sql,
        "WITH u AS (UPDATE ONLY \"public\".\"child\" SET \"parent\" = $1, \"n\" = $2, \"v\" = "
        "$3 WHERE \"parent\" = $6 AND \"n\" = $7 RETURNING 1), m AS (UPDATE ONLY "
        "\"public\".\"child\" SET \"parent\" = $1, \"n\" = $2, \"v\" = $3 WHERE \"parent\" = $8 "
        "AND \"n\" = $9 AND NOT EXISTS (SELECT FROM ONLY \"public\".\"child\" WHERE "
        "\"parent\" = $4 AND \"n\" = $5) RETURNING 1) SELECT 1 FROM u UNION ALL SELECT 1 FROM "
        "m");
    const auto statement =
        make_row_statement(std::make_shared<const RelationMapping>(child()), moved_shape());
    EXPECT_FALSE(statement->can_be_checked);
}

// It is there, though it must not be written.
TEST(MovedUpdateStatement, CountsARowThatAGuardKeeps) {
    RelationMapping guarded = child();
    guarded.update_guard = "is_own";
    const std::string sql = make_statement(guarded, moved_shape()).sql;
    EXPECT_NE(sql.find("\"n\" = $7 AND is_own RETURNING"), std::string::npos) << sql;
    EXPECT_NE(sql.find("\"n\" = $9 AND is_own AND NOT EXISTS"), std::string::npos) << sql;
    EXPECT_NE(sql.find("\"n\" = $5) RETURNING"), std::string::npos) << sql;
}

TEST(MovedUpdateStatement, IsForChangesOfAKeyAlone) {
    const RelationMapping mapping = child();
    const test::OwnedChange moved(ChangeKind::update_key, {test::integer(1), test::integer(1)},
                                  {test::integer(2), test::integer(1), test::unchanged()});
    EXPECT_TRUE(shape_of(mapping, moved.change, true).may_be_moved);
    EXPECT_FALSE(shape_of(mapping, moved.change).may_be_moved);
    const test::OwnedChange kept(ChangeKind::update, {},
                                 {test::integer(2), test::integer(1), test::unchanged()});
    EXPECT_FALSE(shape_of(mapping, kept.change, true).may_be_moved);
}

}  // namespace
}  // namespace walpack
