#include "apply/statement.h"

#include <algorithm>

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

// A row filter of the publication makes an INSERT of an UPDATE whose row begins to pass it. WAL
// has the values of that alone that changed or are of the old row.
Error lacks_value(const RowChange& change, const ColumnMapping& column) {
    const std::string table = change.relation->qualified_name();
    return Error(ErrorKind::value,
                 fmt::format("insert into \"{}\" lacks the value of column \"{}\"", table,
                             column.column->name))
        .detail(
            "An update brought the row into the publication's row filter and left this value "
            "alone, which is stored out of line: the source does not send it then.")
        .hint(fmt::format(
            "ALTER TABLE {0} REPLICA IDENTITY FULL on the source has such values sent from now on. "
            "This transaction: leave it out with \"walpack skip --lsn\" and its LSN, start again, "
            "and copy the tables that it changed with \"walpack recopy {0}\".",
            table));
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
        const std::string set = assignments();
        statement_.sql = update_where(set, guarded_condition());
        return std::move(statement_);
    }

    Statement update_moved() {
        const std::string set = assignments();
        const std::string returning = set.empty() ? "" : " RETURNING 1";
        const std::string before = condition();  // also of a row that a guard keeps
        const std::string row = guarded_condition();
        const std::string moved = moved_condition();
        statement_.sql =
            fmt::format("WITH u AS ({}{}), m AS ({}{}) SELECT 1 FROM u UNION ALL SELECT 1 FROM m",
                        update_where(set, row), returning,
                        update_where(set, fmt::format("{} AND NOT EXISTS (SELECT FROM {} WHERE {})",
                                                      moved, table_.sql_name_of_rows(), before)),
                        returning);
        return std::move(statement_);
    }

    // Which of both, only the target can tell. Where foreign keys fire a row that they reference is
    // not taken away: the answer is two rows, which is never right.
    Statement update_or_replace() {
        const std::string set = assignments();
        const std::string kept = has_new_identity();
        const std::string insertion = insert_replaced();
        const std::string row = guarded_condition();
        const std::string changed = fmt::format("{} AND NOT ({})", row, kept);
        const char* role = "pg_catalog.current_setting('session_replication_role')";
        statement_.sql = fmt::format(
            "WITH u AS ({}{}), d AS (DELETE FROM {} WHERE {}{} RETURNING *), i AS ({} RETURNING 1) "
            "SELECT 1 FROM u UNION ALL SELECT 1 FROM i",
            update_where(set, row + " AND " + kept), set.empty() ? "" : " RETURNING 1",
            table_.sql_name_of_rows(), changed,
            table_.is_referenced ? fmt::format(" AND {} = 'replica'", role) : "", insertion);
        if (table_.is_referenced)
            statement_.sql += fmt::format(
                " UNION ALL SELECT pg_catalog.generate_series(1, 2) FROM {} WHERE {} AND {} <> "
                "'replica'",
                table_.sql_name_of_rows(), changed, role);
        return std::move(statement_);
    }

    Statement remove() {
        statement_.sql =
            fmt::format("DELETE FROM {} WHERE {}", table_.sql_name_of_rows(), guarded_condition());
        return std::move(statement_);
    }

    Statement replace() {
        const std::string insertion = insert_replaced();
        statement_.sql = fmt::format("WITH d AS (DELETE FROM {} WHERE {} RETURNING *) {}",
                                     table_.sql_name_of_rows(), guarded_condition(), insertion);
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

    bool is_unchanged(std::size_t attribute) const {
        return is_marked(shape_.unchanged, attribute);
    }

    // `kept`: what stands there where the change has no value.
    std::string new_value(const TargetColumn& column, const std::string& kept) {
        for (const ColumnMapping& mapped : mapping_.columns) {
            if (mapped.column != &column || is_unchanged(mapped.attribute)) continue;
            return parameter({Side::new_tuple, mapped.attribute, &mapped});
        }
        return kept.empty() ? quote_identifier(column.name) : kept;
    }

    std::string assignments() {
        std::string set;
        for (const ColumnMapping& column : mapping_.columns) {
            if (!is_set_by(mapping_, shape_, column)) continue;
            append(set, ", ",
                   fmt::format("{} = {}", quote_identifier(column.column->name),
                               parameter({Side::new_tuple, column.attribute, &column})));
        }
        return set;
    }

    // Where nothing is to be set, the row must be there. The lock is the one that UPDATE would
    // take.
    std::string update_where(const std::string& set, const std::string& condition) const {
        const std::string rows = table_.sql_name_of_rows();
        if (set.empty())
            return fmt::format("SELECT 1 FROM {} WHERE {} FOR NO KEY UPDATE", rows, condition);
        return fmt::format("UPDATE {} SET {} WHERE {}", rows, set, condition);
    }

    // The GENERATED ALWAYS AS IDENTITY column whose old value is not known is not to be changed.
    std::string has_new_identity() {
        std::string condition;
        for (const ColumnMapping& column : mapping_.columns) {
            if (!column.column->is_identity_always || is_of_key(column)) continue;
            append(condition, " AND ",
                   key_equals(*column.column,
                              parameter({Side::new_tuple, column.attribute, &column})));
        }
        return condition;
    }

    bool is_of_key(const ColumnMapping& column) const {
        return mapping_.relation->attributes[column.attribute].is_key;
    }

    // Columns that the source does not know, and values that it did not send, stay as they were.
    std::string insert_replaced() {
        std::string columns;
        std::string values;
        for (const TargetColumn& column : table_.columns) {
            if (column.is_generated) continue;
            append(columns, ", ", quote_identifier(column.name));
            append(values, ", ", new_value(column, "d." + quote_identifier(column.name)));
        }
        return fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM d",
                           table_.sql_name(), columns, values);
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

    // By the identity that the row has behind the change. A value of it that the change leaves
    // alone may be out of line, and is with the old ones.
    std::string moved_condition() {
        const std::vector<TupleField> before = identity_of(mapping_, shape_.kind);
        std::string text;
        for (const TupleField& field : before) {
            const std::size_t attribute = field.column->attribute;
            const TupleField after{Side::new_tuple, attribute, field.column};
            append(text, " AND ",
                   key_equals(*field.column->column,
                              parameter(is_unchanged(attribute) ? field : after)));
        }
        return text + guard();
    }

    // ctid is unique within one physical table only.
    std::string one_equal_row() {
        std::string equal;
        for (const ColumnMapping& column : mapping_.columns) {
            if (!column.is_written()) continue;  // follows from the others
            append(equal, " AND ",
                   is_marked(shape_.nulls, column.attribute)
                       ? is_exactly_null(*column.column)
                       : is_exactly(*column.column,
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

const std::string& guard_of(const RelationMapping& mapping, ChangeKind kind) {
    return is_update(kind) ? mapping.update_guard : mapping.delete_guard;
}

std::string_view overriding_clause(const RelationMapping& mapping) {
    const bool is_needed =
        std::any_of(mapping.columns.begin(), mapping.columns.end(),
                    [](const ColumnMapping& column) { return column.column->is_identity_always; });
    return is_needed ? " OVERRIDING SYSTEM VALUE" : "";
}

const Value& value_at(const RowChange& change, const TupleField& field) {
    const Tuple tuple = field.side == Side::old_tuple ? change.old_tuple : change.new_tuple;
    WALPACK_CHECK(field.position < tuple.size());
    return tuple[field.position];
}

const Value& value_to_send(const RowChange& change, const TupleField& field) {
    const Value& value = value_at(change, field);
    if (!value.is_unchanged_toast()) return value;
    if (change.kind == ChangeKind::insert) throw lacks_value(change, *field.column);
    throw Error(ErrorKind::protocol, fmt::format("column \"{}\" has no value where one must stand",
                                                 field.column->column->name));
}

Statement make_statement(const RelationMapping& mapping, const StatementShape& shape) {
    StatementBuilder builder(mapping, shape);
    if (shape.kind == ChangeKind::insert) return builder.insert();
    if (!is_update(shape.kind)) return builder.remove();
    if (shape.may_replace) return builder.update_or_replace();
    if (shape.replaces) return builder.replace();
    return shape.may_be_moved ? builder.update_moved() : builder.update();
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
    // Those have a WITH of their own.
    made->can_be_checked = !shape.replaces && !shape.may_replace && !shape.may_be_moved;
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
