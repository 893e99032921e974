#include "apply/mapped_relations.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {
namespace {

// How soon something that changed on the target without any change at the source is taken up.
constexpr std::chrono::seconds kMappingAgeMax{60};
constexpr std::chrono::seconds kLookInterval{1};
constexpr std::size_t kSeenMax = 4096;
// Of one table; partitions differ in their replica identity alone.
constexpr std::size_t kDescriptionsMax = 16;

bool is_same_column(const TargetColumn& left, const TargetColumn& right) {
    return left.name == right.name && left.number == right.number &&
           left.type_oid == right.type_oid && left.typmod == right.typmod &&
           left.is_identity_always == right.is_identity_always &&
           left.is_generated == right.is_generated && left.array_oid == right.array_oid &&
           left.has_exact_equality == right.has_exact_equality &&
           left.has_equality == right.has_equality;
}

bool has_same_columns(const TargetTable& left, const TargetTable& right) {
    return std::equal(left.columns.begin(), left.columns.end(), right.columns.begin(),
                      right.columns.end(), is_same_column);
}

bool has_same_constraints(const TargetTable& left, const TargetTable& right) {
    return left.key_columns == right.key_columns && left.unique_indexes == right.unique_indexes &&
           left.is_referencing == right.is_referencing &&
           left.is_referenced == right.is_referenced &&
           left.is_self_referencing == right.is_self_referencing &&
           left.cascades_from == right.cascades_from &&
           left.changed_by_updates_of == right.changed_by_updates_of &&
           left.changed_by_deletes_of == right.changed_by_deletes_of;
}

bool has_same_triggers(const TargetTable& left, const TargetTable& right) {
    return left.has_always_triggers == right.has_always_triggers &&
           left.has_ordinary_triggers == right.has_ordinary_triggers;
}

}  // namespace

MappedRelations::MappedRelations(ReadMapping read, const PlanOptions& options,
                                 const UnbatchedTables& unbatched,
                                 std::function<void()> before_new_plan,
                                 std::function<void(const RelationMapping&)> check_new)
    : read_(std::move(read)),
      options_(options),
      unbatched_(unbatched),
      before_new_plan_(std::move(before_new_plan)),
      check_new_(std::move(check_new)),
      now_(Clock::now()),
      last_since_(now_),
      looked_for_unused_(now_) {}

void MappedRelations::set_time(Clock::time_point now) {
    now_ = now;
    if (now - last_since_ >= kLookInterval) last_relation_ = nullptr;
    if (now - looked_for_unused_ >= kUnusedMax) forget_unused();
}

void MappedRelations::forget_unused() {
    looked_for_unused_ = now_;
    if (by_name_.size() <= kTablesKept) return;
    before_new_plan_();
    std::erase_if(by_name_, [this](const auto& each) {
        return std::ranges::all_of(
            each.second, [this](const Known& known) { return now_ - known.used_at >= kUnusedMax; });
    });
    seen_.clear();
    last_relation_ = nullptr;
}

void MappedRelations::forget(const TableName& table) {
    const auto found = by_name_.find(table);
    if (found == by_name_.end()) return;
    for (Known& known : found->second) known.read_at = Clock::time_point::min();
    last_relation_ = nullptr;
}

const std::shared_ptr<TablePlan>& MappedRelations::find(
    const std::shared_ptr<const Relation>& relation) {
    if (last_relation_ == relation.get()) return last_->plan;
    Known& known = look_up(relation);
    last_ = &known;
    last_relation_ = relation.get();
    last_since_ = now_;
    return known.plan;
}

MappedRelations::Known& MappedRelations::look_up(const std::shared_ptr<const Relation>& relation) {
    const auto seen = seen_.find(relation.get());
    Known& known = seen != seen_.end()
                       ? *seen->second.second
                       : choose(*relation, by_name_[{relation->schema, relation->name}]);
    const bool is_described = known.plan != nullptr && known.relation->describes_same(*relation);
    const bool is_old =
        known.read_at == Clock::time_point::min() || now_ - known.read_at >= kMappingAgeMax;
    known.used_at = now_;
    if (!is_described || is_old) read(relation, known);
    if (seen == seen_.end()) {
        if (seen_.size() >= kSeenMax) seen_.clear();
        seen_[relation.get()] = {relation, &known};
    }
    return known;
}

MappedRelations::Known& MappedRelations::choose(const Relation& relation, Descriptions& known) {
    const auto same = std::ranges::find_if(known, [&relation](const Known& each) {
        return each.plan != nullptr && each.relation->describes_same(relation);
    });
    if (same != known.end()) return *same;
    if (known.empty() || (relation.leaf && known.size() < kDescriptionsMax))
        return known.emplace_back();
    return *std::ranges::min_element(known, {}, &Known::used_at);
}

void MappedRelations::read(const std::shared_ptr<const Relation>& relation, Known& known) {
    auto mapping = read_(relation);
    if (options_.guard) {
        RelationMapping guarded = *mapping;
        options_.guard(guarded);
        mapping = std::make_shared<const RelationMapping>(std::move(guarded));
    }
    PlanOptions options = options_;
    options.batching = options.batching && !unbatched_.contains(*mapping->table);
    const bool is_known = known.plan != nullptr && known.relation->describes_same(*relation) &&
                          known.is_batched == options.batching &&
                          is_equivalent(*known.plan->mapping(), *mapping);
    if (is_known) {
        known.read_at = now_;
        return;
    }
    if (check_new_) check_new_(*mapping);
    const bool is_only = by_name_.at({relation->schema, relation->name}).size() == 1;
    if (known.plan != nullptr || !is_only) before_new_plan_();
    known.read_at = now_;
    known.plan = std::make_shared<TablePlan>(std::move(mapping), options);
    known.relation = relation;
    known.is_batched = options.batching;
}

std::shared_ptr<const RelationMapping> read_mapping(
    Connection& target, const std::shared_ptr<const Relation>& relation) {
    auto table = read_target_table(target, relation->schema, relation->name);
    if (!table) {
        throw Error(ErrorKind::schema, fmt::format("table \"{}\" does not exist on the target",
                                                   relation->qualified_name()))
            .hint("Create it there, then start again.");
    }
    RelationMapping mapping =
        map_relation(relation, std::make_shared<const TargetTable>(std::move(*table)));
    if (!mapping.problems.empty()) {
        std::string list;
        for (const std::string& problem : mapping.problems) {
            list += (list.empty() ? "" : "\n") + problem;
        }
        throw Error(ErrorKind::schema,
                    fmt::format("the target's table \"{}\" cannot take the source's rows",
                                relation->qualified_name()))
            .detail(list)
            .hint("Alter the table on the target, then start again.");
    }
    return std::make_shared<const RelationMapping>(std::move(mapping));
}

bool is_equivalent(const RelationMapping& left, const RelationMapping& right) {
    const TargetTable& before = *left.table;
    const TargetTable& after = *right.table;
    return before.oid == after.oid && before.relkind == after.relkind &&
           has_same_columns(before, after) && has_same_constraints(before, after) &&
           has_same_triggers(before, after);
}

}  // namespace walpack
