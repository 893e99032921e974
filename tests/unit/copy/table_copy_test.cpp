#include "copy/table_copy.h"

#include <gtest/gtest.h>

#include "copy/source_rows.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::MappingBuilder;

PublishedTable published(const RelationMapping& mapping) {
    return {.relation = mapping.relation};
}

TEST(TableCopy, NamesColumnsOnBothSides) {
    const auto mapping = MappingBuilder("t").key("id", "int4").column("v\"", "text").map();
    EXPECT_EQ(copy_out_sql(published(*mapping), *mapping),
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
    const RelationMapping mapping = map_relation(relation, table);
    EXPECT_EQ(copy_out_sql(published(mapping), mapping),
              "COPY (SELECT \"f\"::pg_catalog.\"float8\" FROM ONLY \"public\".\"t\") TO STDOUT");
}

TEST(TableCopy, LeavesOutColumnsThatTheTargetGenerates) {
    const auto mapping =
        MappingBuilder("t").key("id", "int4").column("g", "int4").generated().map();
    EXPECT_EQ(copy_in_sql(*mapping), "COPY \"public\".\"t\" (\"id\") FROM STDIN");
    EXPECT_EQ(copy_out_sql(published(*mapping), *mapping),
              "COPY (SELECT \"id\" FROM ONLY \"public\".\"t\") TO STDOUT");
}

TEST(TableCopy, ReadsOnlyThePublishedRows) {
    const auto mapping = MappingBuilder("t").key("id", "int4").map();
    PublishedTable table = published(*mapping);
    table.row_filter = "((id > 5)) OR ((id < 2))";
    EXPECT_EQ(copy_out_sql(table, *mapping),
              "COPY (SELECT \"id\" FROM ONLY \"public\".\"t\" WHERE (((id > 5)) OR ((id < 2)))) "
              "TO STDOUT");
}

TEST(TableCopy, ReadsPartitionsThroughTheirRoot) {
    const auto mapping = MappingBuilder("t").key("id", "int4").map();
    PublishedTable table = published(*mapping);
    table.is_via_root = true;
    EXPECT_EQ(copy_out_sql(table, *mapping),
              "COPY (SELECT \"id\" FROM \"public\".\"t\") TO STDOUT");
}

}  // namespace
}  // namespace walpack
