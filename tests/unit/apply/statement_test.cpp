#include "apply/statement.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;
using test::target_column;
using test::text;
using test::unchanged;
using testing::ElementsAre;
using testing::HasSubstr;

std::string sql_of(const MappingBuilder& builder, const StatementShape& shape) {
    return make_statement(*builder.map(), shape).sql;
}

MappingBuilder two_columns() {
    return MappingBuilder("t").key("id", "int4").column("v", "text");
}

// What a value's other members hold says nothing.
TEST(IsSameValue, ComparesWhatTheFormSays) {
    const auto real = [](double number, const char* bytes) {
        Value value;
        value.form = Value::Form::real;
        value.real = number;
        value.bytes = bytes;
        return value;
    };
    EXPECT_TRUE(is_same_value(real(1.5, "left"), real(1.5, "over")));
    EXPECT_FALSE(is_same_value(real(1.5, ""), real(2.5, "")));
    EXPECT_FALSE(is_same_value(real(0.0, ""), real(-0.0, "")));
    EXPECT_TRUE(is_same_value(real(std::nan(""), ""), real(std::nan(""), "")));
    EXPECT_FALSE(is_same_value(integer(1), integer(2)));
    EXPECT_FALSE(is_same_value(text("a"), text("b")));
    EXPECT_FALSE(is_same_value(text("a"), integer(1)));
    Value null = text("left over");
    null.form = Value::Form::null;
    EXPECT_TRUE(is_same_value(null, Value()));
}

// --- INSERT ---

TEST(InsertStatement, NamesItsColumns) {
    const Statement statement = make_statement(*two_columns().map(), {ChangeKind::insert});
    EXPECT_EQ(statement.sql, "INSERT INTO \"public\".\"t\" (\"id\", \"v\") VALUES ($1, $2)");
    EXPECT_THAT(statement.type_oids, ElementsAre(101, 102));
}

TEST(InsertStatement, OverridesAnIdentityColumn) {
    EXPECT_EQ(sql_of(MappingBuilder("t").key("id", "int4").identity_always(), {ChangeKind::insert}),
              "INSERT INTO \"public\".\"t\" (\"id\") OVERRIDING SYSTEM VALUE VALUES ($1)");
}

TEST(InsertStatement, FillsATableWithoutColumns) {
    EXPECT_EQ(sql_of(MappingBuilder("t"), {ChangeKind::insert}),
              "INSERT INTO \"public\".\"t\" DEFAULT VALUES");
}

TEST(InsertStatement, QuotesHostileNames) {
    EXPECT_EQ(sql_of(MappingBuilder("t\"; DROP").column("$1\"", "int4"), {ChangeKind::insert}),
              "INSERT INTO \"public\".\"t\"\"; DROP\" (\"$1\"\"\") VALUES ($1)");
}

// --- UPDATE ---

TEST(UpdateStatement, LeavesTheKeyAlone) {
    EXPECT_EQ(sql_of(two_columns(), {ChangeKind::update}),
              "UPDATE ONLY \"public\".\"t\" SET \"v\" = $1 WHERE \"id\" = $2");
}

TEST(UpdateStatement, FindsTheRowByItsOldKey) {
    const Statement statement = make_statement(*two_columns().map(), {ChangeKind::update_key});
    EXPECT_EQ(statement.sql,
              "UPDATE ONLY \"public\".\"t\" SET \"id\" = $1, \"v\" = $2 WHERE \"id\" = $3");
    EXPECT_EQ(statement.parameters[0].side, TupleField::Side::new_tuple);
    EXPECT_EQ(statement.parameters[2].side, TupleField::Side::old_tuple);
}

TEST(UpdateStatement, CountsKeyPositionsWithinTheKeyTuple) {
    const auto mapping =
        MappingBuilder("t").column("v", "text").key("a", "int4").key("b", "int4").map();
    const Statement statement = make_statement(*mapping, {ChangeKind::delete_key});
    EXPECT_EQ(statement.sql, "DELETE FROM ONLY \"public\".\"t\" WHERE \"a\" = $1 AND \"b\" = $2");
    EXPECT_EQ(statement.parameters[0].position, 0U);
    EXPECT_EQ(statement.parameters[1].position, 1U);
}

TEST(UpdateStatement, LeavesOutUnchangedToast) {
    MappingBuilder builder = two_columns().column("big", "text");
    EXPECT_EQ(sql_of(builder, {ChangeKind::update, false, "010"}),
              "UPDATE ONLY \"public\".\"t\" SET \"big\" = $1 WHERE \"id\" = $2");
}

TEST(UpdateStatement, StillLooksForTheRowWhenNothingIsToBeSet) {
    EXPECT_EQ(sql_of(two_columns(), {ChangeKind::update, false, "01"}),
              "SELECT 1 FROM ONLY \"public\".\"t\" WHERE \"id\" = $1 FOR NO KEY UPDATE");
}

TEST(UpdateStatement, CoversThePartitionsOfAPartitionedTable) {
    EXPECT_EQ(sql_of(two_columns().partitioned(), {ChangeKind::update}),
              "UPDATE \"public\".\"t\" SET \"v\" = $1 WHERE \"id\" = $2");
}

TEST(UpdateStatement, UsesTheTypesOwnEquality) {
    MappingBuilder builder = two_columns();
    MappingBuilder citext("t");
    citext.key("id", "text").last().equality_schema = "ext";
    EXPECT_EQ(sql_of(citext, {ChangeKind::delete_key}),
              "DELETE FROM ONLY \"public\".\"t\" WHERE \"id\" OPERATOR(\"ext\".=) $1");
}

TEST(UpdateStatement, ReplacesARowWhoseIdentityColumnChanges) {
    MappingBuilder builder("t");
    builder.key("id", "int4").identity_always().column("v", "text").column("big", "text");
    builder.extra(target_column("local", "int4"));
    EXPECT_EQ(sql_of(builder, {ChangeKind::update_key, true, "001"}),
              "WITH d AS (DELETE FROM ONLY \"public\".\"t\" WHERE \"id\" = $3 RETURNING *) "
              "INSERT INTO \"public\".\"t\" (\"id\", \"v\", \"big\", \"local\") "
              "OVERRIDING SYSTEM VALUE SELECT $1, $2, d.\"big\", d.\"local\" FROM d");
}

TEST(UpdateStatement, ReplacesARowOnlyWhereItsIdentityColumnDiffers) {
    MappingBuilder builder("t");
    builder.key("code", "text").column("id", "int4").identity_always().column("v", "text");
    StatementShape shape{ChangeKind::update};
    shape.may_replace = true;
    EXPECT_EQ(
        sql_of(builder, shape),
        "WITH u AS (UPDATE ONLY \"public\".\"t\" SET \"v\" = $1 WHERE \"code\" = $6 AND "
        "\"id\" = $2 RETURNING 1), d AS (DELETE FROM ONLY \"public\".\"t\" WHERE \"code\" = $6 "
        "AND NOT (\"id\" = $2) RETURNING *), i AS (INSERT INTO \"public\".\"t\" (\"code\", "
        "\"id\", \"v\") OVERRIDING SYSTEM VALUE SELECT $3, $4, $5 FROM d RETURNING 1) SELECT 1 "
        "FROM u UNION ALL SELECT 1 FROM i");
}

TEST(UpdateStatement, CannotBeMadeWithoutReplicaIdentity) {
    const MappingBuilder builder = MappingBuilder("t").column("v", "text");
    try {
        sql_of(builder, {ChangeKind::update});
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::schema);
        EXPECT_THAT(error.message(), HasSubstr("nothing identifies the row"));
    }
}

// --- REPLICA IDENTITY FULL ---

TEST(FullIdentity, UsesTheTargetsKey) {
    MappingBuilder builder = two_columns().full().target_key({"id"});
    EXPECT_EQ(sql_of(builder, {ChangeKind::update_full}),
              "UPDATE ONLY \"public\".\"t\" SET \"id\" = $1, \"v\" = $2 WHERE \"id\" = $3");
}

TEST(FullIdentity, IgnoresAKeyThatTheRelationDoesNotFill) {
    MappingBuilder builder = two_columns().full().target_key({"id", "local"});
    EXPECT_THAT(sql_of(builder, {ChangeKind::delete_full}), HasSubstr("LIMIT 1"));
}

TEST(FullIdentity, TakesExactlyOneOfTheEqualRows) {
    MappingBuilder builder = two_columns().full();
    EXPECT_EQ(sql_of(builder, {ChangeKind::delete_full}),
              "DELETE FROM ONLY \"public\".\"t\" WHERE ctid = (SELECT ctid FROM ONLY "
              "\"public\".\"t\" WHERE \"id\" = $1 AND "
              "\"v\" = $2 AND \"v\" COLLATE \"C\" = $2 LIMIT 1)");
}

TEST(FullIdentity, NamesNullsSoThatAnIndexFindsThem) {
    StatementShape shape{ChangeKind::delete_full};
    shape.nulls = "01";
    const Statement statement = make_statement(*two_columns().full().map(), shape);
    EXPECT_THAT(statement.sql, HasSubstr("WHERE \"id\" = $1 AND \"v\" IS NULL LIMIT 1"));
    EXPECT_EQ(statement.parameters.size(), 1U);
}

TEST(FullIdentity, ComparesWithoutTheTypesEqualityWhereThereIsNone) {
    EXPECT_THAT(sql_of(MappingBuilder("t").column("c", "json").full(), {ChangeKind::delete_full}),
                HasSubstr("WHERE \"c\"::pg_catalog.text COLLATE"));
}

TEST(FullIdentity, ComparesBlanksAtTheEndWhereTheyTellValuesApart) {
    MappingBuilder builder = MappingBuilder("t").column("c", "bpchar").full();
    EXPECT_THAT(sql_of(builder, {ChangeKind::delete_full}),
                HasSubstr(" AND pg_catalog.octet_length(\"c\") = pg_catalog.octet_length($1)"));
    builder.last().typmod = 8;
    EXPECT_THAT(sql_of(builder, {ChangeKind::delete_full}),
                testing::Not(HasSubstr("octet_length")));
}

TEST(FullIdentity, TellsTheRowsOfSeveralPartitionsApart) {
    EXPECT_THAT(sql_of(two_columns().full().partitioned(), {ChangeKind::delete_full}),
                HasSubstr("WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM"));
}

class ComparedAsText : public testing::TestWithParam<std::string> {};

TEST_P(ComparedAsText, BecauseEqualityIsCoarserThanTheValue) {
    EXPECT_THAT(
        sql_of(MappingBuilder("t").column("c", GetParam()).full(), {ChangeKind::delete_full}),
        HasSubstr("\"c\"::pg_catalog.text COLLATE \"C\" = ($1::" + GetParam() +
                  ")::pg_catalog.text"));
}

INSTANTIATE_TEST_SUITE_P(Types, ComparedAsText,
                         testing::Values("numeric", "float4", "float8", "json", "jsonb", "xml",
                                         "point", "interval", "inet"),
                         [](const auto& param_info) { return param_info.param; });

// --- shapes ---

TEST(StatementShape, MarksUnchangedToast) {
    const OwnedChange owned(ChangeKind::update, {}, {integer(1), unchanged()});
    EXPECT_EQ(shape_of(*two_columns().map(), owned.change).unchanged, "01");
}

TEST(StatementShape, HasNoMaskWhenEveryValueIsThere) {
    const OwnedChange owned(ChangeKind::update, {}, {integer(1), text("a")});
    EXPECT_EQ(shape_of(*two_columns().map(), owned.change).unchanged, "");
}

TEST(StatementShape, ReplacesOnlyWhenTheIdentityColumnChanges) {
    MappingBuilder builder("t");
    builder.key("id", "int4").identity_always().key("b", "int4");
    const OwnedChange same(ChangeKind::update_key, {integer(1), integer(1)},
                           {integer(1), integer(2)});
    const OwnedChange other(ChangeKind::update_key, {integer(1), integer(1)},
                            {integer(3), integer(1)});
    EXPECT_FALSE(shape_of(*builder.map(), same.change).replaces);
    EXPECT_TRUE(shape_of(*builder.map(), other.change).replaces);
}

TEST(StatementShape, MayReplaceWhenTheOldIdentityValueIsNotKnown) {
    MappingBuilder builder("t");
    builder.key("code", "text").column("id", "int4").identity_always();
    const OwnedChange owned(ChangeKind::update, {}, {text("a"), integer(1)});
    EXPECT_TRUE(shape_of(*builder.map(), owned.change).may_replace);
    EXPECT_FALSE(shape_of(*builder.map(), owned.change).replaces);
}

TEST(StatementShape, MarksOldNullsWhereOnlyTheWholeRowIdentifies) {
    MappingBuilder builder = two_columns().full();
    const Value null;
    const OwnedChange owned(ChangeKind::delete_full, {integer(1), null}, {});
    EXPECT_EQ(shape_of(*builder.map(), owned.change).nulls, "01");
    EXPECT_EQ(shape_of(*builder.target_key({"id"}).map(), owned.change).nulls, "");
}

// --- columns that are generated at both ends ---

MappingBuilder with_generated() {
    return MappingBuilder("t")
        .column("g", "int4")
        .generated()
        .key("id", "int4")
        .column("v", "text");
}

TEST(GeneratedColumn, IsNotInserted) {
    EXPECT_EQ(sql_of(with_generated(), {ChangeKind::insert}),
              "INSERT INTO \"public\".\"t\" (\"id\", \"v\") VALUES ($1, $2)");
}

TEST(GeneratedColumn, IsNotUpdated) {
    EXPECT_EQ(sql_of(with_generated(), {ChangeKind::update}),
              "UPDATE ONLY \"public\".\"t\" SET \"v\" = $1 WHERE \"id\" = $2");
}

TEST(GeneratedColumn, FindsTheRowWhenItIsTheKey) {
    EXPECT_EQ(sql_of(MappingBuilder("t").key("g", "int4").generated(), {ChangeKind::delete_key}),
              "DELETE FROM ONLY \"public\".\"t\" WHERE \"g\" = $1");
}

TEST(GeneratedColumn, IsNotComparedWithAWholeRow) {
    EXPECT_THAT(sql_of(with_generated().full(), {ChangeKind::delete_full}),
                testing::Not(HasSubstr("\"g\"")));
}

// --- guards ---

RelationMapping guarded(const MappingBuilder& builder) {
    RelationMapping mapping = *builder.map();
    mapping.update_guard = "u";
    mapping.delete_guard = "d";
    return mapping;
}

TEST(GuardedStatement, FindsTheRowOnlyWhereTheGuardIsTrue) {
    const RelationMapping mapping = guarded(two_columns());
    EXPECT_EQ(make_statement(mapping, {ChangeKind::update}).sql,
              "UPDATE ONLY \"public\".\"t\" SET \"v\" = $1 WHERE \"id\" = $2 AND u");
    EXPECT_EQ(make_statement(mapping, {ChangeKind::delete_key}).sql,
              "DELETE FROM ONLY \"public\".\"t\" WHERE \"id\" = $1 AND d");
    StatementShape replacing{ChangeKind::update};
    replacing.replaces = true;
    EXPECT_THAT(make_statement(mapping, replacing).sql, HasSubstr("AND u RETURNING *"));
    StatementShape nothing{ChangeKind::update};
    nothing.unchanged = "01";
    EXPECT_THAT(make_statement(mapping, nothing).sql, HasSubstr("AND u FOR NO KEY UPDATE"));
}

// One of several equal rows may have the right origin.
TEST(GuardedStatement, ChoosesAmongEqualRows) {
    const RelationMapping mapping = guarded(MappingBuilder("t").full().column("v", "text"));
    EXPECT_THAT(make_statement(mapping, {ChangeKind::delete_full}).sql,
                HasSubstr("AND d LIMIT 1)"));
}

TEST(GuardedStatement, IsTheSameAsAnyWhereTheGuardDoesNotMatter) {
    const RelationMapping mapping = guarded(two_columns());
    StatementShape shape{ChangeKind::update};
    shape.is_unguarded = true;
    EXPECT_EQ(make_statement(mapping, shape).sql, sql_of(two_columns(), {ChangeKind::update}));
    EXPECT_EQ(make_row_lock(mapping, {ChangeKind::update}).sql,
              make_row_lock(*two_columns().map(), {ChangeKind::update}).sql);
}

}  // namespace
}  // namespace walpack
