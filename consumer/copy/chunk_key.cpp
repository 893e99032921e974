#include "copy/chunk_key.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"
#include "copy/source_rows.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

// One row for each unique index whose leading column is NOT NULL and in the column's own order: its
// default operator class and collation. The last column: whether that order, of a text, is by
// bytes. Those are the collations that the server itself compares with memcmp(); datlocprovider
// came with version 15, the built-in provider with 17. Old rows of a partition have the columns of
// its own replica identity, whatever the root's is.
constexpr const char* kReadKeys = R"(
WITH database AS (
    SELECT COALESCE(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c') AS provider, d.datcollate
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
)
SELECT a.attname, i.indisprimary, c.relname,
    CASE
        WHEN l.oid IS NULL OR NOT l.collisdeterministic THEN false
        WHEN l.collprovider = 'd'
            THEN d.provider = 'b' OR d.provider = 'c' AND d.datcollate IN ('C', 'POSIX')
        ELSE l.collprovider = 'b' OR l.collprovider = 'c' AND l.collcollate IN ('C', 'POSIX')
    END,
    NOT EXISTS (
        SELECT FROM pg_catalog.pg_partition_tree(i.indrelid) t
        JOIN pg_catalog.pg_class p ON p.oid = t.relid AND p.relkind = 'r'
        WHERE p.relreplident <> 'f' AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_index x
            JOIN pg_catalog.pg_attribute b ON b.attrelid = x.indrelid AND b.attname = a.attname
                AND b.attnum = ANY (x.indkey[0:x.indnkeyatts - 1])
            WHERE x.indrelid = p.oid AND CASE p.relreplident WHEN 'd' THEN x.indisprimary
                WHEN 'i' THEN x.indisreplident ELSE false END))
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0] AND o.opcdefault
JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree'
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
CROSS JOIN database d
WHERE i.indrelid = $1::pg_catalog.oid AND i.indisunique AND i.indisvalid AND i.indislive
    AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND a.attnotnull
    AND i.indcollation[0] = a.attcollation
ORDER BY i.indisprimary DESC, i.indisreplident DESC, i.indnkeyatts, c.relname)";

bool is_plain_text(const TypeName& type) {
    return type.schema == "pg_catalog" && (type.name == "text" || type.name == "varchar");
}

struct KeyColumn {
    const Attribute& attribute;
    bool compares_bytes = false;
    bool is_of_partitions = false;  // in the replica identity of each
};

bool may_cut(const PublishedTable& table, const KeyColumn& key) {
    const Attribute& attribute = key.attribute;
    const bool is_in_old_rows =
        (attribute.is_key && key.is_of_partitions) || !table.replicates_updates;
    return is_in_old_rows && !attribute.is_generated &&
           has_byte_order(attribute.kind,
                          key.compares_bytes && is_plain_text(attribute.value_type()));
}

// The bytes that sort_key_of_sent() takes, as SQL over v. Those of a text are the database's own,
// not the session's.
std::string sent_bytes(ValueKind kind) {
    switch (kind) {
        case ValueKind::int2:
            return "pg_catalog.int2send(v)";
        case ValueKind::int4:
            return "pg_catalog.int4send(v)";
        case ValueKind::int8:
            return "pg_catalog.int8send(v)";
        case ValueKind::oid:
            return "pg_catalog.oidsend(v)";
        case ValueKind::uuid:
            return "pg_catalog.uuid_send(v)";
        case ValueKind::date:
            return "pg_catalog.date_send(v)";
        case ValueKind::timestamp:
            return "pg_catalog.timestamp_send(v)";
        case ValueKind::timestamptz:
            return "pg_catalog.timestamptz_send(v)";
        default:
            WALPACK_CHECK(kind == ValueKind::text);
            return "pg_catalog.convert_to(v::pg_catalog.text, pg_catalog.getdatabaseencoding())";
    }
}

}  // namespace

std::vector<ChunkKey> read_chunk_keys(Connection& source, const PublishedTable& table) {
    const auto& attributes = table.relation->attributes;
    const Result result = source.execute(kReadKeys, {std::to_string(table.relation->oid)});
    std::vector<ChunkKey> keys;
    for (int row = 0; row < result.rows(); ++row) {
        const auto found = std::ranges::find(attributes, result.value(row, 0), &Attribute::name);
        if (found == attributes.end()) continue;
        if (!may_cut(table, {*found, bool_at(result, row, 3), bool_at(result, row, 4)})) continue;
        const auto attribute = static_cast<std::size_t>(found - attributes.begin());
        if (std::ranges::find(keys, attribute, &ChunkKey::attribute) != keys.end()) continue;
        keys.push_back({attribute, bool_at(result, row, 1)
                                       ? "its primary key"
                                       : fmt::format("index \"{}\"", result.value(row, 2))});
    }
    return keys;
}

std::string bounds_sql(const PublishedTable& table, const ChunkKey& key, std::size_t chunks,
                       double percent) {
    const Attribute& attribute = table.relation->attributes.at(key.attribute);
    const TypeName& type = attribute.value_type();
    const std::string value =
        fmt::format("{}::{}.{}", quote_identifier(attribute.name), quote_identifier(type.schema),
                    quote_identifier(type.name));
    const std::string sample =
        percent < 100 ? fmt::format(" TABLESAMPLE SYSTEM ({:f})", percent) : "";
    return fmt::format(
        "SELECT v::pg_catalog.text, pg_catalog.encode({}, 'hex') FROM (SELECT "
        "pg_catalog.percentile_disc((SELECT pg_catalog.array_agg(part / {}::pg_catalog.float8 "
        "ORDER BY part) FROM pg_catalog.generate_series(1, {}) part)) WITHIN GROUP (ORDER BY {}) "
        "AS cuts FROM {}{}) sampled CROSS JOIN LATERAL pg_catalog.unnest(sampled.cuts) WITH "
        "ORDINALITY u(v, position) WHERE v IS NOT NULL ORDER BY position",
        sent_bytes(attribute.kind), chunks, chunks - 1, value, rows_of(table), sample);
}

std::string middle_sql(const PublishedTable& table, std::size_t attribute, const KeyRange& range) {
    const Attribute& key = table.relation->attributes.at(attribute);
    const std::string type =
        quote_identifier(key.value_type().schema) + '.' + quote_identifier(key.value_type().name);
    const std::string name = quote_identifier(key.name);
    std::string condition;
    if (range.from)
        condition = fmt::format("{} > {}::{}", name, quote_literal(range.from->text), type);
    if (range.to) {
        condition += fmt::format("{}{} < {}::{}", condition.empty() ? "" : " AND ", name,
                                 quote_literal(range.to->text), type);
    }
    return fmt::format(
        "SELECT v::pg_catalog.text, pg_catalog.encode({}, 'hex') FROM (SELECT "
        "pg_catalog.percentile_disc(0.5) WITHIN GROUP (ORDER BY key) AS v FROM ({}) keys) middle "
        "WHERE v IS NOT NULL",
        sent_bytes(key.kind),
        select_sql(table, fmt::format("{}::{} AS key", name, type), condition));
}

CutRanges cut_at(const std::vector<KeyBound>& bounds) {
    CutRanges cut;
    KeyRange range;
    std::size_t begun = 0;  // the equal part with which the range begins
    for (std::size_t index = 0; index < bounds.size(); ++index) {
        if (range.from == bounds[index]) continue;
        range.to = bounds[index];
        cut.ranges.push_back(range);
        cut.largest = std::max(cut.largest, index + 1 - begun);
        range = {bounds[index], std::nullopt};
        begun = index + 1;
    }
    cut.ranges.push_back(range);
    cut.largest = std::max(cut.largest, bounds.size() + 1 - begun);
    return cut;
}

}  // namespace walpack
