#include "apply/mapped_relations.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

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

// Tables t0, t1, .. and how often each was read from the target.
class UnusedTables : public ::testing::Test {
  protected:
    void use(std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            const std::string name = "t" + std::to_string(i);
            if (!mappings_.contains(name))
                mappings_[name] = MappingBuilder(name).key("id", "int4").target_key({"id"}).map();
            EXPECT_EQ(relations_.find(mappings_[name]->relation)->relation().name, name);
        }
    }
    void pass(std::chrono::minutes time) {
        now_ += time;
        relations_.set_time(now_);
    }

    std::map<std::string, std::shared_ptr<const RelationMapping>> mappings_;
    std::map<std::string, int> reads_;
    int new_plans_ = 0;
    const UnbatchedTables unbatched_;
    MappedRelations::Clock::time_point now_ = MappedRelations::Clock::now();
    MappedRelations relations_{[this](const auto& relation) {
                                   ++reads_[relation->name];
                                   return mappings_.at(relation->name);
                               },
                               PlanOptions{}, unbatched_, [this] { ++new_plans_; }, nullptr};
};

TEST_F(UnusedTables, AreForgottenWhereThereAreMany) {
    const std::size_t tables = MappedRelations::kTablesKept + 10;
    use(0, tables);
    EXPECT_EQ(relations_.size(), tables);
    pass(MappedRelations::kUnusedMax / 2);
    use(0, 5);
    pass(MappedRelations::kUnusedMax / 2 + std::chrono::minutes(1));
    // What waits was made by the old plans.
    EXPECT_EQ(new_plans_, 1);
    EXPECT_EQ(relations_.size(), 5U);
    const int reads_of_used = reads_["t0"];
    use(0, 7);
    EXPECT_EQ(reads_["t0"], reads_of_used + 1);  // for its age
    EXPECT_EQ(reads_["t6"], 2);
    EXPECT_EQ(relations_.size(), 7U);
}

// A plan for each, not one that is made anew whenever the other partition has a change.
TEST(MappedRelations, KeepTheDescriptionsOfPartitionsSideBySide) {
    const auto mapping = MappingBuilder("t").key("id", "int4").target_key({"id"}).map();
    int reads = 0;
    int new_plans = 0;
    const UnbatchedTables unbatched;
    MappedRelations relations(
        [&](const std::shared_ptr<const Relation>& relation) {
            ++reads;
            return std::make_shared<const RelationMapping>(map_relation(relation, mapping->table));
        },
        PlanOptions{}, unbatched, [&] { ++new_plans; }, nullptr);
    const auto leaf = [&](const char* name, ReplicaIdentity identity) {
        auto relation = std::make_shared<Relation>(*mapping->relation);
        relation->leaf = name;
        relation->replica_identity = identity;
        return std::shared_ptr<const Relation>(std::move(relation));
    };
    const auto full = leaf("public.t1", ReplicaIdentity::full);
    const auto by_key = leaf("public.t2", ReplicaIdentity::default_key);
    const TablePlan* plan_of_full = nullptr;
    for (int round = 0; round < 5; ++round) {
        const TablePlan* of_full = relations.find(full).get();
        if (plan_of_full != nullptr) EXPECT_EQ(of_full, plan_of_full);
        plan_of_full = of_full;
        EXPECT_NE(relations.find(by_key).get(), of_full);
        EXPECT_EQ(relations.find(leaf("public.t3", ReplicaIdentity::full)).get(), of_full);
    }
    EXPECT_EQ(reads, 2);
    EXPECT_EQ(new_plans, 1);
    relations.forget({mapping->table->schema, mapping->table->name});
    relations.find(by_key);
    EXPECT_EQ(reads, 3);
}

TEST_F(UnusedTables, OfWhichThereAreFewStay) {
    use(0, 5);
    pass(2 * MappedRelations::kUnusedMax);
    EXPECT_EQ(relations_.size(), 5U);
    EXPECT_EQ(new_plans_, 0);
}

}  // namespace
}  // namespace walpack
