// What is done about a change that the target cannot take as it is: by kind of conflict and table.
//
// Kinds are named as PostgreSQL 18 names them. The two of origins (schema/replication_origins.h)
// are looked for only where a policy is set for them.
//
//                              error  apply  keep  newest  insert
//   insert_exists                x      x      x     x
//   update_exists                x      x      x     x
//   multiple_unique_conflicts    x      x      x     x
//   update_missing               x             x              x
//   delete_missing               x      x      x
//   update_origin_differs        x      x      x     x
//   delete_origin_differs        x      x      x     x
//   value                        x             x
//
//   error   the pipeline stops with the row named
//   apply   the source wins: what stands in the way goes; a row to delete that is gone is gone
//   keep    the target wins: the change is dropped
//   newest  the source wins unless a row in the way is newer: by a timestamp column of both rows,
//           or by the time of commit. Equal times, and a time that is not known on the target,
//           count for the source: its row may be the very same, sent again
//   insert  the row is made; only where every value of it is known
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "schema/target_table.h"

namespace walpack {

enum class ConflictKind : std::uint8_t {
    insert_exists,              // an INSERT meets a value of a unique index
    update_exists,              // an UPDATE does
    multiple_unique_conflicts,  // either does, of more than one unique index
    update_missing,             // the row to update is not there
    delete_missing,             // the row to delete is not there
    update_origin_differs,      // somebody else wrote the row to update
    delete_origin_differs,      // somebody else wrote the row to delete
    value,                      // a constraint, a type or an encoding refuses a value
};
inline constexpr std::size_t kConflictKinds = 8;

enum class ConflictPolicy : std::uint8_t { error, apply, keep, newest, insert };
inline constexpr std::size_t kConflictPolicies = 5;

std::string_view name_of(ConflictKind kind);
std::string_view name_of(ConflictPolicy policy);
std::optional<ConflictKind> conflict_kind(std::string_view name);
std::optional<ConflictPolicy> conflict_policy(std::string_view name);
bool fits(ConflictPolicy policy, ConflictKind kind);
// Of those that fit: "error, apply or keep".
std::string fitting_policies(ConflictKind kind);

// As far as it is set.
struct ConflictSettings {
    std::array<std::optional<ConflictPolicy>, kConflictKinds> policies;
    // Decides for policy newest; empty: the time of commit does.
    std::optional<std::string> newest_column;

    std::optional<ConflictPolicy>& policy(ConflictKind kind) {
        return policies[static_cast<std::size_t>(kind)];
    }
    const std::optional<ConflictPolicy>& policy(ConflictKind kind) const {
        return policies[static_cast<std::size_t>(kind)];
    }
};

struct ConflictPolicies {
    ConflictSettings all;
    // In place of `all` for what they set.
    std::map<TableName, ConflictSettings> tables;

    ConflictPolicy of(const TableName& table, ConflictKind kind) const;
    bool is_set(const TableName& table, ConflictKind kind) const;
    // Whether any table is to have rows of other origins told apart.
    bool watch_origins() const;
    // Empty: the time of commit.
    std::string newest_column(const TableName& table) const;
    bool is_newest(const TableName& table) const;  // for any kind
    // Whether any conflict of any table has another answer than an error, or must be looked for.
    bool resolve_any() const;
    // Whether policy newest of any table goes by the time of commit.
    bool use_commit_time() const;
};

}  // namespace walpack
