#include "apply/batch_statement.h"

#include <algorithm>

#include <fmt/format.h>

#include "apply/row_condition.h"
#include "base/check.h"
#include "base/text.h"

namespace walpack {
namespace {

constexpr std::uint32_t kTextOid = 25;
constexpr std::uint32_t kTextArrayOid = 1009;
constexpr std::string_view kTarget = "w.";

// COPY goes by the table's name, which may have become another's. Rules for inserts that fire in
// this session; see kReadTables in schema/target_table.cpp.
constexpr const char* kCopyCheck =
    "SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {0} AND (attname, atttypid, atttypmod) "
    "IN ({1}) "
    "AND {0} = pg_catalog.to_regclass({3})::pg_catalog.oid AND NOT EXISTS (SELECT FROM "
    "pg_catalog.pg_rewrite WHERE ev_class = {0} AND ev_type = '3' "
    "AND ev_enabled::pg_catalog.text IN ('A', CASE "
    "pg_catalog.current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O' END)) "
    "HAVING pg_catalog.count(*) = {2}";

// Elements whose text reads back as the same value on every version and with the settings of our
// sessions; see model/value_text.h for money and "char".
bool has_safe_text(ValueKind element) {
    switch (element) {
        case ValueKind::boolean:
        case ValueKind::int2:
        case ValueKind::int4:
        case ValueKind::int8:
        case ValueKind::oid:
        case ValueKind::float4:
        case ValueKind::float8:
        case ValueKind::text:
        case ValueKind::bytea:
        case ValueKind::uuid:
        case ValueKind::date:
        case ValueKind::time:
        case ValueKind::timestamp:
        case ValueKind::timestamptz:
        case ValueKind::timetz:
        case ValueKind::interval:
        case ValueKind::numeric:
        case ValueKind::jsonb:
        case ValueKind::enumeration:
            return true;
        default:
            return false;
    }
}

BatchKind kind_of(ChangeKind kind) {
    switch (kind) {
        case ChangeKind::insert:
            return BatchKind::insert;
        case ChangeKind::update:
        case ChangeKind::update_full:
            return BatchKind::update;
        default:
            WALPACK_CHECK(kind == ChangeKind::delete_key || kind == ChangeKind::delete_full);
            return BatchKind::remove;
    }
}

void append(std::string& list, std::string_view separator, const std::string& item) {
    if (!list.empty()) list += separator;
    list += item;
}

class BatchBuilder {
  public:
    BatchBuilder(const RelationMapping& mapping, const std::vector<std::size_t>& key,
                 const std::vector<CellForm>& forms, BatchStatement& out)
        : mapping_(mapping), key_(key), forms_(forms), out_(out) {}

    // The columns are those that the statement for one row writes, in the same order.
    void insert() {
        std::string columns;
        std::string values;
        for (const TupleField& field : out_.single->statement.parameters) {
            append(columns, ", ", quote_identifier(field.column->column->name));
            append(values, ", ", elements(field.column->attribute, field.column->attribute));
        }
        out_.sql = fmt::format("INSERT INTO {} ({}){} SELECT {}", mapping_.table->sql_name(),
                               columns, overriding_clause(mapping_), values);
        // COPY overrides an identity column by itself.
        if (!is_copied()) return;
        out_.copy_sql = fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)",
                                    mapping_.table->sql_name(), columns);
        out_.copy_check_sql = copy_check();
    }

    void update() {
        std::string assignments;
        std::string kept;
        for (const ColumnMapping& column : mapping_.columns) {
            const bool is_set = is_set_by(mapping_, out_.single->shape, column);
            // Under REPLICA IDENTITY FULL the key is sent too; it did not change.
            if (std::ranges::find(key_, column.attribute) != key_.end()) continue;
            if (is_set) {
                append(assignments, ", ",
                       fmt::format("{} = {}", quote_identifier(column.column->name),
                                   source_column(column.attribute, column.attribute)));
            } else if (column.column->is_identity_always) {
                // A row where it is to change is found by none; by itself it will be replaced.
                kept += " AND " + key_equals(*column.column,
                                             source_column(column.attribute, column.attribute),
                                             std::string(kTarget));
            }
        }
        const std::string condition = equal_keys(false) + kept + guard(mapping_.update_guard);
        out_.sql =
            fmt::format("UPDATE {} AS w SET {} FROM (SELECT {}) AS s WHERE {}",
                        mapping_.table->sql_name_of_rows(), assignments, selected_, condition);
    }

    void remove() {
        const std::string& rows = mapping_.table->sql_name_of_rows();
        const TargetColumn& column = *mapping_.columns[key_.front()].column;
        const bool is_domain = column.type_oid != column.base_type_oid;
        if (key_.size() == 1 && forms_[key_.front()] == CellForm::binary && !is_domain) {
            out_.sql =
                fmt::format("DELETE FROM {} WHERE {}{}", rows,
                            key_equals(column, fmt::format("ANY ({})", array_of(key_.front(), 0))),
                            guard(mapping_.delete_guard));
            return;
        }
        const std::string condition = equal_keys(true) + guard(mapping_.delete_guard);
        out_.sql = fmt::format("DELETE FROM {} AS w USING (SELECT {}) AS s WHERE {}", rows,
                               selected_, condition);
    }

    // DISTINCT ON takes one of several equal rows, as LIMIT 1 does for a single one. That a row is
    // taken twice, the number of rows touched tells.
    void whole_rows() {
        const StatementShape& shape = out_.single->shape;
        const bool is_update = out_.kind == BatchKind::update;
        std::string assignments;
        for (const ColumnMapping& column : mapping_.columns) {
            if (!is_update || !is_set_by(mapping_, shape, column)) continue;
            append(assignments, ", ",
                   fmt::format("{} = {}", quote_identifier(column.column->name),
                               source_column(column.attribute,
                                             mapping_.columns.size() + column.attribute)));
        }
        const TargetTable& table = *mapping_.table;
        const bool is_partitioned = table.relkind == 'p';
        const std::string equal = equal_rows(shape);
        const std::string found = fmt::format(
            "(SELECT DISTINCT ON (s.n) r.ctid AS at{}, s.* FROM "
            "(SELECT pg_catalog.row_number() OVER () AS n, * FROM (SELECT {}) AS v) AS s "
            "JOIN {} AS r ON {}{}) AS s WHERE w.ctid = s.at{}",
            is_partitioned ? ", r.tableoid AS part" : "", selected_, table.sql_name_of_rows(),
            equal, guard(is_update ? mapping_.update_guard : mapping_.delete_guard),
            is_partitioned ? " AND w.tableoid = s.part" : "");
        out_.sql = is_update ? fmt::format("UPDATE {} AS w SET {} FROM {}",
                                           table.sql_name_of_rows(), assignments, found)
                             : fmt::format("DELETE FROM {} AS w USING {}", table.sql_name_of_rows(),
                                           found);
    }

  private:
    std::string equal_rows(const StatementShape& shape) {
        std::string condition;
        for (const ColumnMapping& column : mapping_.columns) {
            if (!column.is_written()) continue;
            append(condition, " AND ",
                   is_marked(shape.nulls, column.attribute)
                       ? is_exactly_null(*column.column, "r.")
                       : is_exactly(*column.column,
                                    source_column(column.attribute, column.attribute), "r."));
        }
        return condition;
    }

    static std::string guard(const std::string& condition) {
        return condition.empty() ? "" : " AND " + condition;
    }

    bool is_copied() const {
        const auto& parameters = out_.single->statement.parameters;
        return std::none_of(parameters.begin(), parameters.end(), [this](const auto& field) {
            return forms_[field.column->attribute] == CellForm::text;
        });
    }

    std::string copy_check() const {
        std::string columns;
        for (const TupleField& field : out_.single->statement.parameters) {
            const TargetColumn& column = *field.column->column;
            append(columns, ", ",
                   fmt::format("({}, {}, {})", quote_literal(column.name), column.type_oid,
                               column.declared_typmod));
        }
        return fmt::format(kCopyCheck, mapping_.table->oid, columns,
                           out_.single->statement.parameters.size(),
                           quote_literal(mapping_.table->sql_name()));
    }

    // Adds the array of a column and returns its parameter.
    std::string array_of(std::size_t attribute, std::size_t cell) {
        const TargetColumn& column = *mapping_.columns[attribute].column;
        const bool is_text = forms_[attribute] != CellForm::binary;
        const bool is_converted = forms_[attribute] == CellForm::binary_array;
        out_.parameters.push_back({cell, is_text ? kTextOid : column.type_oid,
                                   is_converted ? &mapping_.columns[attribute].sent_as : nullptr});
        out_.type_oids.push_back(is_text ? kTextArrayOid : column.array_oid);
        return fmt::format("${}", out_.parameters.size());
    }

    std::string elements(std::size_t attribute, std::size_t cell) {
        const std::string array = array_of(attribute, cell);
        if (forms_[attribute] == CellForm::binary)
            return fmt::format("pg_catalog.unnest({})", array);
        const TargetColumn& column = *mapping_.columns[attribute].column;
        return fmt::format("pg_catalog.unnest({})::{}.{}", array,
                           quote_identifier(column.type_schema),
                           quote_identifier(column.type_name));
    }

    // Selects the elements of a column, once; returns their name.
    std::string source_column(std::size_t attribute, std::size_t cell) {
        const std::string values = elements(attribute, cell);
        const std::string name = fmt::format("v{}", out_.parameters.size());
        append(selected_, ", ", fmt::format("{} AS {}", values, name));
        return "s." + name;
    }

    std::string equal_keys(bool has_key_cells_only) {
        std::string condition;
        for (std::size_t i = 0; i < key_.size(); ++i) {
            const std::size_t attribute = key_[i];
            const std::string value = source_column(attribute, has_key_cells_only ? i : attribute);
            append(condition, " AND ",
                   key_equals(*mapping_.columns[attribute].column, value, std::string(kTarget)));
        }
        return condition;
    }

    const RelationMapping& mapping_;
    const std::vector<std::size_t>& key_;
    const std::vector<CellForm>& forms_;
    BatchStatement& out_;
    std::string selected_;
};

// A cast from text may be a function of the type's author that reads text in another way than the
// type's input does. Composites and arrays have none; citext's changes nothing.
bool may_have_own_cast(const TargetColumn& column) {
    const bool is_container = column.type_type == 'c' || column.array_oid == 0;
    return column.type_schema != "pg_catalog" && !is_container && column.type_name != "citext";
}

// Types whose receive function takes the text as it is.
bool is_received_as_text(const ColumnMapping& column) {
    const TargetColumn& target = *column.column;
    if (column.sent_as.kind != ValueKind::text || target.type_schema != "pg_catalog") return false;
    const std::string& name = target.type_name;
    return name == "text" || name == "varchar" || name == "bpchar" || name == "name" ||
           name == "json";
}

}  // namespace

std::vector<CellForm> batch_forms(const RelationMapping& mapping) {
    std::vector<CellForm> forms;
    for (const ColumnMapping& column : mapping.columns) {
        CellForm form = form_of(column.binding);
        if (is_received_as_text(column)) form = CellForm::binary;
        const bool is_array = column.sent_as.kind == ValueKind::array;
        if (is_array &&
            !(column.sent_as.element_kind && has_safe_text(*column.sent_as.element_kind)))
            return {};
        if (form == CellForm::binary && column.column->array_oid == 0) return {};
        if (form != CellForm::binary && may_have_own_cast(*column.column)) return {};
        forms.push_back(form);
    }
    return forms;
}

std::shared_ptr<const BatchStatement> make_whole_row_batch(
    const std::shared_ptr<const RelationMapping>& mapping, const StatementShape& shape,
    const std::vector<CellForm>& forms) {
    auto made = std::make_shared<BatchStatement>();
    made->kind = kind_of(shape.kind);
    made->finds_whole_rows = true;
    made->single = make_row_statement(mapping, shape);
    BatchBuilder(*mapping, {}, forms, *made).whole_rows();
    for (const TupleField& field : made->single->statement.parameters) {
        const std::size_t attribute = field.column->attribute;
        const bool is_old = field.side == TupleField::Side::old_tuple;
        made->single_cells.push_back(is_old ? attribute : mapping->columns.size() + attribute);
        made->single_forms.push_back(forms[attribute]);
    }
    return made;
}

std::shared_ptr<const BatchStatement> make_batch_statement(
    const std::shared_ptr<const RelationMapping>& mapping, const StatementShape& shape,
    const std::vector<std::size_t>& key, const std::vector<CellForm>& forms) {
    WALPACK_CHECK(!shape.replaces && forms.size() == mapping->columns.size());
    auto made = std::make_shared<BatchStatement>();
    made->kind = kind_of(shape.kind);
    made->single = make_row_statement(mapping, shape);
    BatchBuilder builder(*mapping, key, forms, *made);
    if (made->kind == BatchKind::insert) builder.insert();
    if (made->kind == BatchKind::update) builder.update();
    if (made->kind == BatchKind::remove) builder.remove();
    std::size_t place = 0;
    for (const TupleField& field : made->single->statement.parameters) {
        const std::size_t attribute = field.column->attribute;
        made->single_cells.push_back(made->kind == BatchKind::remove ? place++ : attribute);
        made->single_forms.push_back(forms[attribute]);
    }
    return made;
}

}  // namespace walpack
