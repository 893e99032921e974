#include "schema/inner_types.h"

#include <compare>
#include <map>

#include <fmt/format.h>

#include "schema/catalog_query.h"
#include "schema/column_fit.h"

namespace walpack {
namespace {

// A row for each field of a composite that is reached, and for each domain, whose place is 0. What
// is inside of an array stands for the array, as a modifier is the elements'. Types of multiranges
// came with version 14.
constexpr const char* kReadFields = R"(
WITH RECURSIVE used(oid) AS (
    SELECT oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) asked(oid)
    UNION
    SELECT held.oid FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid
    CROSS JOIN LATERAL (
        SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL SELECT t.typelem
        UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r
            WHERE t.oid IN (r.rngtypid,
                (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid)
        UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
                AND NOT a.attisdropped
    ) held(oid) WHERE held.oid <> 0
), field AS (
    SELECT t.oid, pg_catalog.row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum) AS place,
        a.attname, a.atttypid AS type, a.atttypmod AS typmod
    FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid AND t.typtype = 'c'
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
        AND NOT a.attisdropped
    UNION ALL
    SELECT t.oid, 0, NULL, t.typbasetype, t.typtypmod
    FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid AND t.typtype = 'd'
)
SELECT n.nspname, t.typname, f.place, f.attname, f.typmod, v.typname,
    pg_catalog.format_type(f.type, f.typmod)
FROM field f JOIN pg_catalog.pg_type t ON t.oid = f.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_type d ON d.oid = f.type
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

std::map<FieldName, Field> read_fields(Connection& connection,
                                       const std::vector<std::uint32_t>& types) {
    const Result result = connection.execute(kReadFields, {array_literal(types)});
    std::map<FieldName, Field> fields;
    for (int row = 0; row < result.rows(); ++row) {
        fields[{text_at(result, row, 0), text_at(result, row, 1), count_at(result, row, 2)}] = {
            .name = text_at(result, row, 3),
            .type = text_at(result, row, 5),
            .typmod = int_at(result, row, 4),
            .display = text_at(result, row, 6)};
    }
    return fields;
}

bool is_text(const std::string& type) {
    return type == "text" || type == "varchar" || type == "bpchar";
}

ValueKind kind_of(const std::string& type) {
    if (type == "numeric") return ValueKind::numeric;
    if (type == "int2") return ValueKind::int2;
    if (type == "int4") return ValueKind::int4;
    if (type == "int8") return ValueKind::int8;
    return is_text(type) ? ValueKind::text : ValueKind::output;
}

// As elements of arrays, whose blanks nobody else looks at either.
bool loses(const Field& from, const Field& to) {
    if (to.type == "float4" && from.type != "float4" && !from.type.starts_with("int2")) return true;
    const bool is_number = from.type.starts_with("float") && to.type == "numeric";
    if (is_number && to.typmod >= 0) return true;
    Attribute attribute;
    attribute.kind = ValueKind::array;
    attribute.element = TypeName{.schema = "pg_catalog", .name = from.type};
    attribute.element_kind = kind_of(from.type);
    attribute.typmod = from.type == to.type || (is_text(from.type) && is_text(to.type))
                           ? from.typmod
                           : std::int32_t{-1};
    TargetColumn column;
    column.kind = ValueKind::array;
    column.element_schema = "pg_catalog";
    column.element_name = to.type;
    column.typmod = to.typmod;
    return rounds(attribute, column);
}

}  // namespace

std::vector<std::string> inner_type_problems(Connection& source,
                                             const std::vector<std::uint32_t>& source_types,
                                             Connection& target,
                                             const std::vector<std::uint32_t>& target_types) {
    const std::map<FieldName, Field> from = read_fields(source, source_types);
    if (from.empty()) return {};
    const std::map<FieldName, Field> to = read_fields(target, target_types);
    std::vector<std::string> problems;
    for (const auto& [name, field] : from) {
        const auto found = to.find(name);
        if (found == to.end() || !loses(field, found->second)) continue;
        const std::string type =
            TypeName{.schema = name.schema, .name = name.type}.qualified_name();
        const std::string what = field.name.empty()
                                     ? fmt::format("domain {}", type)
                                     : fmt::format("field \"{}\" of type {}", field.name, type);
        problems.push_back(fmt::format("{} is {} on the target, which would change values of {}",
                                       what, found->second.display, field.display));
    }
    return problems;
}

}  // namespace walpack
