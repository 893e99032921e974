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

}  // namespace

std::string key_equals(const TargetColumn& column, const std::string& parameter,
                       const std::string& qualifier) {
    const std::string name = qualifier + quote_identifier(column.name);
    if (column.equality_schema.empty()) return fmt::format("{} = {}", name, parameter);
    return fmt::format("{} OPERATOR({}.=) {}", name, quote_identifier(column.equality_schema),
                       parameter);
}

std::string is_exactly(const TargetColumn& column, const std::string& parameter) {
    const std::string name = quote_identifier(column.name);
    if (has_exact_equality(column.kind)) {
        return fmt::format("{} IS NOT DISTINCT FROM {}", name, parameter);
    }
    if (is_built_in_string(column)) {
        return fmt::format("{} COLLATE \"C\" IS NOT DISTINCT FROM {}", name, parameter);
    }
    // The cast to the declared type gives the parameter the column's modifier: 5 is 5.00 there.
    return fmt::format(
        "{}::pg_catalog.text COLLATE \"C\" IS NOT DISTINCT FROM ({}::{})::pg_catalog.text", name,
        parameter, column.declared_type);
}

}  // namespace walpack
