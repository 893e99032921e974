#include "copy/chunk_key.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "base/split.h"
#include "base/text.h"
#include "copy/source_rows.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

// A row for each column of the unique indexes, in their order; where it is NOT NULL and in its own
// order: its default operator class and collation. The fourth field: whether that order, of a text,
// is by bytes. Those are the collations that the server itself compares with memcmp();
// datlocprovider came with version 15, the built-in provider with 17. The fifth: whether it is in
// old rows, as those of a partition have the columns of its own replica identity, whatever the
// root's is.
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
                WHEN 'i' THEN x.indisreplident ELSE false END)),
    place, i.indoption[place] & 1 = 0
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts - 1) place
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place]
JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[place] AND o.opcdefault
JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree'
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
CROSS JOIN database d
WHERE i.indrelid = $1::pg_catalog.oid AND i.indisunique AND i.indisvalid AND i.indislive
    AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND a.attnotnull
    AND i.indcollation[place] = a.attcollation
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint n
        WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND a.attnum = ANY (n.conkey)
            AND NOT n.convalidated)
ORDER BY i.indisprimary DESC, i.indisreplident DESC, i.indnkeyatts, c.relname, place)";

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
           has_sort_key(attribute.kind,
                        key.compares_bytes && is_plain_text(attribute.value_type()));
}

// The bytes that sort_key_of_sent() takes, as SQL over a value. Those of a text are the database's
// own, not the session's.
std::string sent_bytes(ValueKind kind, const std::string& value) {
    const auto sent_by = [&value](const char* function) {
        return fmt::format("pg_catalog.{}({})", function, value);
    };
    switch (kind) {
        case ValueKind::int2:
            return sent_by("int2send");
        case ValueKind::int4:
            return sent_by("int4send");
        case ValueKind::int8:
            return sent_by("int8send");
        case ValueKind::oid:
            return sent_by("oidsend");
        case ValueKind::uuid:
            return sent_by("uuid_send");
        case ValueKind::numeric:
            return sent_by("numeric_send");
        case ValueKind::date:
            return sent_by("date_send");
        case ValueKind::timestamp:
            return sent_by("timestamp_send");
        case ValueKind::timestamptz:
            return sent_by("timestamptz_send");
        default:
            WALPACK_CHECK(kind == ValueKind::text);
            return fmt::format(
                "pg_catalog.convert_to({}::pg_catalog.text, pg_catalog.getdatabaseencoding())",
                value);
    }
}

std::string sql_type(const TypeName& type) {
    return quote_identifier(type.schema) + '.' + quote_identifier(type.name);
}

// A key's columns in queries over them as v0, v1, ..
struct KeySql {
    std::string selected;  // from the table
    std::string order;
    std::string fields;  // text and bytes in hex of each
    std::vector<KeyOperand> operands;
};

KeySql key_sql(const PublishedTable& table, const std::vector<std::size_t>& attributes) {
    KeySql sql;
    for (std::size_t i = 0; i < attributes.size(); ++i) {
        const Attribute& attribute = table.relation->attributes.at(attributes[i]);
        const std::string name = quote_identifier(attribute.name);
        const std::string type = sql_type(attribute.value_type());
        const std::string value = fmt::format("v{}", i);
        const char* const comma = i == 0 ? "" : ", ";
        sql.selected += fmt::format("{}{}::{} AS {}", comma, name, type, value);
        sql.order += comma + value;
        sql.fields += fmt::format("{}{}::pg_catalog.text, pg_catalog.encode({}, 'hex')", comma,
                                  value, sent_bytes(attribute.kind, value));
        sql.operands.push_back({name, type});
    }
    return sql;
}

// The values of a bound, each quoted.
std::vector<std::string> quoted_values(const std::string& text, std::size_t columns) {
    if (columns == 1) return {quote_literal(text)};
    std::vector<std::string> values = split(text, ',');
    WALPACK_CHECK(values.size() == columns);
    for (std::string& value : values) value = quote_literal(value);
    return values;
}

std::string row_of(const std::vector<std::string>& expressions) {
    return expressions.size() == 1 ? expressions.front()
                                   : fmt::format("({})", fmt::join(expressions, ", "));
}

// What an index says of one of its columns.
struct IndexColumn {
    std::string index;
    std::size_t place = 0;  // within the index
    std::optional<std::size_t> attribute;
    bool may_cut = false;
    bool is_ascending = false;
};

IndexColumn index_column_at(const Result& result, int row, const PublishedTable& table) {
    const auto& attributes = table.relation->attributes;
    IndexColumn column;
    column.index = bool_at(result, row, 1) ? "its primary key"
                                           : fmt::format("index \"{}\"", result.value(row, 2));
    column.place = count_at(result, row, 5);
    column.is_ascending = bool_at(result, row, 6);
    const auto found = std::ranges::find(attributes, result.value(row, 0), &Attribute::name);
    if (found == attributes.end()) return column;
    column.attribute = static_cast<std::size_t>(found - attributes.begin());
    column.may_cut = may_cut(table, {*found, bool_at(result, row, 3), bool_at(result, row, 4)});
    return column;
}

void add(std::vector<ChunkKey>& keys, ChunkKey key) {
    if (std::ranges::find(keys, key.attributes, &ChunkKey::attributes) == keys.end())
        keys.push_back(std::move(key));
}

}  // namespace

std::vector<ChunkKey> read_chunk_keys(Connection& source, const PublishedTable& table) {
    const Result result = source.execute(kReadKeys, {std::to_string(table.relation->oid)});
    std::vector<ChunkKey> keys;
    std::vector<ChunkKey> of_several;
    ChunkKey prefix;  // of the index at hand
    bool is_open = false;
    const auto end_prefix = [&] {
        if (prefix.attributes.size() > 1) of_several.push_back(std::move(prefix));
        prefix = {};
    };
    for (int row = 0; row < result.rows(); ++row) {
        const IndexColumn column = index_column_at(result, row, table);
        if (column.index != prefix.index) {
            end_prefix();
            prefix.index = column.index;
            is_open = true;
        }
        if (column.place == 0 && column.may_cut) add(keys, {{*column.attribute}, column.index});
        // A comparison of rows uses an index only where all columns have one direction.
        is_open = is_open && column.place == prefix.attributes.size() && column.may_cut &&
                  column.is_ascending &&
                  has_sort_key_with_end(table.relation->attributes[*column.attribute].kind);
        if (is_open) prefix.attributes.push_back(*column.attribute);
    }
    end_prefix();
    for (ChunkKey& key : of_several) add(keys, std::move(key));
    return keys;
}

std::string range_condition(const std::vector<KeyOperand>& key, const KeyRange& range,
                            const char* from_operator) {
    std::vector<std::string> left;
    for (const KeyOperand& operand : key) left.push_back(operand.expression);
    std::string condition;
    const auto compare = [&](const char* comparator, const KeyBound& bound) {
        std::vector<std::string> right = quoted_values(bound.text, key.size());
        for (std::size_t i = 0; i < key.size(); ++i) right[i] += "::" + key[i].type;
        condition += fmt::format("{}{} {} {}", condition.empty() ? "" : " AND ", row_of(left),
                                 comparator, row_of(right));
    };
    if (range.from) compare(from_operator, *range.from);
    if (range.to) compare("<", *range.to);
    return condition;
}

// A row of the sample is the bound of each part that ends at its place among them.
std::string bounds_sql(const PublishedTable& table, const ChunkKey& key, std::size_t chunks,
                       double percent) {
    const KeySql sql = key_sql(table, key.attributes);
    const std::string sample =
        percent < 100 ? fmt::format(" TABLESAMPLE SYSTEM ({:f})", percent) : "";
    return fmt::format(
        "SELECT {0} FROM (SELECT *, pg_catalog.row_number() OVER (ORDER BY {1}) AS place, "
        "pg_catalog.count(*) OVER () AS total FROM (SELECT {2} FROM {3}{4}) sampled) placed "
        "CROSS JOIN LATERAL pg_catalog.generate_series((place - 1) * {5} / total + 1, "
        "LEAST(place * {5} / total, {5} - 1)) part ORDER BY part",
        sql.fields, sql.order, sql.selected, rows_of(table), sample, chunks);
}

std::string middle_sql(const PublishedTable& table, const std::vector<std::size_t>& attributes,
                       const KeyRange& range) {
    const KeySql sql = key_sql(table, attributes);
    return fmt::format(
        "SELECT {} FROM (SELECT *, pg_catalog.row_number() OVER (ORDER BY {}) AS place, "
        "pg_catalog.count(*) OVER () AS total FROM ({}) keys) placed "
        "WHERE place = (total + 1) / 2",
        sql.fields, sql.order,
        select_sql(table, sql.selected, range_condition(sql.operands, range, ">")));
}

KeyBound bound_at(const Result& result, int row, const PublishedTable& table,
                  const std::vector<std::size_t>& attributes) {
    KeyBound bound;
    for (std::size_t i = 0; i < attributes.size(); ++i) {
        const int field = static_cast<int>(2 * i);
        if (i > 0) bound.text += ',';
        bound.text += result.value(row, field);
        bound.sort_key += sort_key_of_sent(table.relation->attributes[attributes[i]].kind,
                                           from_hex(result.value(row, field + 1)));
    }
    return bound;
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
