#include "schema/inner_types.h"

#include <compare>
#include <map>

#include <fmt/format.h>

#include "schema/catalog_query.h"
#include "schema/column_fit.h"

namespace walpack {
namespace {

// A row for each field of a composite that is reached, and for each domain, whose place is 0: with
// the type below all domains, and the modifier that applies. What is inside of an array stands for
// the array, as a modifier is the elements'.
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
), field(oid, place, name, type, typmod) AS (
    SELECT t.oid, pg_catalog.row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum),
        a.attname, a.atttypid, a.atttypmod
    FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid AND t.typtype = 'c'
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
        AND NOT a.attisdropped
    UNION ALL
    SELECT t.oid, 0, NULL, t.typbasetype, t.typtypmod
    FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid AND t.typtype = 'd'
), plain(oid, place, name, type, typmod) AS (
    SELECT oid, place, name, type, typmod FROM field
    UNION ALL
    SELECT p.oid, p.place, p.name, d.typbasetype,
        CASE WHEN p.typmod = -1 THEN d.typtypmod ELSE p.typmod END
    FROM plain p JOIN pg_catalog.pg_type d ON d.oid = p.type AND d.typtype = 'd'
)
SELECT n.nspname, t.typname, p.place, p.name, p.typmod, v.typname,
    pg_catalog.format_type(p.type, p.typmod)
FROM plain p JOIN pg_catalog.pg_type t ON t.oid = p.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_type d ON d.oid = p.type AND d.typtype <> 'd'
JOIN pg_catalog.pg_type v
    ON v.oid = CASE WHEN d.typelem <> 0 AND d.typlen = -1 THEN d.typelem ELSE d.oid END
WHERE v.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
ORDER BY 1, 2, 3)";

struct FieldName {
    std::string schema;
    std::string type;
    std::uint64_t place = 0;

    friend auto operator<=>(const FieldName&, const FieldName&) = default;
};

struct Field {
    std::string name;  // empty: the type is a domain
    std::string type;  // of pg_catalog; of an array, its element's
    std::int32_t typmod = -1;
    std::string display;
};

using Fields = std::map<FieldName, Field>;

Fields read_fields(Connection& connection, const std::set<std::uint32_t>& types) {
    const Result result = connection.execute(
        kReadFields, {array_literal(std::vector<std::uint32_t>(types.begin(), types.end()))});
    Fields fields;
    for (int row = 0; row < result.rows(); ++row) {
        fields[{text_at(result, row, 0), text_at(result, row, 1), count_at(result, row, 2)}] = {
            .name = text_at(result, row, 3),
            .type = text_at(result, row, 5),
            .typmod = int_at(result, row, 4),
            .display = text_at(result, row, 6)};
    }
    return fields;
}

// Of the types that take values of others; output stands for all that do not.
ValueKind kind_of(const std::string& type) {
    if (type == "numeric") return ValueKind::numeric;
    if (type == "int2") return ValueKind::int2;
    if (type == "int4") return ValueKind::int4;
    if (type == "int8") return ValueKind::int8;
    const bool is_text = type == "text" || type == "varchar" || type == "bpchar" || type == "name";
    return is_text ? ValueKind::text : ValueKind::output;
}

// By the rules for elements of arrays, which come as text as well, and whose blanks nobody else
// looks at either.
bool fits(const Field& from, const Field& to) {
    Attribute attribute;
    attribute.kind = ValueKind::array;
    attribute.element = TypeName{.schema = "pg_catalog", .name = from.type};
    attribute.element_kind = kind_of(from.type);
    attribute.typmod = from.typmod;
    TargetColumn column;
    column.kind = ValueKind::array;
    column.element_schema = "pg_catalog";
    column.element_name = to.type;
    column.element_kind = kind_of(to.type);
    column.typmod = to.typmod;
    return fit_column(attribute, column).has_value() && !rounds(attribute, column);
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
                        found->display, field.display));
    }
    return problems;
}

}  // namespace walpack
