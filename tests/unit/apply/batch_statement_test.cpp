#include "apply/batch_statement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apply/table_plan.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::MappingBuilder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<const BatchStatement> statement(const MappingBuilder& builder, BatchKind kind,
                                                const std::string& unchanged = "") {
    TablePlan plan(builder.map(), {.is_replica_role = true});
    return plan.batch_statement(kind, unchanged);
}

MappingBuilder two_columns() {
    return MappingBuilder("t").key("id", "int4").column("v", "text").primary_key();
}

// --- whole rows ---

std::shared_ptr<const BatchStatement> whole_rows(const MappingBuilder& builder,
                                                 const StatementShape& shape) {
    TablePlan plan(builder.map(), {.is_replica_role = true});
    return plan.whole_row_statement(
        shape.kind == ChangeKind::delete_full ? BatchKind::remove : BatchKind::update, shape);
}

MappingBuilder bag() {
    return MappingBuilder("t").column("a", "int4").column("v", "numeric").full();
}

TEST(WholeRowBatch, TakesOneOfTheEqualRowsForEach) {
    const auto made = whole_rows(bag(), {ChangeKind::delete_full});
    EXPECT_EQ(
        made->sql,
        "DELETE FROM ONLY \"public\".\"t\" AS w USING (SELECT DISTINCT ON (s.n) r.ctid AS at, "
        "s.* FROM (SELECT pg_catalog.row_number() OVER () AS n, * FROM (SELECT "
        "pg_catalog.unnest($1) AS v1, pg_catalog.unnest($2) AS v2) AS v) AS s JOIN ONLY "
        "\"public\".\"t\" AS r ON r.\"a\" = s.v1 AND r.\"v\" = s.v2 AND "
        "r.\"v\"::pg_catalog.text COLLATE \"C\" = (s.v2::numeric)::pg_catalog.text) AS s "
        "WHERE w.ctid = s.at");
    EXPECT_TRUE(made->finds_whole_rows);
}

TEST(WholeRowBatch, TakesNewCellsBehindTheOldOnes) {
    const auto made = whole_rows(bag(), {ChangeKind::update_full, false, "01"});
    EXPECT_THAT(made->sql, HasSubstr("UPDATE ONLY \"public\".\"t\" AS w SET \"a\" = s.v1 FROM"));
    EXPECT_EQ(made->parameters[0].cell, 2U);
    EXPECT_EQ(made->parameters[1].cell, 0U);
    EXPECT_THAT(made->single_cells, ElementsAre(2, 0, 1));
}

TEST(WholeRowBatch, NamesNulls) {
    StatementShape shape{ChangeKind::delete_full};
    shape.nulls = "10";
    const auto made = whole_rows(bag(), shape);
    EXPECT_THAT(made->sql, HasSubstr(" ON r.\"a\" IS NULL AND r.\"v\" = s.v1 AND "));
    EXPECT_THAT(made->single_cells, ElementsAre(1));
}

TEST(WholeRowBatch, TellsTheRowsOfSeveralPartitionsApart) {
    const auto made = whole_rows(bag().partitioned(), {ChangeKind::delete_full});
    EXPECT_THAT(made->sql, HasSubstr("r.ctid AS at, r.tableoid AS part, s.*"));
    EXPECT_THAT(made->sql, HasSubstr("w.ctid = s.at AND w.tableoid = s.part"));
}

TEST(BatchInsert, TakesAnArrayPerColumn) {
    const auto made = statement(two_columns(), BatchKind::insert);
    EXPECT_EQ(made->sql,
              "INSERT INTO \"public\".\"t\" (\"id\", \"v\") "
              "SELECT pg_catalog.unnest($1), pg_catalog.unnest($2)");
    EXPECT_THAT(made->type_oids, ElementsAre(201, 202));
    EXPECT_EQ(made->parameters[1].element_oid, 102U);
}

TEST(BatchInsert, OverridesAnIdentityColumn) {
    MappingBuilder builder = MappingBuilder("t").key("id", "int4").identity_always().primary_key();
    EXPECT_THAT(statement(builder, BatchKind::insert)->sql,
                HasSubstr("(\"id\") OVERRIDING SYSTEM VALUE SELECT "));
}

TEST(BatchInsert, LeavesGeneratedColumnsToTheTarget) {
    MappingBuilder builder =
        MappingBuilder("t").key("id", "int4").column("sum", "int4").generated().primary_key();
    EXPECT_THAT(statement(builder, BatchKind::insert)->sql,
                HasSubstr("(\"id\") SELECT pg_catalog.unnest($1)"));
}

// unnest() would take an array of arrays apart down to the elements.
TEST(BatchInsert, SendsArraysAsTextToBeCast) {
    MappingBuilder builder = MappingBuilder("t").key("id", "int4").array("a", "int4").primary_key();
    const auto made = statement(builder, BatchKind::insert);
    EXPECT_THAT(made->sql, HasSubstr("pg_catalog.unnest($2)::\"pg_catalog\".\"_int4\""));
    EXPECT_EQ(made->type_oids[1], 1009U);
    EXPECT_EQ(made->parameters[1].element_oid, 25U);
    EXPECT_EQ(made->parameters[1].array->name, "a");
}

TEST(BatchInsert, IsACopyOfTheWrittenColumnsWhereAllAreInBinary) {
    MappingBuilder builder = MappingBuilder("t")
                                 .key("id", "int4")
                                 .identity_always()
                                 .column("sum", "int4")
                                 .generated()
                                 .array("a", "int4")
                                 .primary_key();
    EXPECT_EQ(statement(builder, BatchKind::insert)->copy_sql,
              "COPY \"public\".\"t\" (\"id\", \"a\") FROM STDIN (FORMAT binary)");
}

TEST(BatchInsert, ThatIsACopyComparesTheTableItWasMadeFor) {
    MappingBuilder builder = two_columns();
    builder.oid(5);
    EXPECT_THAT(statement(builder, BatchKind::insert)->copy_check_sql,
                testing::AllOf(HasSubstr("attrelid = 5 AND (attname, atttypid, atttypmod) IN "
                                         "(('id', 101, -1), ('v', 102, -1)) "),
                               HasSubstr("HAVING pg_catalog.count(*) = 2")));
}

TEST(BatchInsert, IsNoCopyWhereAValueIsText) {
    MappingBuilder builder = two_columns();
    builder.column("n", "int4");
    builder.last().type_name = "numeric";
    builder.last().kind = ValueKind::numeric;
    EXPECT_THAT(statement(builder, BatchKind::insert)->copy_sql, IsEmpty());
}

TEST(BatchUpdate, JoinsTheKey) {
    const auto made = statement(two_columns(), BatchKind::update);
    EXPECT_EQ(made->sql,
              "UPDATE ONLY \"public\".\"t\" AS w SET \"v\" = s.v1 FROM (SELECT "
              "pg_catalog.unnest($1) AS v1, pg_catalog.unnest($2) AS v2) AS s "
              "WHERE w.\"id\" = s.v2");
    EXPECT_EQ(made->parameters[0].cell, 1U);
    EXPECT_EQ(made->parameters[1].cell, 0U);
}

TEST(BatchUpdate, LeavesOutUnchangedToast) {
    MappingBuilder builder = MappingBuilder("t")
                                 .key("id", "int4")
                                 .column("v", "text")
                                 .column("big", "text")
                                 .primary_key();
    EXPECT_THAT(statement(builder, BatchKind::update, "001")->sql,
                HasSubstr("SET \"v\" = s.v1 FROM"));
}

TEST(BatchUpdate, OfReplicaIdentityFullLeavesTheKeyAlone) {
    MappingBuilder builder =
        MappingBuilder("t").column("id", "int4").column("v", "text").full().target_key({"id"});
    EXPECT_THAT(statement(builder, BatchKind::update)->sql, HasSubstr("SET \"v\" = s.v1 FROM"));
}

TEST(BatchDelete, ComparesASingleKeyWithAnArray) {
    const auto made = statement(two_columns(), BatchKind::remove);
    EXPECT_EQ(made->sql, "DELETE FROM ONLY \"public\".\"t\" WHERE \"id\" = ANY ($1)");
    EXPECT_EQ(made->parameters[0].cell, 0U);
}

TEST(BatchDelete, JoinsACompositeKeyInItsOwnOrderOfCells) {
    MappingBuilder builder =
        MappingBuilder("t").column("v", "text").key("a", "int4").key("b", "int4").primary_key();
    const auto made = statement(builder, BatchKind::remove);
    EXPECT_EQ(made->sql,
              "DELETE FROM ONLY \"public\".\"t\" AS w USING (SELECT pg_catalog.unnest($1) AS v1, "
              "pg_catalog.unnest($2) AS v2) AS s WHERE w.\"a\" = s.v1 AND w.\"b\" = s.v2");
    EXPECT_EQ(made->parameters[0].cell, 0U);
    EXPECT_EQ(made->parameters[1].cell, 1U);
}

TEST(BatchStatements, FindOnlyRowsForWhichTheGuardIsTrue) {
    const auto sql = [](const MappingBuilder& builder, BatchKind kind) {
        auto mapping = std::make_shared<RelationMapping>(*builder.map());
        mapping->update_guard = "u";
        mapping->delete_guard = "d";
        TablePlan plan(mapping, {.is_replica_role = true});
        return plan.batch_statement(kind, "")->sql;
    };
    EXPECT_THAT(sql(two_columns(), BatchKind::update), testing::EndsWith(" AND u"));
    EXPECT_THAT(sql(two_columns(), BatchKind::remove), testing::EndsWith("ANY ($1) AND d"));
    const MappingBuilder composite =
        MappingBuilder("t").key("a", "int4").key("b", "int4").primary_key();
    EXPECT_THAT(sql(composite, BatchKind::remove), testing::EndsWith(" AND d"));
}

TEST(BatchForms, RefuseElementsWhoseTextDependsOnTheServer) {
    EXPECT_THAT(batch_forms(*MappingBuilder("t").array("a", "money").map()), IsEmpty());
    EXPECT_THAT(batch_forms(*MappingBuilder("t").array("a", "inet").map()), IsEmpty());
}

TEST(BatchForms, RefuseATypeWithoutArrays) {
    MappingBuilder builder = MappingBuilder("t").column("v", "uuid");
    builder.last().array_oid = 0;
    EXPECT_THAT(batch_forms(*builder.map()), IsEmpty());
}

}  // namespace
}  // namespace walpack
