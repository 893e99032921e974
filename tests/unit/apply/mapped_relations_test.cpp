#include "apply/mapped_relations.h"

#include <functional>

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::MappingBuilder;

struct Alteration {
    const char* name;
    std::function<void(TargetTable&)> apply;
};

class MappingEquivalence : public ::testing::TestWithParam<Alteration> {};

std::shared_ptr<const RelationMapping> mapping() {
    return MappingBuilder("t").key("id", "int4").column("v", "text").target_key({"id"}).map();
}

TEST(MappedRelations, TakeATableThatIsReadAgainForTheSame) {
    EXPECT_TRUE(is_equivalent(*mapping(), *mapping()));
}

TEST_P(MappingEquivalence, EndsWithAnAlterationOf) {
    const auto before = mapping();
    TargetTable altered = *before->table;
    GetParam().apply(altered);
    const RelationMapping after =
        map_relation(before->relation, std::make_shared<const TargetTable>(std::move(altered)));
    EXPECT_FALSE(is_equivalent(*before, after));
}

INSTANTIATE_TEST_SUITE_P(
    MappedRelations, MappingEquivalence,
    ::testing::Values(
        Alteration{"TheKey", [](TargetTable& t) { t.key_columns.clear(); }},
        Alteration{"AColumnsArrayType", [](TargetTable& t) { t.columns[1].array_oid = 1; }},
        Alteration{"AColumnsCollation",
                   [](TargetTable& t) { t.columns[1].has_exact_equality = true; }},
        Alteration{"AlwaysTriggers", [](TargetTable& t) { t.has_always_triggers = true; }},
        Alteration{"OrdinaryTriggers", [](TargetTable& t) { t.has_ordinary_triggers = true; }},
        Alteration{"UniqueIndexes",
                   [](TargetTable& t) { t.unique_indexes.push_back({.columns = {"v"}}); }},
        Alteration{"ItsForeignKeys", [](TargetTable& t) { t.is_referencing = true; }},
        Alteration{"ForeignKeysToIt", [](TargetTable& t) { t.is_referenced = true; }},
        Alteration{"Cascades", [](TargetTable& t) { t.cascades_from.push_back(1); }},
        Alteration{"UpdatesThatChangeRows",
                   [](TargetTable& t) { t.changed_by_updates_of.push_back(1); }},
        Alteration{"DeletesThatChangeRows",
                   [](TargetTable& t) { t.changed_by_deletes_of.push_back(1); }}),
    [](const auto& alteration) { return std::string(alteration.param.name); });

TEST(MappedRelations, SeeThatAUniqueIndexIsNotPlainAnyMore) {
    const auto before = mapping();
    TargetTable plain = *before->table;
    plain.unique_indexes = {{.columns = {"v"}, .is_plain = true}};
    TargetTable other = *before->table;
    other.unique_indexes = {{.columns = {"v"}}};
    EXPECT_FALSE(
        is_equivalent(map_relation(before->relation, std::make_shared<const TargetTable>(plain)),
                      map_relation(before->relation, std::make_shared<const TargetTable>(other))));
}

}  // namespace
}  // namespace walpack
