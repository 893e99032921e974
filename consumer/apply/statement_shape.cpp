// Which statement a change needs: the part of statement.h that looks at values.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

#include "apply/statement.h"

namespace walpack {
namespace {

// The old value of an attribute where the change tells it.
std::optional<Value> old_value(const RelationMapping& mapping, const RowChange& change,
                               std::size_t attribute) {
    const auto& keys = mapping.relation->key_attributes;
    const auto found = std::find(keys.begin(), keys.end(), attribute);
    if (change.kind == ChangeKind::update_full) return change.old_tuple[attribute];
    if (found == keys.end()) return std::nullopt;
    if (change.kind == ChangeKind::update) return change.new_tuple[attribute];
    return change.old_tuple[static_cast<std::size_t>(found - keys.begin())];
}

enum class Identity : std::uint8_t { kept, unknown, changed };

// Of a GENERATED ALWAYS AS IDENTITY column.
Identity identity_always_of(const RelationMapping& mapping, const RowChange& change) {
    Identity identity = Identity::kept;
    for (const ColumnMapping& column : mapping.columns) {
        if (!column.column->is_identity_always) continue;
        const auto old = old_value(mapping, change, column.attribute);
        if (!old) {
            identity = Identity::unknown;
        } else if (!is_same_value(*old, change.new_tuple[column.attribute])) {
            return Identity::changed;
        }
    }
    return identity;
}

template <typename Predicate>
std::string mask_of(Tuple tuple, const Predicate& marks) {
    std::string mask;
    for (std::size_t index = 0; index < tuple.size(); ++index) {
        if (!marks(tuple[index])) continue;
        if (mask.empty()) mask.assign(tuple.size(), '0');
        mask[index] = '1';
    }
    return mask;
}

}  // namespace

bool is_update(ChangeKind kind) {
    return kind == ChangeKind::update || kind == ChangeKind::update_key ||
           kind == ChangeKind::update_full;
}

bool is_by_whole_row(ChangeKind kind) {
    return kind == ChangeKind::update_full || kind == ChangeKind::delete_full;
}

bool is_marked(const std::string& mask, std::size_t attribute) {
    return !mask.empty() && mask[attribute] == '1';
}

bool is_same_value(const Value& left, const Value& right) {
    if (left.form != right.form) return false;
    switch (left.form) {
        case Value::Form::boolean:
            return left.boolean == right.boolean;
        case Value::Form::integer:
            return left.integer == right.integer;
        case Value::Form::unsigned_integer:
            return left.unsigned_integer == right.unsigned_integer;
        case Value::Form::real:  // 0 and -0 are two values
            return std::bit_cast<std::uint64_t>(left.real) ==
                   std::bit_cast<std::uint64_t>(right.real);
        case Value::Form::null:
        case Value::Form::unchanged_toast:
            return true;
        default:
            return left.bytes == right.bytes;
    }
}

// A plain update leaves the identity's columns alone: they did not change.
bool is_set_by(const RelationMapping& mapping, const StatementShape& shape,
               const ColumnMapping& column) {
    if (column.column->is_identity_always || !column.is_written()) return false;
    if (is_marked(shape.unchanged, column.attribute)) return false;
    const bool is_key = mapping.relation->attributes[column.attribute].is_key;
    return !(is_key && shape.kind == ChangeKind::update);
}

bool sets_beside(const RelationMapping& mapping, const StatementShape& shape,
                 const std::vector<std::size_t>& key) {
    return std::any_of(
        mapping.columns.begin(), mapping.columns.end(), [&](const ColumnMapping& column) {
            const bool is_key = std::find(key.begin(), key.end(), column.attribute) != key.end();
            return !is_key && is_set_by(mapping, shape, column);
        });
}

StatementShape shape_of(const RelationMapping& mapping, const RowChange& change,
                        bool may_be_moved) {
    StatementShape shape;
    shape.kind = change.kind;
    if (is_by_whole_row(change.kind) && identity_of(mapping, change.kind).empty())
        shape.nulls = mask_of(change.old_tuple, [](const Value& old) { return old.is_null(); });
    if (!is_update(change.kind)) return shape;
    shape.unchanged =
        mask_of(change.new_tuple, [](const Value& value) { return value.is_unchanged_toast(); });
    const Identity identity = identity_always_of(mapping, change);
    shape.replaces = identity == Identity::changed;
    shape.may_replace = identity == Identity::unknown;
    shape.may_be_moved = may_be_moved && change.kind != ChangeKind::update &&
                         identity == Identity::kept && !identity_of(mapping, change.kind).empty();
    return shape;
}

}  // namespace walpack
