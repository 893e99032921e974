#include "copy/source_rows.h"

#include <fmt/format.h>

#include "base/text.h"
#include "copy/binary_copy.h"

namespace walpack {
namespace {

// Where the target would cut blanks in silence the source fails: see copy_error().
std::string column_at_source(const RelationMapping& mapping, const ColumnMapping& column) {
    const Attribute& attribute = mapping.relation->attributes[column.attribute];
    const std::string name = quote_identifier(attribute.name);
    if (column.cuts_blanks_beyond != 0)
        return fmt::format(
            "CASE WHEN pg_catalog.length({0}::pg_catalog.text) > {1} AND "
            "pg_catalog.\"right\"({0}::pg_catalog.text, 1) = ' ' THEN "
            "pg_catalog.make_date(pg_catalog.length({0}::pg_catalog.text) * 0, 0, 0)"
            "::pg_catalog.text "
            "ELSE {0}::pg_catalog.text END AS {0}",
            name, column.cuts_blanks_beyond);
    if (is_xml(attribute.value_type())) return name + "::pg_catalog.text";
    if (attribute.kind == ValueKind::array && is_xml(*attribute.element))
        return name + "::pg_catalog.text[]";
    const bool is_widened = attribute.kind != column.sent_as.kind;
    return name + (is_widened ? "::pg_catalog." + quote_identifier(column.column->type_name) : "");
}

}  // namespace

std::string rows_of(const PublishedTable& table) {
    return (table.is_via_root ? "" : "ONLY ") + quote_identifier(table.relation->schema) + '.' +
           quote_identifier(table.relation->name);
}

std::string columns_at_source(const RelationMapping& mapping) {
    std::string columns;
    for (const ColumnMapping& column : mapping.columns) {
        if (!column.is_written()) continue;
        columns += (columns.empty() ? "" : ", ") + column_at_source(mapping, column);
    }
    return columns;
}

std::string copy_in_sql(const RelationMapping& mapping) {
    std::string columns;
    for (const ColumnMapping& column : mapping.columns) {
        if (!column.is_written()) continue;
        columns += (columns.empty() ? "" : ", ") + quote_identifier(column.column->name);
    }
    return fmt::format("COPY {} ({}) FROM STDIN", mapping.table->sql_name(), columns);
}

std::string select_sql(const PublishedTable& table, const std::string& columns,
                       const std::string& condition) {
    std::string where;
    if (table.row_filter) where = fmt::format(" WHERE ({})", *table.row_filter);
    if (!condition.empty()) where += (where.empty() ? " WHERE " : " AND ") + condition;
    return fmt::format("SELECT{}{} FROM {}{}", columns.empty() ? "" : " ", columns, rows_of(table),
                       where);
}

}  // namespace walpack
