#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/target_table.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::MappingBuilder;
using test::target_column;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(MapRelation, FindsColumnsByNameWhateverTheirOrder) {
    auto relation = std::make_shared<Relation>();
    relation->attributes = {test::attribute("a", "int4"), test::attribute("b", "text")};
    auto table = std::make_shared<TargetTable>();
    table->columns = {target_column("b", "text"), target_column("a", "int4")};
    const RelationMapping mapping = map_relation(relation, table);
    EXPECT_THAT(mapping.problems, IsEmpty());
    EXPECT_EQ(mapping.columns[0].column->name, "a");
    EXPECT_EQ(mapping.columns[1].column->name, "b");
}

TEST(MapRelation, SaysEveryProblemAtOnce) {
    auto relation = std::make_shared<Relation>();
    relation->attributes = {test::attribute("x", "int8"), test::attribute("gone", "text"),
                            test::attribute("made", "int4")};
    auto table = std::make_shared<TargetTable>();
    table->columns = {target_column("x", "int4"), target_column("made", "int4")};
    table->columns[0].declared_type = "integer";
    table->columns[1].is_generated = true;
    const RelationMapping mapping = map_relation(relation, table);
    EXPECT_THAT(
        mapping.problems,
        ElementsAre("column \"x\" has type bigint at the source and integer on the target, which "
                    "cannot take every value",
                    "column \"gone\" does not exist on the target",
                    "column \"made\" is generated on the target and cannot take values"));
}

TEST(MapRelation, RefusesAnExtraColumnThatNothingFills) {
    TargetColumn extra = target_column("extra", "int4");
    extra.is_not_null = true;
    EXPECT_THAT(MappingBuilder("t").key("id", "int4").extra(extra).map()->problems,
                ElementsAre("column \"extra\" of the target is NOT NULL without a default, and the "
                            "source has no such column"));
}

TEST(MapRelation, LeavesExtraColumnsThatFillThemselves) {
    TargetColumn with_default = target_column("extra", "int4");
    with_default.is_not_null = true;
    with_default.has_default = true;
    TargetColumn nullable = target_column("other", "int4");
    EXPECT_THAT(MappingBuilder("t").extra(with_default).extra(nullable).map()->problems, IsEmpty());
}

TEST(MapRelation, RefusesAColumnThatWouldRound) {
    MappingBuilder builder("t");
    builder.column("at", "timestamp").last().typmod = 0;
    EXPECT_THAT(builder.map()->problems,
                ElementsAre("column \"at\" has type timestamp without time zone at the source and "
                            "timestamp on the target, which would round or cut values"));
}

TEST(MapRelation, LeavesAColumnThatIsGeneratedAtBothEndsToTheTarget) {
    const auto mapping =
        MappingBuilder("t").key("id", "int4").column("g", "int4").generated().map();
    EXPECT_THAT(mapping->problems, IsEmpty());
    EXPECT_TRUE(mapping->columns[0].is_written());
    EXPECT_FALSE(mapping->columns[1].is_written());
}

TEST(MapRelation, WritesAGeneratedColumnOfTheSourceIntoAnOrdinaryOne) {
    const auto mapping = MappingBuilder("t").column("g", "int4").generated_at_source().map();
    EXPECT_THAT(mapping->problems, IsEmpty());
    EXPECT_TRUE(mapping->columns[0].is_written());
}

TEST(MapRelation, AcceptsAnotherTypeOfAColumnThatIsGeneratedAtBothEnds) {
    MappingBuilder builder("t");
    builder.column("g", "int8").generated().last().kind = ValueKind::boolean;
    builder.last().type_name = "bool";
    EXPECT_THAT(builder.map()->problems, IsEmpty());
}

TEST(MapRelation, RefusesAnotherTypeOfAKeyColumnThatIsGeneratedAtBothEnds) {
    MappingBuilder builder("t");
    builder.key("g", "int8").generated().last().kind = ValueKind::boolean;
    builder.last().type_name = "bool";
    EXPECT_THAT(builder.map()->problems, testing::SizeIs(1));
}

}  // namespace
}  // namespace walpack
