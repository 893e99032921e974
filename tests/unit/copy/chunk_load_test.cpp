#include "copy/chunk_load.h"

#include <gtest/gtest.h>

#include "copy/binary_copy.h"
#include "copy/copy_error.h"
#include "copy/source_rows.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::array_attribute;
using test::array_column;
using test::attribute;
using test::MappingBuilder;
using test::target_column;

KeyBound number(const std::string& text) {
    return {text, "unused"};
}

TableLoad load_of(const std::shared_ptr<const RelationMapping>& mapping, PublishedTable published,
                  std::vector<std::size_t> key_attributes = {0}) {
    ChunkPlan plan;
    plan.method = ChunkMethod::key;
    plan.key_attributes = std::move(key_attributes);
    published.relation = mapping->relation;
    return make_table_load(std::make_shared<const PublishedTable>(std::move(published)), mapping,
                           plan);
}

TableLoad load_of(const MappingBuilder& builder) {
    return load_of(builder.map(), {});
}

RelationMapping one_column(const Attribute& from, const TargetColumn& to,
                           int server_version = 170000) {
    auto relation = std::make_shared<Relation>();
    relation->schema = "public";
    relation->name = "t";
    relation->attributes = {from};
    auto table = std::make_shared<TargetTable>();
    table->schema = "public";
    table->name = "t";
    table->columns = {to};
    table->server_version = server_version;
    RelationMapping mapping = map_relation(relation, table);
    EXPECT_TRUE(mapping.problems.empty());
    return mapping;
}

TableLoad load_of(const Attribute& from, const TargetColumn& to) {
    return load_of(std::make_shared<const RelationMapping>(one_column(from, to)), {});
}

bool is_binary(const Attribute& from, const TargetColumn& to) {
    return reason_against_binary(one_column(from, to), 170000).empty();
}

// --- statements ---

TEST(ChunkLoad, SelectsARangeOfTheKey) {
    const TableLoad load = load_of(MappingBuilder("t").key("id", "int8").column("v", "text"));
    EXPECT_EQ(select_rows_sql(load, KeyRange{number("-5"), number("10")}),
              "SELECT \"id\", \"v\" FROM ONLY \"public\".\"t\" WHERE \"id\" >= "
              "'-5'::\"pg_catalog\".\"int8\" AND \"id\" < '10'::\"pg_catalog\".\"int8\"");
    EXPECT_EQ(select_rows_sql(load, KeyRange{}), "SELECT \"id\", \"v\" FROM ONLY \"public\".\"t\"");
    EXPECT_EQ(load.copy_in_sql, "COPY \"public\".\"t\" (\"id\", \"v\") FROM STDIN (FORMAT binary)");
}

TEST(ChunkLoad, SelectsARangeOfAKeyOfSeveralColumns) {
    const TableLoad load =
        load_of(MappingBuilder("t").key("a", "int4").key("b", "int8").map(), {}, {0, 1});
    EXPECT_EQ(select_rows_sql(load, KeyRange{number("1,-5"), number("2,10")}),
              "SELECT \"a\", \"b\" FROM ONLY \"public\".\"t\" WHERE (\"a\", \"b\") >= "
              "('1'::\"pg_catalog\".\"int4\", '-5'::\"pg_catalog\".\"int8\") AND (\"a\", \"b\") < "
              "('2'::\"pg_catalog\".\"int4\", '10'::\"pg_catalog\".\"int8\")");
    EXPECT_EQ(range_condition_on_values(load, {std::nullopt, number("2,10")}),
              "($1::\"pg_catalog\".\"int4\", $2::\"pg_catalog\".\"int8\") < "
              "('2'::\"pg_catalog\".\"int4\", '10'::\"pg_catalog\".\"int8\")");
}

TEST(ChunkLoad, SelectsARangeOfPages) {
    const TableLoad load = load_of(MappingBuilder("t").key("id", "int8"));
    EXPECT_EQ(select_rows_sql(load, PageRange{}), "SELECT \"id\" FROM ONLY \"public\".\"t\"");
    EXPECT_EQ(select_rows_sql(load, PageRange{7, 9}),
              "SELECT \"id\" FROM ONLY \"public\".\"t\" WHERE ctid >= '(7,0)'::pg_catalog.tid AND "
              "ctid < '(9,0)'::pg_catalog.tid");
}

TEST(ChunkLoad, KeepsToTheRowFilterWithinARange) {
    const TableLoad load =
        load_of(MappingBuilder("t").key("id", "int8").map(), {.row_filter = "((a)) OR ((b))"});
    EXPECT_EQ(select_rows_sql(load, KeyRange{std::nullopt, number("3")}),
              "SELECT \"id\" FROM ONLY \"public\".\"t\" WHERE (((a)) OR ((b))) AND \"id\" < "
              "'3'::\"pg_catalog\".\"int8\"");
}

TEST(ChunkLoad, NeedsNoColumnsForATableWithoutWrittenOnes) {
    const TableLoad load = load_of(MappingBuilder("t").column("g", "int4").generated());
    EXPECT_EQ(load.copy_in_sql, "");
    EXPECT_EQ(select_rows_sql(load, KeyRange{}), "SELECT FROM ONLY \"public\".\"t\"");
}

// --- a range on the target ---

TEST(RangeOnTarget, ComparesInTheTypeOfTheTarget) {
    const TableLoad load = load_of(attribute("id", "int4"), target_column("id", "numeric"));
    EXPECT_EQ(range_condition_on_target(load, {number("1"), number("7")}),
              "\"id\" >= '1'::\"pg_catalog\".\"numeric\" AND \"id\" < "
              "'7'::\"pg_catalog\".\"numeric\"");
    EXPECT_EQ(range_condition_on_target(load, {}), "true");
}

TEST(RangeOnTarget, ComparesNumbersThatAreTextThereAsNumbers) {
    const TableLoad load = load_of(attribute("id", "int4"), target_column("id", "text"));
    EXPECT_EQ(range_condition_on_target(load, {number("9"), std::nullopt}),
              "\"id\"::\"pg_catalog\".\"int4\" >= '9'::\"pg_catalog\".\"int4\"");
}

TEST(RangeOnTarget, ComparesTextByTheBytesThatItHasAtTheSource) {
    const TableLoad load = load_of(attribute("k", "text"), target_column("k", "varchar"));
    EXPECT_EQ(range_condition_on_target(load, {KeyBound{"ab", "ab"}, std::nullopt}),
              "pg_catalog.convert_to(\"k\"::pg_catalog.text, "
              "pg_catalog.current_setting('client_encoding')::pg_catalog.name) >= "
              " E'\\\\x6162'::pg_catalog.bytea");
}

// --- binary or text ---

// Older servers would take the extremes for some interval.
TEST(BinaryCopy, BringsNoIntervalToAServerWithoutInfiniteOnes) {
    const auto reason = [](const Attribute& from, const TargetColumn& to, int version) {
        return reason_against_binary(one_column(from, to, version), 170000);
    };
    const Attribute one = attribute("v", "interval");
    const Attribute many = array_attribute("v", "interval");
    TargetColumn many_there = array_column("v", "interval");
    many_there.element_oid = many.element->oid;
    EXPECT_NE(reason(one, target_column("v", "interval"), 160000), "");
    EXPECT_EQ(reason(one, target_column("v", "interval"), 170000), "");
    EXPECT_NE(reason(many, many_there, 160000), "");
    EXPECT_EQ(reason(many, many_there, 170000), "");
    EXPECT_EQ(
        reason_against_binary(one_column(one, target_column("v", "interval"), 150000), 160000), "");
    EXPECT_EQ(reason(attribute("v", "time"), target_column("v", "time"), 160000), "");
}

TEST(BinaryCopy, ServesWhereBothEndsHaveTheSameBuiltInType) {
    for (const char* type : {"int4", "float8", "numeric", "text", "jsonb", "timestamptz", "uuid",
                             "bytea", "inet", "interval", "bool"}) {
        EXPECT_TRUE(is_binary(attribute("v", type), target_column("v", type))) << type;
    }
}

TEST(BinaryCopy, ServesBetweenTypesThatAreTheSameText) {
    EXPECT_TRUE(is_binary(attribute("v", "varchar"), target_column("v", "text")));
    EXPECT_TRUE(is_binary(attribute("v", "json"), target_column("v", "text")));
}

TEST(BinaryCopy, ServesWhereTheSourceWidens) {
    const RelationMapping mapping =
        one_column(attribute("v", "float4"), target_column("v", "float8"));
    EXPECT_EQ(reason_against_binary(mapping, 170000), "");
    EXPECT_EQ(columns_at_source(mapping), "\"v\"::pg_catalog.\"float8\"");
}

TEST(BinaryCopy, DoesNotServeBetweenTypesOfDifferentForm) {
    EXPECT_FALSE(is_binary(attribute("v", "int4"), target_column("v", "numeric")));
    EXPECT_FALSE(is_binary(attribute("v", "int4"), target_column("v", "text")));
    EXPECT_FALSE(is_binary(attribute("v", "jsonb"), target_column("v", "json")));
    EXPECT_EQ(reason_against_binary(
                  one_column(attribute("v", "int4"), target_column("v", "numeric")), 170000),
              "column \"v\" goes from integer to numeric as text");
}

TEST(BinaryCopy, DoesNotServeForXmlWhoseFormMayHaveADeclaration) {
    EXPECT_FALSE(is_binary(attribute("v", "xml"), target_column("v", "xml")));
    EXPECT_FALSE(is_binary(attribute("v", "xml"), target_column("v", "text")));
}

TEST(BinaryCopy, DoesNotServeForTypesThatTravelAsText) {
    EXPECT_FALSE(is_binary(attribute("v", "regclass"), target_column("v", "regclass")));
}

bool array_is_binary(const std::string& element, const std::string& schema,
                     std::uint32_t target_oid) {
    TargetColumn column = array_column("v", element, schema);
    column.element_oid = target_oid;
    return is_binary(array_attribute("v", element, schema), column);
}

// The builder's oid of the element at the source is 2.
TEST(BinaryCopy, ServesForArraysOnlyOfElementsThatHaveOneOidEverywhere) {
    EXPECT_TRUE(array_is_binary("int4", "pg_catalog", 2));
    EXPECT_FALSE(array_is_binary("int4", "pg_catalog", 77));
    EXPECT_FALSE(array_is_binary("citext", "public", 2));
    EXPECT_FALSE(array_is_binary("xml", "pg_catalog", 2));
}

RelationMapping range_mapping(ValueKind element) {
    Attribute from = attribute("v", "r", "app");
    TargetColumn to = target_column("v", "r", "app");
    from.kind = to.kind = ValueKind::range;
    from.element_kind = to.element_kind = element;
    return one_column(from, to);
}

TEST(BinaryCopy, ServesForRangesWhoseBoundsHoldNoOid) {
    EXPECT_EQ(reason_against_binary(range_mapping(ValueKind::int4), 170000), "");
    EXPECT_NE(reason_against_binary(range_mapping(ValueKind::array), 170000), "");
}

TEST(BinaryCopy, AsksOnlyAboutColumnsThatAreWritten) {
    const auto mapping = MappingBuilder("t").key("id", "int4").column("g", "xml").generated().map();
    EXPECT_EQ(reason_against_binary(*mapping, 170000), "");
}

// --- errors ---

Error told(const Error& error) {
    return copy_error(one_column(attribute("v", "text"), target_column("v", "text")), error);
}

TEST(CopyError, NamesTableAndColumnButNoValue) {
    const Error error = told(Error(ErrorKind::value,
                                   "could not copy rows: value \"77\" is out of "
                                   "range for type smallint")
                                 .sqlstate("22003")
                                 .column("v"));
    EXPECT_EQ(
        error.message(),
        "copy of \"public.t\" failed, column \"v\": could not copy rows: value \"...\" is out "
        "of range for type smallint");
    EXPECT_EQ(error.sqlstate(), "22003");
}

TEST(CopyError, CutsAValueAtTheEnd) {
    EXPECT_EQ(told(Error(ErrorKind::value, "invalid input syntax for type json: \"se\"c\"")
                       .sqlstate("22P02"))
                  .message(),
              "copy of \"public.t\" failed: invalid input syntax for type json");
}

TEST(CopyError, DoesNotShowTheBytesOfACharacter) {
    EXPECT_EQ(told(Error(ErrorKind::value, "character with byte sequence 0xe2 0x82 0xac ...")
                       .sqlstate("22P05")
                       .column("v"))
                  .message(),
              "copy of \"public.t\" failed, column \"v\": a character has no equivalent in the "
              "encoding of the target");
}

TEST(CopyError, KeepsTheNamesOfConstraints) {
    EXPECT_EQ(told(Error(ErrorKind::conflict,
                         "duplicate key value violates unique constraint "
                         "\"t_pkey\"")
                       .sqlstate("23505"))
                  .message(),
              "copy of \"public.t\" failed: duplicate key value violates unique constraint "
              "\"t_pkey\"");
}

TEST(CopyError, NamesNothingThatIsNoColumn) {
    EXPECT_EQ(told(Error(ErrorKind::value, "no").sqlstate("22000").column("secret")).message(),
              "copy of \"public.t\" failed: no");
}

}  // namespace
}  // namespace walpack
