#include "schema/target_table.h"

#include "base/text.h"
#include "schema/catalog_query.h"
#include "schema/type_catalog.h"

namespace walpack {
namespace {

// Triggers of partitions count as well: rows of a partitioned table fire them.
constexpr const char* kReadTable = R"(
SELECT c.oid, c.relkind,
    EXISTS (SELECT FROM pg_catalog.pg_trigger t
            WHERE t.tgenabled IN ('A', 'R') AND t.tgrelid IN (
                SELECT c.oid UNION ALL SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) p))
    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r
               WHERE r.ev_class = c.oid AND r.ev_enabled IN ('A', 'R')),
    EXISTS (SELECT FROM pg_catalog.pg_constraint f WHERE f.confrelid = c.oid)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p'))";

constexpr const char* kReadColumns = R"(
SELECT a.attname, a.attnum, a.atttypid, a.atttypmod,
    pg_catalog.format_type(a.atttypid, a.atttypmod), a.attidentity = 'a', a.attgenerated <> '',
    a.attnotnull, a.atthasdef OR a.attidentity <> ''
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum)";

// The primary key, or else the narrowest unique index that identifies every row at all times.
constexpr const char* kReadKey = R"(
SELECT a.attname
FROM (
    SELECT i.indexrelid, i.indrelid, (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1] AS numbers
    FROM pg_catalog.pg_index i
    WHERE i.indrelid = $1::pg_catalog.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
        AND i.indpred IS NULL AND i.indexprs IS NULL
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_attribute n
            WHERE n.attrelid = i.indrelid AND NOT n.attnotnull
                AND n.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]))
    ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
    LIMIT 1
) k
CROSS JOIN LATERAL pg_catalog.unnest(k.numbers) WITH ORDINALITY u(number, position)
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.indrelid AND a.attnum = u.number
ORDER BY u.position)";

void describe_type(TargetColumn& column, const TypeCatalog& types) {
    const CatalogType& declared = types.type(column.type_oid);
    const TypeShape shape = types.shape_of(column.type_oid);
    column.base_type_oid = shape.base.oid;
    column.type_schema = shape.base.schema;
    column.type_name = shape.base.name;
    column.type_type = shape.type_type;
    column.typmod = types.effective_typmod(column.type_oid, column.typmod);
    column.kind = shape.kind;
    column.element_kind = shape.element_kind;
    column.element_oid = types.base_of(column.type_oid).element_oid;
    if (shape.element) {
        column.element_schema = shape.element->schema;
        column.element_name = shape.element->name;
    }
    const std::string& equality = types.base_of(column.type_oid).equality_schema;
    column.equality_schema = equality == "pg_catalog" ? "" : equality;
    column.is_not_null = column.is_not_null || declared.is_not_null;
    column.has_default = column.has_default || declared.has_default;
}

std::vector<TargetColumn> read_columns(Connection& target, const std::string& table_oid) {
    const Result result = target.execute(kReadColumns, {table_oid});
    std::vector<TargetColumn> columns;
    std::vector<std::uint32_t> types;
    for (int row = 0; row < result.rows(); ++row) {
        TargetColumn column;
        column.name = result.value(row, 0);
        column.number = static_cast<std::int16_t>(int_at(result, row, 1));
        column.type_oid = oid_at(result, row, 2);
        column.typmod = int_at(result, row, 3);
        column.declared_type = result.value(row, 4);
        column.is_identity_always = bool_at(result, row, 5);
        column.is_generated = bool_at(result, row, 6);
        column.is_not_null = bool_at(result, row, 7);
        column.has_default = bool_at(result, row, 8);
        types.push_back(column.type_oid);
        columns.push_back(std::move(column));
    }
    const TypeCatalog catalog = TypeCatalog::read(target, types);
    for (TargetColumn& column : columns) describe_type(column, catalog);
    return columns;
}

}  // namespace

const TargetColumn* TargetTable::find(const std::string& column) const {
    for (const TargetColumn& candidate : columns) {
        if (candidate.name == column) return &candidate;
    }
    return nullptr;
}

std::string TargetTable::sql_name() const {
    return quote_identifier(schema) + '.' + quote_identifier(name);
}

std::string TargetTable::sql_name_of_rows() const {
    return relkind == 'p' ? sql_name() : "ONLY " + sql_name();
}

std::optional<TargetTable> read_target_table(Connection& target, const std::string& schema,
                                             const std::string& name) {
    const Result result = target.execute(kReadTable, {schema, name});
    if (result.rows() == 0) return std::nullopt;
    TargetTable table;
    const std::string oid(result.value(0, 0));
    table.oid = oid_at(result, 0, 0);
    table.schema = schema;
    table.name = name;
    table.relkind = result.value(0, 1).front();
    table.has_always_triggers = bool_at(result, 0, 2);
    table.is_referenced = bool_at(result, 0, 3);
    table.columns = read_columns(target, oid);
    const Result key = target.execute(kReadKey, {oid});
    for (int row = 0; row < key.rows(); ++row) {
        table.key_columns.emplace_back(key.value(row, 0));
    }
    return table;
}

}  // namespace walpack
