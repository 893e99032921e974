#include "copy/table_copy.h"

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::MappingBuilder;

TEST(TableCopy, NamesColumnsOnBothSides) {
    const auto mapping = MappingBuilder("t").key("id", "int4").column("v\"", "text").map();
    EXPECT_EQ(copy_out_sql(*mapping),
              "COPY (SELECT \"id\", \"v\"\"\" FROM ONLY \"public\".\"t\") TO STDOUT");
    EXPECT_EQ(copy_in_sql(*mapping), "COPY \"public\".\"t\" (\"id\", \"v\"\"\") FROM STDIN");
}

// As text, 0.1 would read as another double than the float's value.
TEST(TableCopy, WidensFloatsAtTheSource) {
    auto relation = std::make_shared<Relation>();
    relation->schema = "public";
    relation->name = "t";
    relation->attributes = {test::attribute("f", "float4")};
    auto table = std::make_shared<TargetTable>();
    table->columns = {test::target_column("f", "float8")};
    EXPECT_EQ(copy_out_sql(map_relation(relation, table)),
              "COPY (SELECT \"f\"::pg_catalog.\"float8\" FROM ONLY \"public\".\"t\") TO STDOUT");
}

TEST(TableCopy, LeavesOutColumnsThatTheTargetGenerates) {
    const auto mapping =
        MappingBuilder("t").key("id", "int4").column("g", "int4").generated().map();
    EXPECT_EQ(copy_in_sql(*mapping), "COPY \"public\".\"t\" (\"id\") FROM STDIN");
    EXPECT_EQ(copy_out_sql(*mapping), "COPY (SELECT \"id\" FROM ONLY \"public\".\"t\") TO STDOUT");
}

}  // namespace
}  // namespace walpack
