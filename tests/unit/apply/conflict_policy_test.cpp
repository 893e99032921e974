// Which policy answers which conflict, and what is set for one table in place of all.
#include "apply/conflict_policy.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

const TableName kOrders{"public", "orders"};
const TableName kOther{"public", "other"};

TEST(ConflictPolicy, HasNamesThatAreReadBack) {
    for (std::size_t i = 0; i < kConflictKinds; ++i) {
        const auto kind = static_cast<ConflictKind>(i);
        EXPECT_EQ(conflict_kind(name_of(kind)), kind);
    }
    for (std::size_t i = 0; i < kConflictPolicies; ++i) {
        const auto policy = static_cast<ConflictPolicy>(i);
        EXPECT_EQ(conflict_policy(name_of(policy)), policy);
    }
    EXPECT_EQ(conflict_kind("insert_origin_differs"), std::nullopt);
    EXPECT_EQ(conflict_policy(""), std::nullopt);
}

TEST(ConflictPolicy, FitsOnlySomeKinds) {
    EXPECT_EQ(fitting_policies(ConflictKind::insert_exists), "error, apply, keep or newest");
    EXPECT_EQ(fitting_policies(ConflictKind::update_exists), "error, apply, keep or newest");
    EXPECT_EQ(fitting_policies(ConflictKind::multiple_unique_conflicts),
              "error, apply, keep or newest");
    EXPECT_EQ(fitting_policies(ConflictKind::update_missing), "error, keep or insert");
    EXPECT_EQ(fitting_policies(ConflictKind::delete_missing), "error, apply or keep");
    EXPECT_EQ(fitting_policies(ConflictKind::update_origin_differs),
              "error, apply, keep or newest");
    EXPECT_EQ(fitting_policies(ConflictKind::delete_origin_differs),
              "error, apply, keep or newest");
    EXPECT_EQ(fitting_policies(ConflictKind::value), "error or keep");
}

TEST(ConflictPolicies, IsAnErrorWhereNothingIsSet) {
    const ConflictPolicies policies;
    EXPECT_EQ(policies.of(kOrders, ConflictKind::insert_exists), ConflictPolicy::error);
    EXPECT_FALSE(policies.resolve_any());
    EXPECT_FALSE(policies.use_commit_time());
}

TEST(ConflictPolicies, TakesATablesOwnFirst) {
    ConflictPolicies policies;
    policies.all.policy(ConflictKind::insert_exists) = ConflictPolicy::apply;
    policies.all.policy(ConflictKind::delete_missing) = ConflictPolicy::keep;
    policies.tables[kOrders].policy(ConflictKind::insert_exists) = ConflictPolicy::error;
    EXPECT_EQ(policies.of(kOrders, ConflictKind::insert_exists), ConflictPolicy::error);
    EXPECT_EQ(policies.of(kOrders, ConflictKind::delete_missing), ConflictPolicy::keep);
    EXPECT_EQ(policies.of(kOther, ConflictKind::insert_exists), ConflictPolicy::apply);
}

TEST(ConflictPolicies, ResolveAnythingWhenOneTableHasAnAnswer) {
    ConflictPolicies policies;
    policies.tables[kOrders].policy(ConflictKind::value) = ConflictPolicy::keep;
    EXPECT_TRUE(policies.resolve_any());
}

// An error must be looked for as well.
TEST(ConflictPolicies, WatchOriginsWhereAKindOfThemIsSet) {
    ConflictPolicies policies;
    policies.all.policy(ConflictKind::update_exists) = ConflictPolicy::apply;
    EXPECT_FALSE(policies.watch_origins());
    policies = {};
    policies.tables[kOrders].policy(ConflictKind::delete_origin_differs) = ConflictPolicy::error;
    EXPECT_TRUE(policies.watch_origins());
    EXPECT_TRUE(policies.resolve_any());
    EXPECT_TRUE(policies.is_set(kOrders, ConflictKind::delete_origin_differs));
    EXPECT_FALSE(policies.is_set(kOrders, ConflictKind::update_origin_differs));
    EXPECT_FALSE(policies.is_set(kOther, ConflictKind::delete_origin_differs));
}

TEST(ConflictPolicies, GoByTheTimeOfCommitWithoutAColumn) {
    ConflictPolicies policies;
    policies.all.policy(ConflictKind::insert_exists) = ConflictPolicy::newest;
    policies.all.newest_column = "at";
    EXPECT_FALSE(policies.use_commit_time());
    policies.tables[kOrders].newest_column = "";
    EXPECT_TRUE(policies.use_commit_time());
    EXPECT_EQ(policies.newest_column(kOrders), "");
    EXPECT_EQ(policies.newest_column(kOther), "at");
}

TEST(ConflictPolicies, NeedNoTimeOfCommitWhereNoTableAsksForTheNewest) {
    ConflictPolicies policies;
    policies.all.newest_column = "";
    policies.tables[kOrders].policy(ConflictKind::insert_exists) = ConflictPolicy::apply;
    EXPECT_FALSE(policies.use_commit_time());
}

}  // namespace
}  // namespace walpack
