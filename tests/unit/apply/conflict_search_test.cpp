// How rows in the way are asked for: by the rules of each index, whatever columns are called.
#include "apply/conflict_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::MappingBuilder;
using testing::HasSubstr;
using testing::Not;

ConflictIndex index_of(const std::string& expression) {
    ConflictIndex index;
    index.name = "i";
    index.relation_schema = "public";
    index.relation_name = "t";
    index.keys = {{expression, "OPERATOR(\"pg_catalog\".=)", ""}};
    return index;
}

std::string search(const MappingBuilder& builder, ChangeKind kind, const ConflictIndex& index) {
    return make_search(*builder.map(), {kind}, {}, index).sql;
}

MappingBuilder two_columns() {
    return MappingBuilder("t").key("id", "int4").column("v", "text");
}

TEST(ConflictSearch, HoldsTheExpressionOfBothRowsAgainstEachOther) {
    const std::string sql = search(two_columns(), ChangeKind::insert, index_of("lower(v)"));
    EXPECT_THAT(sql, HasSubstr("(lower(v)) OPERATOR(\"pg_catalog\".=) \"new\".\"new_0\""));
    EXPECT_THAT(sql, HasSubstr("(lower(v)) AS \"new_0\""));
    EXPECT_THAT(sql, HasSubstr("FOR UPDATE OF \"t\""));
}

TEST(ConflictSearch, LeavesTheRowOfAnUpdateOut) {
    const std::string sql = search(two_columns(), ChangeKind::update, index_of("v"));
    EXPECT_THAT(sql, HasSubstr("\"t\".ctid IS DISTINCT FROM \"new\".\"new_ctid\""));
    EXPECT_THAT(sql, HasSubstr("ctid AS \"new_ctid\""));
}

TEST(ConflictSearch, NamesItsOwnColumnsAsNoneOfTheTable) {
    const auto builder = MappingBuilder("t").key("id", "int4").column("new_0", "text");
    EXPECT_THAT(search(builder, ChangeKind::insert, index_of("\"new_0\"")),
                HasSubstr("(\"new_0\") AS \"new__0\""));
}

TEST(ConflictSearch, AsksForPredicateAndPartitionOfTheNewRow) {
    ConflictIndex index = index_of("v");
    index.predicate = "id > 3";
    index.partition_condition = "id < 10";
    const std::string sql = search(two_columns(), ChangeKind::insert, index);
    EXPECT_THAT(sql, HasSubstr("WHERE true AND (id > 3) AND (id < 10)"));
    EXPECT_THAT(sql, HasSubstr("\"new_ctid\") AND (id > 3)"));
}

TEST(ConflictSearch, TakesNullsForEqualOnlyWhereTheIndexDoes) {
    ConflictIndex index = index_of("v");
    EXPECT_THAT(search(two_columns(), ChangeKind::insert, index), Not(HasSubstr("(v) IS NULL")));
    index.has_equal_nulls = true;
    EXPECT_THAT(search(two_columns(), ChangeKind::insert, index),
                HasSubstr("OR (v) IS NULL AND \"new\".\"new_0\" IS NULL"));
}

}  // namespace
}  // namespace walpack
