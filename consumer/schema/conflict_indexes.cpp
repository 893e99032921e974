#include "schema/conflict_indexes.h"

#include "base/text.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

// One row for each column of each index. An index that is attached to one of a table above is that
// one's part. Equality is strategy 3 of a B-tree's operator class; an exclusion constraint names
// its operators. indnullsnotdistinct came with version 15, hence to_jsonb().
constexpr const char* kReadIndexes = R"(
WITH RECURSIVE member(relation) AS (
    SELECT $1::pg_catalog.oid
    UNION
    SELECT h.inhrelid
    FROM member m
    JOIN pg_catalog.pg_class p ON p.oid = m.relation AND p.relkind = 'p'
    JOIN pg_catalog.pg_inherits h ON h.inhparent = m.relation
)
SELECT i.indexrelid, ic.relname, r.oid, rn.nspname, r.relname,
    pg_catalog.pg_get_expr(i.indpred, i.indrelid),
    CASE WHEN r.oid <> $1::pg_catalog.oid
        THEN pg_catalog.pg_get_partition_constraintdef(r.oid) END,
    i.indimmediate,
    COALESCE(pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct' = 'true', false),
    pg_catalog.pg_get_indexdef(i.indexrelid, k.position::pg_catalog.int4, false),
    onsp.nspname, o.oprname, cn.nspname, c.collname
FROM member m
JOIN pg_catalog.pg_index i ON i.indrelid = m.relation
JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_class r ON r.oid = i.indrelid
JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
LEFT JOIN pg_catalog.pg_constraint e
    ON e.conindid = i.indexrelid AND e.conrelid = i.indrelid AND e.conexclop IS NOT NULL
CROSS JOIN LATERAL pg_catalog.generate_series(1, i.indnkeyatts) k(position)
JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[k.position - 1]
LEFT JOIN pg_catalog.pg_amop a ON a.amopfamily = oc.opcfamily AND a.amopstrategy = 3
    AND a.amoplefttype = oc.opcintype AND a.amoprighttype = oc.opcintype
JOIN pg_catalog.pg_operator o ON o.oid = COALESCE(e.conexclop[k.position], a.amopopr)
JOIN pg_catalog.pg_namespace onsp ON onsp.oid = o.oprnamespace
LEFT JOIN pg_catalog.pg_collation c ON c.oid = i.indcollation[k.position - 1]
LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = c.collnamespace
WHERE (i.indisunique OR i.indisexclusion) AND i.indisready AND i.indislive
    AND (m.relation = $1::pg_catalog.oid OR NOT EXISTS (
        SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid))
ORDER BY i.indisprimary DESC, i.indexrelid, k.position)";

constexpr const char* kReadExpressions = R"(
SELECT a.attname, a.attgenerated <> '', pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped)";

ConflictIndex index_at(const Result& result, int row) {
    ConflictIndex index;
    index.name = text_at(result, row, 1);
    index.relation_oid = oid_at(result, row, 2);
    index.relation_schema = text_at(result, row, 3);
    index.relation_name = text_at(result, row, 4);
    index.predicate = text_at(result, row, 5);
    index.partition_condition = text_at(result, row, 6);
    index.is_immediate = bool_at(result, row, 7);
    index.has_equal_nulls = bool_at(result, row, 8);
    return index;
}

ConflictIndex::Key key_at(const Result& result, int row) {
    ConflictIndex::Key key;
    key.expression = text_at(result, row, 9);
    key.comparison = "OPERATOR(" + quote_identifier(text_at(result, row, 10)) + '.' +
                     text_at(result, row, 11) + ')';
    if (!result.is_null(row, 13)) {
        key.collation = " COLLATE " + quote_identifier(text_at(result, row, 12)) + '.' +
                        quote_identifier(text_at(result, row, 13));
    }
    return key;
}

}  // namespace

TableRules read_table_rules(Connection& target, std::uint32_t table_oid) {
    const std::string oid = std::to_string(table_oid);
    TableRules rules;
    const Result indexes = target.execute(kReadIndexes, {oid});
    std::uint32_t last = 0;
    for (int row = 0; row < indexes.rows(); ++row) {
        const std::uint32_t index = oid_at(indexes, row, 0);
        if (index != last) rules.indexes.push_back(index_at(indexes, row));
        rules.indexes.back().keys.push_back(key_at(indexes, row));
        last = index;
    }
    const Result expressions = target.execute(kReadExpressions, {oid});
    for (int row = 0; row < expressions.rows(); ++row) {
        auto& list = bool_at(expressions, row, 1) ? rules.generated : rules.defaults;
        list[text_at(expressions, row, 0)] = text_at(expressions, row, 2);
    }
    return rules;
}

}  // namespace walpack
