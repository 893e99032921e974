#include "apply/table_plan.h"

#include <algorithm>

#include "base/check.h"

namespace walpack {
namespace {

// Masks of unchanged TOAST make statements without end; forgetting them costs little.
constexpr std::size_t kStatementsMax = 200;
// A larger row has a statement of its own: gathered in a batch it would be copied once more.
constexpr std::size_t kBatchedValueBytesMax = 1 << 20;

bool is_large(Tuple tuple) {
    return std::any_of(tuple.begin(), tuple.end(), [](const Value& value) {
        return value.form == Value::Form::bytes && value.bytes.size() > kBatchedValueBytesMax;
    });
}

bool has_unchanged(Tuple tuple) {
    return std::any_of(tuple.begin(), tuple.end(),
                       [](const Value& value) { return value.is_unchanged_toast(); });
}

bool has_null(Tuple tuple, const std::vector<std::size_t>& attributes) {
    return std::any_of(attributes.begin(), attributes.end(), [tuple](std::size_t attribute) {
        return tuple[attribute].is_null() || tuple[attribute].is_unchanged_toast();
    });
}

ChangeKind finding_kind(const Relation& relation) {
    return relation.replica_identity == ReplicaIdentity::full ? ChangeKind::delete_full
                                                              : ChangeKind::delete_key;
}

}  // namespace

TablePlan::TablePlan(std::shared_ptr<const RelationMapping> mapping, const PlanOptions& options)
    : mapping_(std::move(mapping)) {
    const bool has_identity =
        relation().replica_identity == ReplicaIdentity::full || !relation().key_attributes.empty();
    if (has_identity) {
        for (const TupleField& field : identity_of(*mapping_, finding_kind(relation())))
            key_.push_back(field.column->attribute);
    }
    forms_ = batch_forms(*mapping_);
    choose_method(options);
    choose_dependence();
}

// At most one row of the target has given values in the key's columns, and NULL is none of them.
bool TablePlan::key_is_unique() const {
    const std::vector<std::string>& unique = table().key_columns;
    return !unique.empty() && std::all_of(unique.begin(), unique.end(), [this](const auto& name) {
        return std::any_of(key_.begin(), key_.end(), [&](std::size_t attribute) {
            return mapping_->columns[attribute].column->name == name;
        });
    });
}

bool TablePlan::key_is_exact() const {
    return !key_.empty() && std::all_of(key_.begin(), key_.end(), [this](std::size_t attribute) {
        return mapping_->columns[attribute].column->has_exact_equality;
    });
}

void TablePlan::choose_method(const PlanOptions& options) {
    const bool fires =
        table().has_always_triggers || (!options.is_replica_role && table().has_ordinary_triggers);
    const bool checks_keys =
        !options.is_replica_role && (table().is_referenced || table().is_referencing);
    scope_ = fires ? Scope::everything : checks_keys ? Scope::foreign_keys : Scope::table;
    const bool writes_something =
        std::any_of(mapping_->columns.begin(), mapping_->columns.end(),
                    [](const ColumnMapping& column) { return column.is_written(); });
    const bool computes_key = std::any_of(key_.begin(), key_.end(), [this](std::size_t attribute) {
        return !mapping_->columns[attribute].is_written();
    });
    if (!options.batching || fires || forms_.empty() || !writes_something || computes_key) return;
    method_ = Method::runs;
    finds_in_batches_ = key_is_unique();
    const bool has_other_unique =
        std::any_of(table().unique_indexes.begin(), table().unique_indexes.end(),
                    [](const UniqueIndex& index) { return !index.is_key || !index.is_plain; });
    // An update of a row that is deleted later in the group would be looked at by nobody.
    const bool skips_guard = !mapping_->update_guard.empty() && mapping_->delete_guard.empty();
    const bool is_net = options.coalescing && !skips_guard && scope_ == Scope::table &&
                        finds_in_batches_ && key_.size() == table().key_columns.size() &&
                        key_is_exact() && !has_other_unique;
    if (is_net) method_ = Method::net;
}

std::optional<std::vector<std::size_t>> TablePlan::exact_attributes(
    const UniqueIndex& index) const {
    if (!index.is_plain) return std::nullopt;
    std::vector<std::size_t> attributes;
    for (const std::string& name : index.columns) {
        const auto column =
            std::find_if(mapping_->columns.begin(), mapping_->columns.end(),
                         [&](const ColumnMapping& mapped) { return mapped.column->name == name; });
        if (column == mapping_->columns.end()) return std::nullopt;
        if (!column->column->has_exact_equality || !column->is_written()) return std::nullopt;
        attributes.push_back(column->attribute);
    }
    return attributes;
}

void TablePlan::choose_dependence() {
    if (scope_ == Scope::everything) dependence_ = Dependence::everything;
    if (scope_ == Scope::foreign_keys) dependence_ = Dependence::foreign_keys;
    if (scope_ != Scope::table || forms_.empty() || !key_is_exact()) return;
    for (const UniqueIndex& index : table().unique_indexes) {
        std::optional<std::vector<std::size_t>> attributes = exact_attributes(index);
        if (!attributes) return;
        std::sort(attributes->begin(), attributes->end());
        std::vector<std::size_t> key = key_;
        std::sort(key.begin(), key.end());
        if (*attributes != key) other_unique_.push_back(std::move(*attributes));
    }
    dependence_ = Dependence::keys;
}

std::optional<BatchKind> TablePlan::batch_kind(const RowChange& change,
                                               const StatementShape& shape) const {
    if (method_ == Method::rows || shape.replaces) return std::nullopt;
    if (is_large(change.new_tuple) || is_large(change.old_tuple)) return std::nullopt;
    if (change.kind == ChangeKind::insert) {
        if (has_unchanged(change.new_tuple)) return std::nullopt;
        if (method_ == Method::net && has_null(change.new_tuple, key_)) return std::nullopt;
        return BatchKind::insert;
    }
    if (finds_whole_rows()) {
        if (!is_by_whole_row(change.kind)) return std::nullopt;
        if (change.kind == ChangeKind::delete_full) return BatchKind::remove;
        if (!sets_beside(*mapping_, shape, {})) return std::nullopt;
        return BatchKind::update;
    }
    if (!finds_in_batches_) return std::nullopt;
    const bool is_full = relation().replica_identity == ReplicaIdentity::full;
    if (is_full != is_by_whole_row(change.kind)) return std::nullopt;
    if (is_full && has_null(change.old_tuple, key_)) return std::nullopt;
    switch (change.kind) {
        case ChangeKind::update_full:
            for (const std::size_t attribute : key_) {
                if (!is_same_value(change.old_tuple[attribute], change.new_tuple[attribute]))
                    return std::nullopt;
            }
            [[fallthrough]];
        case ChangeKind::update:
            if (has_null(change.new_tuple, key_) || !sets_beside(*mapping_, shape, key_))
                return std::nullopt;
            return BatchKind::update;
        case ChangeKind::delete_key:
        case ChangeKind::delete_full:
            return BatchKind::remove;
        default:
            return std::nullopt;
    }
}

std::shared_ptr<const RowStatement> TablePlan::row_statement(const StatementShape& shape) {
    std::string key{static_cast<char>(shape.kind), shape.replaces ? 'r' : '-',
                    shape.may_replace ? 'm' : '-', shape.is_unguarded ? 'u' : '-',
                    shape.may_be_moved ? 'k' : '-'};
    key += shape.unchanged + '/' + shape.nulls;
    if (row_statements_.size() >= kStatementsMax) row_statements_.clear();
    auto& statement = row_statements_[key];
    if (statement == nullptr) statement = make_row_statement(mapping_, shape);
    return statement;
}

std::shared_ptr<const BatchStatement>& TablePlan::known_batch(BatchKind kind,
                                                              const StatementShape& shape) {
    std::string key{static_cast<char>(kind)};
    key += shape.unchanged + '/' + shape.nulls;
    if (batch_statements_.size() >= kStatementsMax) batch_statements_.clear();
    return batch_statements_[key];
}

std::shared_ptr<const BatchStatement> TablePlan::whole_row_statement(BatchKind kind,
                                                                     const StatementShape& shape) {
    auto& statement = known_batch(kind, shape);
    if (statement == nullptr) statement = make_whole_row_batch(mapping_, shape, forms_);
    return statement;
}

// Where an update does not tell the old value of a GENERATED ALWAYS AS IDENTITY column.
bool TablePlan::may_change_identity() const {
    return relation().replica_identity != ReplicaIdentity::full &&
           std::any_of(mapping_->columns.begin(), mapping_->columns.end(),
                       [this](const ColumnMapping& column) {
                           return column.column->is_identity_always &&
                                  !relation().attributes[column.attribute].is_key;
                       });
}

std::shared_ptr<const BatchStatement> TablePlan::batch_statement(BatchKind kind,
                                                                 const std::string& unchanged) {
    StatementShape shape;
    shape.unchanged = unchanged;
    auto& statement = known_batch(kind, shape);
    if (statement != nullptr) return statement;
    const bool is_full = relation().replica_identity == ReplicaIdentity::full;
    shape.may_replace = kind == BatchKind::update && may_change_identity();
    if (kind == BatchKind::update)
        shape.kind = is_full ? ChangeKind::update_full : ChangeKind::update;
    if (kind == BatchKind::remove)
        shape.kind = is_full ? ChangeKind::delete_full : ChangeKind::delete_key;
    statement = make_batch_statement(mapping_, shape, key_, forms_);
    return statement;
}

Value key_value(const TablePlan& plan, const RowChange& change, std::size_t i) {
    switch (change.kind) {
        case ChangeKind::insert:
        case ChangeKind::update:
            return change.new_tuple[plan.key()[i]];
        case ChangeKind::update_key:
        case ChangeKind::delete_key:
            WALPACK_CHECK(i < change.old_tuple.size());
            return change.old_tuple[i];
        default:
            return change.old_tuple[plan.key()[i]];
    }
}

}  // namespace walpack
