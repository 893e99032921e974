#include "apply/statement.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "apply/row_condition.h"
#include "base/check.h"
#include "base/error.h"
#include "base/text.h"

namespace walpack {
namespace {

using Side = TupleField::Side;

// The target's own key, when the relation fills all of it; empty otherwise.
std::vector<TupleField> target_key(const RelationMapping& mapping, Side side) {
    std::vector<TupleField> fields;
    for (const std::string& name : mapping.table->key_columns) {
        for (const ColumnMapping& column : mapping.columns) {
            if (column.column->name == name) fields.push_back({side, column.attribute, &column});
        }
    }
    if (fields.size() != mapping.table->key_columns.size()) fields.clear();
    return fields;
}

std::vector<TupleField> replica_identity(const RelationMapping& mapping, ChangeKind kind) {
    const bool is_in_key_tuple = kind == ChangeKind::update_key || kind == ChangeKind::delete_key;
    std::vector<TupleField> fields;
    for (const std::size_t attribute : mapping.relation->key_attributes) {
        const std::size_t position = is_in_key_tuple ? fields.size() : attribute;
        fields.push_back({is_in_key_tuple ? Side::old_tuple : Side::new_tuple, position,
                          &mapping.columns[attribute]});
    }
    return fields;
}

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

bool changes_identity_always(const RelationMapping& mapping, const RowChange& change) {
    for (const ColumnMapping& column : mapping.columns) {
        if (!column.column->is_identity_always) continue;
        const auto old = old_value(mapping, change, column.attribute);
        if (!old || !is_same_value(*old, change.new_tuple[column.attribute])) return true;
    }
    return false;
}

std::string unchanged_mask(Tuple tuple) {
    std::string mask;
    for (std::size_t index = 0; index < tuple.size(); ++index) {
        if (!tuple[index].is_unchanged_toast()) continue;
        if (mask.empty()) mask.assign(tuple.size(), '0');
        mask[index] = '1';
    }
    return mask;
}

bool leaves(const StatementShape& shape, std::size_t attribute) {
    return !shape.unchanged.empty() && shape.unchanged[attribute] == '1';
}

// A plain update leaves the identity's columns alone: they did not change.
bool is_set_by(const RelationMapping& mapping, const StatementShape& shape,
               const ColumnMapping& column) {
    if (column.column->is_identity_always || !column.is_written()) return false;
    if (leaves(shape, column.attribute)) return false;
    const bool is_key = mapping.relation->attributes[column.attribute].is_key;
    return !(is_key && shape.kind == ChangeKind::update);
}

class StatementBuilder {
  public:
    StatementBuilder(const RelationMapping& mapping, const StatementShape& shape)
        : mapping_(mapping), table_(*mapping.table), shape_(shape) {}

    Statement insert() {
        std::string columns;
        std::string values;
        for (const ColumnMapping& column : mapping_.columns) {
            if (!column.is_written()) continue;
            append(columns, ", ", quote_identifier(column.column->name));
            append(values, ", ", parameter({Side::new_tuple, column.attribute, &column}));
        }
        statement_.sql = columns.empty()
                             ? fmt::format("INSERT INTO {} DEFAULT VALUES", table_.sql_name())
                             : fmt::format("INSERT INTO {} ({}){} VALUES ({})", table_.sql_name(),
                                           columns, overriding_clause(mapping_), values);
        return std::move(statement_);
    }

    Statement update() {
        std::string assignments;
        for (const ColumnMapping& column : mapping_.columns) {
            if (!is_set(column)) continue;
            append(assignments, ", ",
                   fmt::format("{} = {}", quote_identifier(column.column->name),
                               parameter({Side::new_tuple, column.attribute, &column})));
        }
        if (assignments.empty()) return check_existence();
        statement_.sql = fmt::format("UPDATE {} SET {} WHERE {}", table_.sql_name_of_rows(),
                                     assignments, guarded_condition());
        return std::move(statement_);
    }

    Statement remove() {
        statement_.sql =
            fmt::format("DELETE FROM {} WHERE {}", table_.sql_name_of_rows(), guarded_condition());
        return std::move(statement_);
    }

    // Columns that the source does not know, and values that it did not send, stay as they were.
    Statement replace() {
        std::string columns;
        std::string values;
        for (const TargetColumn& column : table_.columns) {
            if (column.is_generated) continue;
            append(columns, ", ", quote_identifier(column.name));
            append(values, ", ", new_value(column, "d." + quote_identifier(column.name)));
        }
        statement_.sql = fmt::format(
            "WITH d AS (DELETE FROM {} WHERE {} RETURNING *) "
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM d",
            table_.sql_name_of_rows(), guarded_condition(), table_.sql_name(), columns, values);
        return std::move(statement_);
    }

    Statement lock_row() {
        statement_.sql = fmt::format("SELECT tableoid, ctid FROM {} WHERE {} FOR UPDATE",
                                     table_.sql_name_of_rows(), condition());
        return std::move(statement_);
    }

    Statement new_row(const std::string& prefix,
                      const std::map<std::string, std::string>& defaults) {
        const bool is_insert = shape_.kind == ChangeKind::insert;
        std::string columns = fmt::format(
            "{} AS {}, {} AS {}", is_insert ? "NULL::pg_catalog.oid" : "tableoid",
            quote_identifier(prefix + "tableoid"), is_insert ? "NULL::pg_catalog.tid" : "ctid",
            quote_identifier(prefix + "ctid"));
        for (const TargetColumn& column : table_.columns) {
            if (column.is_generated) continue;
            const std::string kept = is_insert ? default_of(column, defaults) : "";
            const std::string name = quote_identifier(column.name);
            append(columns, ", ", fmt::format("{} AS {}", new_value(column, kept), name));
        }
        statement_.sql = "SELECT " + columns;
        if (!is_insert)
            statement_.sql +=
                fmt::format(" FROM {} WHERE {}", table_.sql_name_of_rows(), condition());
        return std::move(statement_);
    }

  private:
    // What a sequence would give has to be seen when it is given.
    static std::string default_of(const TargetColumn& column,
                                  const std::map<std::string, std::string>& defaults) {
        const auto found = defaults.find(column.name);
        const bool is_known =
            found != defaults.end() && found->second.find("nextval(") == std::string::npos;
        return fmt::format("({})::{}", is_known ? found->second : "NULL", column.declared_type);
    }

    static void append(std::string& list, std::string_view separator, const std::string& item) {
        if (!list.empty()) list += separator;
        list += item;
    }

    std::string parameter(const TupleField& field) {
        statement_.parameters.push_back(field);
        statement_.type_oids.push_back(field.column->column->type_oid);
        return fmt::format("${}", statement_.parameters.size());
    }

    bool is_unchanged(std::size_t attribute) const { return leaves(shape_, attribute); }

    bool is_set(const ColumnMapping& column) const { return is_set_by(mapping_, shape_, column); }

    // `kept`: what stands there where the change has no value.
    std::string new_value(const TargetColumn& column, const std::string& kept) {
        for (const ColumnMapping& mapped : mapping_.columns) {
            if (mapped.column != &column || is_unchanged(mapped.attribute)) continue;
            return parameter({Side::new_tuple, mapped.attribute, &mapped});
        }
        return kept.empty() ? quote_identifier(column.name) : kept;
    }

    // Nothing is to be set, but the row must be there. The lock is the one that UPDATE would take.
    Statement check_existence() {
        statement_.sql = fmt::format("SELECT 1 FROM {} WHERE {} FOR NO KEY UPDATE",
                                     table_.sql_name_of_rows(), guarded_condition());
        return std::move(statement_);
    }

    std::string guarded_condition() {
        is_guarded_ = !shape_.is_unguarded;
        return condition();
    }

    std::string guard() const {
        if (!is_guarded_) return "";
        const std::string& guard = guard_of(mapping_, shape_.kind);
        return guard.empty() ? "" : " AND " + guard;
    }

    std::string condition() {
        std::string text;
        for (const TupleField& field : identity_of(mapping_, shape_.kind)) {
            append(text, " AND ", key_equals(*field.column->column, parameter(field)));
        }
        if (!text.empty()) return text + guard();
        if (is_by_whole_row(shape_.kind)) return one_equal_row();
        throw Error(ErrorKind::schema,
                    fmt::format("{} of \"{}\" cannot be applied: nothing identifies the row",
                                is_update(shape_.kind) ? "update" : "delete",
                                mapping_.relation->qualified_name()))
            .detail("The table has no replica identity at the source.")
            .hint("Give it a primary key or ALTER TABLE ... REPLICA IDENTITY there.");
    }

    // ctid is unique within one physical table only.
    std::string one_equal_row() {
        std::string equal;
        for (const ColumnMapping& column : mapping_.columns) {
            if (!column.is_written()) continue;  // follows from the others
            append(equal, " AND ",
                   is_exactly(*column.column,
                              parameter({Side::old_tuple, column.attribute, &column})));
        }
        if (equal.empty()) equal = "true";
        const bool is_partitioned = table_.relkind == 'p';
        return fmt::format("{} = (SELECT {} FROM {} WHERE {} LIMIT 1)",
                           is_partitioned ? "(tableoid, ctid)" : "ctid",
                           is_partitioned ? "tableoid, ctid" : "ctid", table_.sql_name_of_rows(),
                           equal + guard());
    }

    const RelationMapping& mapping_;
    const TargetTable& table_;
    const StatementShape& shape_;
    bool is_guarded_ = false;
    Statement statement_;
};

// Division by zero for any other number of rows.
std::string checked(const std::string& sql) {
    const bool is_select = sql.starts_with("SELECT");
    return fmt::format(
        "WITH touched AS ({}{}) SELECT 1 / CASE pg_catalog.count(*) WHEN 1 THEN 1 ELSE 0 END "
        "FROM touched",
        sql, is_select ? "" : " RETURNING 1");
}

}  // namespace

bool is_update(ChangeKind kind) {
    return kind == ChangeKind::update || kind == ChangeKind::update_key ||
           kind == ChangeKind::update_full;
}

const std::string& guard_of(const RelationMapping& mapping, ChangeKind kind) {
    return is_update(kind) ? mapping.update_guard : mapping.delete_guard;
}

bool is_by_whole_row(ChangeKind kind) {
    return kind == ChangeKind::update_full || kind == ChangeKind::delete_full;
}

std::string_view overriding_clause(const RelationMapping& mapping) {
    const bool is_needed =
        std::any_of(mapping.columns.begin(), mapping.columns.end(),
                    [](const ColumnMapping& column) { return column.column->is_identity_always; });
    return is_needed ? " OVERRIDING SYSTEM VALUE" : "";
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
        default:
            return left.bytes == right.bytes;
    }
}

bool sets_beside(const RelationMapping& mapping, const StatementShape& shape,
                 const std::vector<std::size_t>& key) {
    return std::any_of(
        mapping.columns.begin(), mapping.columns.end(), [&](const ColumnMapping& column) {
            const bool is_key = std::find(key.begin(), key.end(), column.attribute) != key.end();
            return !is_key && is_set_by(mapping, shape, column);
        });
}

const Value& value_at(const RowChange& change, const TupleField& field) {
    const Tuple tuple = field.side == Side::old_tuple ? change.old_tuple : change.new_tuple;
    WALPACK_CHECK(field.position < tuple.size());
    return tuple[field.position];
}

const Value& value_to_send(const RowChange& change, const TupleField& field) {
    const Value& value = value_at(change, field);
    if (!value.is_unchanged_toast()) return value;
    throw Error(ErrorKind::protocol, fmt::format("column \"{}\" has no value where one must stand",
                                                 field.column->column->name));
}

StatementShape shape_of(const RelationMapping& mapping, const RowChange& change) {
    StatementShape shape;
    shape.kind = change.kind;
    if (!is_update(change.kind)) return shape;
    shape.unchanged = unchanged_mask(change.new_tuple);
    shape.replaces = changes_identity_always(mapping, change);
    return shape;
}

Statement make_statement(const RelationMapping& mapping, const StatementShape& shape) {
    StatementBuilder builder(mapping, shape);
    if (shape.kind == ChangeKind::insert) return builder.insert();
    if (!is_update(shape.kind)) return builder.remove();
    return shape.replaces ? builder.replace() : builder.update();
}

Statement make_row_lock(const RelationMapping& mapping, const StatementShape& shape) {
    return StatementBuilder(mapping, shape).lock_row();
}

Statement make_new_row(const RelationMapping& mapping, const StatementShape& shape,
                       const std::string& prefix,
                       const std::map<std::string, std::string>& defaults) {
    return StatementBuilder(mapping, shape).new_row(prefix, defaults);
}

std::shared_ptr<const RowStatement> make_row_statement(
    const std::shared_ptr<const RelationMapping>& mapping, const StatementShape& shape) {
    auto made = std::make_shared<RowStatement>();
    made->statement = make_statement(*mapping, shape);
    made->shape = shape;
    made->mapping = mapping;
    made->identity = identity_of(*mapping, shape.kind);
    made->can_be_checked = !shape.replaces;  // that one has a WITH of its own
    if (made->can_be_checked) made->checked_sql = checked(made->statement.sql);
    return made;
}

std::vector<TupleField> identity_of(const RelationMapping& mapping, ChangeKind kind) {
    switch (kind) {
        case ChangeKind::insert: {
            const bool is_full = mapping.relation->replica_identity == ReplicaIdentity::full;
            const bool has_identity = !is_full && !mapping.relation->key_attributes.empty();
            return has_identity ? replica_identity(mapping, kind)
                                : target_key(mapping, Side::new_tuple);
        }
        case ChangeKind::update_full:
        case ChangeKind::delete_full:
            return target_key(mapping, Side::old_tuple);
        case ChangeKind::delete_none:
            return {};
        default:
            return replica_identity(mapping, kind);
    }
}

}  // namespace walpack
