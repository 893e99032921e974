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
           left.is_generated == right.is_generated;
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
    return left.table->oid == right.table->oid && left.table->relkind == right.table->relkind &&
           left.table->key_columns == right.table->key_columns &&
           std::equal(left.table->columns.begin(), left.table->columns.end(),
                      right.table->columns.begin(), right.table->columns.end(), is_same_column);
}

}  // namespace walpack
