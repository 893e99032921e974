#include "apply/mapped_relations.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {
namespace {

bool is_same_column(const TargetColumn& left, const TargetColumn& right) {
    return left.name == right.name && left.number == right.number &&
           left.type_oid == right.type_oid && left.typmod == right.typmod &&
           left.is_identity_always == right.is_identity_always &&
           left.is_generated == right.is_generated && left.array_oid == right.array_oid &&
           left.has_exact_equality == right.has_exact_equality;
}

bool has_same_columns(const TargetTable& left, const TargetTable& right) {
    return std::equal(left.columns.begin(), left.columns.end(), right.columns.begin(),
                      right.columns.end(), is_same_column);
}

bool has_same_constraints(const TargetTable& left, const TargetTable& right) {
    return left.key_columns == right.key_columns && left.unique_indexes == right.unique_indexes &&
           left.is_referencing == right.is_referencing &&
           left.is_referenced == right.is_referenced && left.cascades_from == right.cascades_from;
}

bool has_same_triggers(const TargetTable& left, const TargetTable& right) {
    return left.has_always_triggers == right.has_always_triggers &&
           left.has_ordinary_triggers == right.has_ordinary_triggers;
}

}  // namespace

MappedRelations::MappedRelations(Connection& target, InFlight& in_flight,
                                 PreparedStatements& statements)
    : target_(target), in_flight_(in_flight), statements_(statements) {}

const std::shared_ptr<const RelationMapping>& MappedRelations::find(
    const std::shared_ptr<const Relation>& relation) {
    if (last_ != nullptr && (*last_)->relation == relation) return *last_;
    Mapping& mapping = by_id_[relation->id];
    if (mapping == nullptr || mapping->relation != relation) {
        last_ = nullptr;
        statements_.forget(relation->id);
        in_flight_.outside_pipeline([&] { mapping = read_mapping(target_, relation); });
    }
    last_ = &mapping;
    return mapping;
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
