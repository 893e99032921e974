#include "apply/row_condition.h"

#include <fmt/format.h>

#include "base/text.h"
#include "schema/type_catalog.h"

namespace walpack {
namespace {

bool is_built_in_string(const TargetColumn& column) {
    return column.type_schema == "pg_catalog" &&
           (column.type_name == "text" || column.type_name == "varchar" ||
            column.type_name == "bpchar");
}

// Polymorphic operators, such as those of enumerations, do not take a domain. An index of the
// column serves all the same.
std::string operand(const TargetColumn& column, const std::string& expression) {
    const bool is_domain = column.type_oid != column.base_type_oid;
    const bool is_polymorphic =
        column.type_type == 'e' || column.type_type == 'r' || column.type_type == 'm';
    if (!is_domain || !is_polymorphic) return expression;
    return fmt::format("{}::{}.{}", expression, quote_identifier(column.type_schema),
                       quote_identifier(column.type_name));
}

// Of any length, so that blanks at the end tell values apart and "=" does not.
bool ignores_blanks(const TargetColumn& column) {
    return column.type_name == "bpchar" && column.typmod == -1;
}

}  // namespace

std::string key_equals(const TargetColumn& column, const std::string& parameter,
                       const std::string& qualifier) {
    const std::string name = qualifier + quote_identifier(column.name);
    if (column.equality_schema.empty())
        return fmt::format("{} = {}", operand(column, name), operand(column, parameter));
    return fmt::format("{} OPERATOR({}.=) {}", name, quote_identifier(column.equality_schema),
                       parameter);
}

std::string is_exactly(const TargetColumn& column, const std::string& parameter,
                       const std::string& qualifier) {
    const std::string name = qualifier + quote_identifier(column.name);
    if (has_exact_equality(column.kind))
        return fmt::format("{} = {}", operand(column, name), operand(column, parameter));
    // Coarser, so that it leaves out no row that is the same; an index knows it, and it is cheap.
    const std::string equal =
        column.has_equality ? key_equals(column, parameter, qualifier) + " AND " : "";
    if (is_built_in_string(column)) {
        std::string exact = fmt::format("{}{} COLLATE \"C\" = {}", equal, name, parameter);
        if (ignores_blanks(column))
            exact += fmt::format(" AND pg_catalog.octet_length({}) = pg_catalog.octet_length({})",
                                 name, parameter);
        return exact;
    }
    // The cast to the declared type gives the parameter the column's modifier: 5 is 5.00 there.
    return fmt::format("{}{}::pg_catalog.text COLLATE \"C\" = ({}::{})::pg_catalog.text", equal,
                       name, parameter, column.declared_type);
}

std::string is_exactly_null(const TargetColumn& column, const std::string& qualifier) {
    const std::string name = qualifier + quote_identifier(column.name);
    // IS NULL is also true of a row of NULLs.
    return column.type_type == 'c' ? name + " IS NOT DISTINCT FROM NULL" : name + " IS NULL";
}

}  // namespace walpack
