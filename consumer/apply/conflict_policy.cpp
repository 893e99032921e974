#include "apply/conflict_policy.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace walpack {
namespace {

struct KindRow {
    std::string_view name;
    // By policy, in the order of the enumeration.
    std::array<bool, kConflictPolicies> fits;
};

constexpr std::array<KindRow, kConflictKinds> kKinds = {{
    {"insert_exists", {true, true, true, true, false}},
    {"update_exists", {true, true, true, true, false}},
    {"multiple_unique_conflicts", {true, true, true, true, false}},
    {"update_missing", {true, false, true, false, true}},
    {"delete_missing", {true, true, true, false, false}},
    {"update_origin_differs", {true, true, true, true, false}},
    {"delete_origin_differs", {true, true, true, true, false}},
    {"value", {true, false, true, false, false}},
}};

constexpr std::array<std::string_view, kConflictPolicies> kPolicies = {"error", "apply", "keep",
                                                                       "newest", "insert"};

bool has_other_than_error(const ConflictSettings& settings) {
    return std::ranges::any_of(settings.policies, [](const std::optional<ConflictPolicy>& policy) {
        return policy && *policy != ConflictPolicy::error;
    });
}

bool has_newest(const ConflictSettings& settings) {
    return std::ranges::find(settings.policies, std::optional(ConflictPolicy::newest)) !=
           settings.policies.end();
}

bool watches_origins(const ConflictSettings& settings) {
    return settings.policy(ConflictKind::update_origin_differs) ||
           settings.policy(ConflictKind::delete_origin_differs);
}

}  // namespace

std::string_view name_of(ConflictKind kind) {
    return kKinds[static_cast<std::size_t>(kind)].name;
}

std::string_view name_of(ConflictPolicy policy) {
    return kPolicies[static_cast<std::size_t>(policy)];
}

std::optional<ConflictKind> conflict_kind(std::string_view name) {
    for (std::size_t i = 0; i < kConflictKinds; ++i) {
        if (kKinds[i].name == name) return static_cast<ConflictKind>(i);
    }
    return std::nullopt;
}

std::optional<ConflictPolicy> conflict_policy(std::string_view name) {
    const auto found = std::ranges::find(kPolicies, name);
    if (found == kPolicies.end()) return std::nullopt;
    return static_cast<ConflictPolicy>(found - kPolicies.begin());
}

bool fits(ConflictPolicy policy, ConflictKind kind) {
    return kKinds[static_cast<std::size_t>(kind)].fits[static_cast<std::size_t>(policy)];
}

std::string fitting_policies(ConflictKind kind) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < kConflictPolicies; ++i) {
        if (fits(static_cast<ConflictPolicy>(i), kind)) names.push_back(kPolicies[i]);
    }
    const std::string_view last = names.back();
    names.pop_back();
    return fmt::format("{} or {}", fmt::join(names, ", "), last);
}

ConflictPolicy ConflictPolicies::of(const TableName& table, ConflictKind kind) const {
    const auto found = tables.find(table);
    if (found != tables.end() && found->second.policy(kind)) return *found->second.policy(kind);
    return all.policy(kind).value_or(ConflictPolicy::error);
}

bool ConflictPolicies::is_set(const TableName& table, ConflictKind kind) const {
    const auto found = tables.find(table);
    return all.policy(kind) || (found != tables.end() && found->second.policy(kind));
}

bool ConflictPolicies::watch_origins() const {
    return watches_origins(all) || std::ranges::any_of(tables, [](const auto& table) {
               return watches_origins(table.second);
           });
}

std::string ConflictPolicies::newest_column(const TableName& table) const {
    const auto found = tables.find(table);
    if (found != tables.end() && found->second.newest_column) return *found->second.newest_column;
    return all.newest_column.value_or("");
}

bool ConflictPolicies::is_newest(const TableName& table) const {
    for (std::size_t i = 0; i < kConflictKinds; ++i) {
        if (of(table, static_cast<ConflictKind>(i)) == ConflictPolicy::newest) return true;
    }
    return false;
}

bool ConflictPolicies::resolve_any() const {
    return watch_origins() || has_other_than_error(all) ||
           std::ranges::any_of(
               tables, [](const auto& table) { return has_other_than_error(table.second); });
}

bool ConflictPolicies::use_commit_time() const {
    if (has_newest(all) && all.newest_column.value_or("").empty()) return true;
    return std::ranges::any_of(tables, [this](const auto& table) {
        return is_newest(table.first) && newest_column(table.first).empty();
    });
}

}  // namespace walpack
