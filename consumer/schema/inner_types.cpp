#include "schema/inner_types.h"

#include <compare>
#include <map>

#include <fmt/format.h>

#include "schema/catalog_query.h"
#include "schema/column_fit.h"
#include "schema/type_catalog.h"

namespace walpack {
namespace {

// A row for each field of a composite that is reached, and for each domain, whose place is 0.
constexpr const char* kReadFields = R"(
WITH RECURSIVE used(oid) AS (
    SELECT oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) asked(oid)
    UNION
    SELECT held.oid FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid
    CROSS JOIN LATERAL (
        SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL SELECT t.typelem
        UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r
            WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
        UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
                AND NOT a.attisdropped
    ) held(oid) WHERE held.oid <> 0
)
SELECT n.nspname, t.typname, f.place, f.name, f.type, f.typmod
FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
CROSS JOIN LATERAL (
    SELECT pg_catalog.row_number() OVER (ORDER BY a.attnum), a.attname, a.atttypid, a.atttypmod
    FROM pg_catalog.pg_attribute a
    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT 0, NULL, t.typbasetype, t.typtypmod WHERE t.typtype = 'd'
) f(place, name, type, typmod)
ORDER BY 1, 2, 3)";

struct FieldName {
    std::string schema;
    std::string type;
    std::uint64_t place = 0;

    friend auto operator<=>(const FieldName&, const FieldName&) = default;
};

struct Field {
    std::string name;        // empty: the type is a domain
    std::uint32_t type = 0;  // below all domains
    std::int32_t typmod = -1;
    bool is_array = false;
    TypeName value;  // of an array, its element's
    ValueKind kind = ValueKind::output;
};

using Fields = std::map<FieldName, Field>;

// By the type that its values are of; false where that is a user's type, whose own rows tell.
bool complete(Field& field, const TypeCatalog& catalog) {
    field.typmod = catalog.effective_typmod(field.type, field.typmod);
    const CatalogType& type = catalog.base_of(field.type);
    field.type = type.name.oid;
    field.is_array = type.element_oid != 0;
    field.value = field.is_array ? catalog.type(type.element_oid).name : type.name;
    field.kind = catalog.shape_of(field.value.oid).kind;
    return field.value.schema == "pg_catalog";
}

Fields read_fields(Connection& connection, const std::set<std::uint32_t>& types) {
    const Result result = connection.execute(
        kReadFields, {array_literal(std::vector<std::uint32_t>(types.begin(), types.end()))});
    std::vector<std::uint32_t> inside;
    for (int row = 0; row < result.rows(); ++row) inside.push_back(oid_at(result, row, 4));
    if (inside.empty()) return {};
    const TypeCatalog catalog = TypeCatalog::read(connection, inside);
    Fields fields;
    for (int row = 0; row < result.rows(); ++row) {
        Field field;
        field.name = text_at(result, row, 3);
        field.type = oid_at(result, row, 4);
        field.typmod = int_at(result, row, 5);
        if (!complete(field, catalog)) continue;
        fields[{text_at(result, row, 0), text_at(result, row, 1), count_at(result, row, 2)}] =
            std::move(field);
    }
    return fields;
}

// By the rules for elements of arrays, which come as text as well, and whose blanks nobody else
// looks at either.
bool fits(const Field& from, const Field& to) {
    if (from.is_array != to.is_array) return false;
    Attribute attribute;
    attribute.kind = ValueKind::array;
    attribute.element = from.value;
    attribute.element_kind = from.kind;
    attribute.typmod = from.typmod;
    TargetColumn column;
    column.kind = ValueKind::array;
    column.element_schema = to.value.schema;
    column.element_name = to.value.name;
    column.element_kind = to.kind;
    column.typmod = to.typmod;
    return fit_column(attribute, column).has_value() && !rounds(attribute, column);
}

std::string display_of(const Field& field, Connection& connection) {
    const auto display = connection.query_value(
        "SELECT pg_catalog.format_type($1::pg_catalog.oid, $2::pg_catalog.int4)",
        {std::to_string(field.type), std::to_string(field.typmod)});
    return display.value_or("another type");
}

// The same type may be in another schema: one that the source has not.
const Field* find_counterpart(const Fields& from, const FieldName& name, const Fields& to) {
    const auto found = to.find(name);
    if (found != to.end()) return &found->second;
    for (const auto& [other, field] : to) {
        const bool is_same = other.type == name.type && other.place == name.place;
        if (is_same && !from.contains(other)) return &field;
    }
    return nullptr;
}

}  // namespace

std::vector<std::string> inner_type_problems(Connection& source,
                                             const std::set<std::uint32_t>& source_types,
                                             Connection& target,
                                             const std::set<std::uint32_t>& target_types) {
    const Fields from = read_fields(source, source_types);
    if (from.empty()) return {};
    const Fields to = read_fields(target, target_types);
    std::vector<std::string> problems;
    for (const auto& [name, field] : from) {
        const Field* const found = find_counterpart(from, name, to);
        if (found == nullptr || fits(field, *found)) continue;
        const TypeName type{.schema = name.schema, .name = name.type};
        const std::string what =
            field.name.empty()
                ? fmt::format("domain {}", type.qualified_name())
                : fmt::format("field \"{}\" of type {}", field.name, type.qualified_name());
        problems.push_back(
            fmt::format("{} is {} on the target, which does not take every {} as it is", what,
                        display_of(*found, target), display_of(field, source)));
    }
    return problems;
}

}  // namespace walpack
