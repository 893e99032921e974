#include "quarantine/held_row.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "model/value_binary.h"
#include "model/value_text.h"

namespace walpack {
namespace {

constexpr std::array<std::pair<ChangeKind, std::string_view>, 7> kChangeNames = {{
    {ChangeKind::insert, "insert"},
    {ChangeKind::update, "update"},
    {ChangeKind::update_key, "update_key"},
    {ChangeKind::update_full, "update_full"},
    {ChangeKind::delete_key, "delete_key"},
    {ChangeKind::delete_full, "delete_full"},
    {ChangeKind::delete_none, "delete_none"},
}};

// Their text does not read back everywhere: see model/value_text.h.
bool has_plain_text(ValueKind kind) {
    return kind != ValueKind::money && kind != ValueKind::character;
}

HeldValue held_value(const Attribute& attribute, const Value& value) {
    if (value.is_null()) return {};
    if (value.is_unchanged_toast()) return {HeldValue::Form::unchanged, ""};
    if (has_plain_text(attribute.kind)) {
        if (auto text = to_text(attribute, value)) return {HeldValue::Form::text, std::move(*text)};
    }
    HeldValue held{HeldValue::Form::binary, ""};
    append_binary(attribute, value, held.bytes);
    return held;
}

// As its values would have been sent, which a widened float cannot do without.
const Attribute& sent_as(const RefusedRow& row, std::size_t attribute) {
    if (row.mapping != nullptr) {
        for (const ColumnMapping& column : row.mapping->columns) {
            if (column.attribute == attribute) return column.sent_as;
        }
    }
    return row.change.relation->attributes[attribute];
}

HeldTuple held_tuple(const RefusedRow& row, Tuple tuple, bool has_key_only) {
    const Relation& relation = *row.change.relation;
    HeldTuple held;
    for (std::size_t index = 0; index < tuple.size(); ++index) {
        const std::size_t attribute = has_key_only ? relation.key_attributes[index] : index;
        held.push_back({relation.attributes[attribute].name,
                        held_value(sent_as(row, attribute), tuple[index])});
    }
    return held;
}

}  // namespace

const HeldValue* find(const HeldTuple& tuple, const std::string& column) {
    const auto found = std::ranges::find(tuple, column, &HeldColumn::name);
    return found == tuple.end() ? nullptr : &found->value;
}

HeldRow held_row(const RefusedRow& row, const std::string& encoding) {
    const RowChange& change = row.change;
    const Relation& relation = *change.relation;
    const bool has_old_key =
        change.kind == ChangeKind::update_key || change.kind == ChangeKind::delete_key;
    HeldRow held;
    held.origin = row.origin;
    held.table = {relation.schema, relation.name};
    held.change = change.kind;
    held.replica_identity = relation.replica_identity;
    for (const std::size_t attribute : relation.key_attributes)
        held.key_columns.push_back(relation.attributes[attribute].name);
    held.new_row = held_tuple(row, change.new_tuple, false);
    held.old_row = held_tuple(row, change.old_tuple, has_old_key);
    held.encoding = encoding;
    held.kind = row.kind;
    held.sqlstate = row.sqlstate;
    held.message = row.message;
    held.constraint = row.constraint;
    held.column = row.column;
    return held;
}

std::string_view name_of(ChangeKind change) {
    return std::ranges::find(kChangeNames, change, &std::pair<ChangeKind, std::string_view>::first)
        ->second;
}

ChangeKind change_of(std::string_view name) {
    for (const auto& [kind, known] : kChangeNames) {
        if (known == name) return kind;
    }
    throw Error(ErrorKind::value, "a row in quarantine has an unknown kind of change");
}

HeldChange::HeldChange(const HeldRow& row, bool has_edits)
    : new_row_(row.new_row), old_row_(row.old_row) {
    for (HeldColumn& column : new_row_) {
        const HeldValue* edit = has_edits ? find(row.edits, column.name) : nullptr;
        if (edit != nullptr) column.value = *edit;
    }
    describe(row);
    new_values_ = values(new_row_);
    old_values_ = values(old_row_);
    change_.kind = row.change;
    change_.new_tuple = new_values_;
    change_.old_tuple = old_values_;
}

void HeldChange::describe(const HeldRow& row) {
    auto relation = std::make_shared<Relation>();
    relation->schema = row.table.schema;
    relation->name = row.table.table;
    relation->replica_identity = row.replica_identity;
    const HeldTuple& columns = new_row_.empty() ? old_row_ : new_row_;
    for (const HeldColumn& column : columns) {
        Attribute attribute;
        attribute.name = column.name;
        const bool is_binary = column.value.form == HeldValue::Form::binary;
        attribute.kind = is_binary ? ValueKind::send : ValueKind::output;
        attribute.is_key = std::ranges::find(row.key_columns, column.name) != row.key_columns.end();
        if (attribute.is_key) relation->key_attributes.push_back(relation->attributes.size());
        relation->attributes.push_back(std::move(attribute));
    }
    change_.relation = std::move(relation);
}

std::vector<Value> HeldChange::values(const HeldTuple& tuple) {
    std::vector<Value> values;
    for (const HeldColumn& column : tuple) {
        Value value;
        if (column.value.form == HeldValue::Form::unchanged) {
            value.form = Value::Form::unchanged_toast;
        } else if (column.value.form != HeldValue::Form::null) {
            value.form = Value::Form::bytes;
            value.bytes = column.value.bytes;
        }
        values.push_back(value);
    }
    return values;
}

std::shared_ptr<const RelationMapping> HeldChange::map(
    std::shared_ptr<const TargetTable> table) const {
    auto mapping = map_what_fits(std::move(table));
    if (mapping->problems.empty()) return mapping;
    throw Error(ErrorKind::schema,
                fmt::format("table \"{}\": {}", change_.relation->qualified_name(),
                            mapping->problems.front()));
}

std::shared_ptr<const RelationMapping> HeldChange::map_what_fits(
    std::shared_ptr<const TargetTable> table) const {
    auto mapping = std::make_shared<RelationMapping>();
    mapping->relation = change_.relation;
    mapping->table = std::move(table);
    const auto& attributes = change_.relation->attributes;
    for (std::size_t index = 0; index < attributes.size(); ++index) {
        const Attribute& attribute = attributes[index];
        const TargetColumn* column = mapping->table->find(attribute.name);
        if (column == nullptr) {
            mapping->problems.push_back(
                fmt::format("column \"{}\" does not exist on the target", attribute.name));
            continue;
        }
        Binding binding = Binding::text;
        if (attribute.kind == ValueKind::send)
            binding = column->element_oid != 0 ? Binding::binary_array : Binding::binary;
        mapping->columns.push_back({index, column, binding, attribute});
    }
    return mapping;
}

}  // namespace walpack
