#include "schema/type_catalog.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

struct NamedKind {
    std::string_view name;
    ValueKind kind;
};

// Types of schema pg_catalog. Every other one of them travels as output, unless it is an array, a
// range or a multirange.
constexpr std::array kBuiltInKinds = {
    NamedKind{"bool", ValueKind::boolean},
    NamedKind{"int2", ValueKind::int2},
    NamedKind{"int4", ValueKind::int4},
    NamedKind{"int8", ValueKind::int8},
    NamedKind{"oid", ValueKind::oid},
    NamedKind{"xid", ValueKind::oid},
    NamedKind{"cid", ValueKind::oid},
    NamedKind{"xid8", ValueKind::uint8},
    NamedKind{"pg_lsn", ValueKind::uint8},
    NamedKind{"float4", ValueKind::float4},
    NamedKind{"float8", ValueKind::float8},
    NamedKind{"char", ValueKind::character},
    NamedKind{"text", ValueKind::text},
    NamedKind{"varchar", ValueKind::text},
    NamedKind{"bpchar", ValueKind::text},
    NamedKind{"name", ValueKind::text},
    NamedKind{"json", ValueKind::text},
    NamedKind{"xml", ValueKind::text},
    NamedKind{"bytea", ValueKind::bytea},
    NamedKind{"uuid", ValueKind::uuid},
    NamedKind{"date", ValueKind::date},
    NamedKind{"time", ValueKind::time},
    NamedKind{"timestamp", ValueKind::timestamp},
    NamedKind{"timestamptz", ValueKind::timestamptz},
    NamedKind{"timetz", ValueKind::timetz},
    NamedKind{"interval", ValueKind::interval},
    NamedKind{"money", ValueKind::money},
    NamedKind{"numeric", ValueKind::numeric},
    NamedKind{"jsonb", ValueKind::jsonb},
    NamedKind{"inet", ValueKind::send},
    NamedKind{"cidr", ValueKind::send},
    NamedKind{"macaddr", ValueKind::send},
    NamedKind{"macaddr8", ValueKind::send},
    NamedKind{"bit", ValueKind::send},
    NamedKind{"varbit", ValueKind::send},
    NamedKind{"point", ValueKind::send},
    NamedKind{"line", ValueKind::send},
    NamedKind{"lseg", ValueKind::send},
    NamedKind{"box", ValueKind::send},
    NamedKind{"path", ValueKind::send},
    NamedKind{"polygon", ValueKind::send},
    NamedKind{"circle", ValueKind::send},
    NamedKind{"tsvector", ValueKind::send},
    NamedKind{"jsonpath", ValueKind::send},
    NamedKind{"pg_snapshot", ValueKind::send},
    NamedKind{"txid_snapshot", ValueKind::send},
};

constexpr std::array<std::string_view, 9> kExtensionSendTypes = {
    "hstore",  "ltree",     "lquery",   "ltxtquery", "vector",
    "halfvec", "sparsevec", "geometry", "geography",
};

ValueKind kind_of_built_in(std::string_view name) {
    for (const NamedKind& known : kBuiltInKinds) {
        if (known.name == name) return known.kind;
    }
    return ValueKind::output;
}

ValueKind kind_of_extension_type(const CatalogType& type) {
    if (!type.is_variable_length) return ValueKind::output;
    if (type.name.name == "citext") return ValueKind::text;
    for (const std::string_view known : kExtensionSendTypes) {
        if (known == type.name.name && type.has_send) return ValueKind::send;
    }
    return ValueKind::output;
}

// An element, bound or base type that is needed is read in the same query, however deep.
constexpr const char* kReadTypes = R"(
WITH RECURSIVE array_marker(subscript) AS (
    SELECT 'pg_catalog.array_subscript_handler'::pg_catalog.regproc
), needed(oid) AS (
    SELECT pg_catalog.unnest($1::pg_catalog.oid[])
    UNION
    SELECT inside.oid
    FROM needed n
    JOIN pg_catalog.pg_type t ON t.oid = n.oid
    LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
    LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid
    CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem), (r.rngsubtype), (m.rngtypid))
        inside(oid)
    WHERE inside.oid <> 0
)
SELECT t.oid, s.nspname, t.typname, t.typtype, t.typbasetype,
    CASE WHEN t.typsubscript = a.subscript THEN t.typelem ELSE 0 END,
    r.rngsubtype, m.rngtypid, t.typtypmod, t.typsend <> 0, t.typlen = -1, t.typnotnull,
    t.typdefault IS NOT NULL, t.typarray,
    (SELECT os.nspname
     FROM pg_catalog.pg_opclass c
     JOIN pg_catalog.pg_am am ON am.oid = c.opcmethod AND am.amname = 'btree'
     JOIN pg_catalog.pg_amop e ON e.amopfamily = c.opcfamily AND e.amopstrategy = 3
         AND e.amoplefttype = c.opcintype AND e.amoprighttype = c.opcintype
     JOIN pg_catalog.pg_operator o ON o.oid = e.amopopr AND o.oprname = '='
     JOIN pg_catalog.pg_namespace os ON os.oid = o.oprnamespace
     WHERE c.opcdefault AND c.opcintype = t.oid)
FROM needed n
JOIN pg_catalog.pg_type t ON t.oid = n.oid
JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid
CROSS JOIN array_marker a)";

}  // namespace

bool has_exact_equality(ValueKind kind) {
    switch (kind) {
        case ValueKind::boolean:
        case ValueKind::int2:
        case ValueKind::int4:
        case ValueKind::int8:
        case ValueKind::oid:
        case ValueKind::uint8:
        case ValueKind::character:
        case ValueKind::bytea:
        case ValueKind::uuid:
        case ValueKind::date:
        case ValueKind::time:
        case ValueKind::timestamp:
        case ValueKind::timestamptz:
        case ValueKind::timetz:  // one instant in two zones is two values
        case ValueKind::money:
        case ValueKind::enumeration:
            return true;
        default:
            return false;
    }
}

TypeCatalog TypeCatalog::read(Connection& connection, const std::vector<std::uint32_t>& oids) {
    const Result result = connection.execute(kReadTypes, {array_literal(oids)});
    TypeCatalog catalog;
    for (int row = 0; row < result.rows(); ++row) {
        CatalogType type;
        type.name = {oid_at(result, row, 0), text_at(result, row, 1), text_at(result, row, 2)};
        type.type_type = result.value(row, 3).front();
        type.base_oid = oid_at(result, row, 4);
        type.element_oid = oid_at(result, row, 5);
        type.subtype_oid = oid_at(result, row, 6);
        type.range_oid = oid_at(result, row, 7);
        type.typmod = int_at(result, row, 8);
        type.has_send = bool_at(result, row, 9);
        type.is_variable_length = bool_at(result, row, 10);
        type.is_not_null = bool_at(result, row, 11);
        type.has_default = bool_at(result, row, 12);
        type.array_oid = oid_at(result, row, 13);
        type.equality_schema = text_at(result, row, 14);
        catalog.add(std::move(type));
    }
    return catalog;
}

void TypeCatalog::add(CatalogType type) {
    const std::uint32_t oid = type.name.oid;
    types_[oid] = std::move(type);
}

const CatalogType& TypeCatalog::type(std::uint32_t oid) const {
    const auto found = types_.find(oid);
    if (found == types_.end()) {
        throw Error(ErrorKind::connection,
                    fmt::format("type with oid {} was dropped while it was being read", oid));
    }
    return found->second;
}

const CatalogType& TypeCatalog::base_of(std::uint32_t oid) const {
    const CatalogType* found = &type(oid);
    while (found->type_type == 'd') found = &type(found->base_oid);
    return *found;
}

// A container travels in its send form unless something inside it can only travel as output.
void TypeCatalog::set_container(TypeShape& shape, std::uint32_t element, ValueKind kind) const {
    const TypeShape inner = shape_of(element);
    shape.element = inner.declared;
    shape.element_kind = kind == ValueKind::multirange ? inner.element_kind : inner.kind;
    shape.kind = inner.kind == ValueKind::output ? ValueKind::output : kind;
}

TypeShape TypeCatalog::shape_of(std::uint32_t declared) const {
    const CatalogType& base = base_of(declared);
    TypeShape shape;
    shape.declared = type(declared).name;
    shape.base = base.name;
    shape.type_type = base.type_type;
    const bool is_built_in = base.name.schema == "pg_catalog";
    const ValueKind known = is_built_in ? kind_of_built_in(base.name.name) : ValueKind::output;
    if (known != ValueKind::output) {
        shape.kind = known;
    } else if (base.element_oid != 0) {
        set_container(shape, base.element_oid, ValueKind::array);
    } else if (base.type_type == 'e') {
        shape.kind = ValueKind::enumeration;
    } else if (base.type_type == 'r') {
        set_container(shape, base.subtype_oid, ValueKind::range);
    } else if (base.type_type == 'm') {
        set_container(shape, base.range_oid, ValueKind::multirange);
    } else if (base.type_type == 'b' && !is_built_in) {
        shape.kind = kind_of_extension_type(base);
    }
    return shape;
}

std::int32_t TypeCatalog::effective_typmod(std::uint32_t declared,
                                           std::int32_t column_typmod) const {
    std::int32_t typmod = column_typmod;
    const CatalogType* found = &type(declared);
    while (found->type_type == 'd') {
        if (typmod == -1) typmod = found->typmod;
        found = &type(found->base_oid);
    }
    return typmod;
}

}  // namespace walpack
