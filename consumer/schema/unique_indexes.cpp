#include "schema/unique_indexes.h"

#include <set>

#include "schema/catalog_query.h"

namespace walpack {
namespace {

// One row for each column of each index, the likeliest key first. An index that is ready refuses
// rows even where it is not valid. indnullsnotdistinct came with version 15, hence to_jsonb().
//
// A type's own equality is that of its default operator class. That a class is the default of some
// type does not tell: a citext column takes text_ops as well. As in the server, a class for the
// very type comes first; then one for the preferred type of those that share its representation, as
// text is varchar's, or for a pseudo-type such as anyarray.
constexpr const char* kReadUniqueIndexes = R"(
WITH RECURSIVE member(root, relation) AS (
    SELECT r.oid, r.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) r(oid)
    UNION
    SELECT m.root, h.inhrelid
    FROM member m
    JOIN pg_catalog.pg_class p ON p.oid = m.relation AND p.relkind = 'p'
    JOIN pg_catalog.pg_inherits h ON h.inhparent = m.relation
), type_below(declared, oid, next) AS (
    SELECT t.oid, t.oid, t.typbasetype
    FROM pg_catalog.pg_type t
    WHERE t.oid IN (SELECT a.atttypid FROM pg_catalog.pg_attribute a
                    WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0)
    UNION ALL
    SELECT b.declared, t.oid, t.typbasetype
    FROM type_below b JOIN pg_catalog.pg_type t ON t.oid = b.next
), index_column AS (
    SELECT m.root, i.indexrelid, i.indisprimary, i.indnkeyatts, u.position, a.attname,
        COALESCE(a.attnotnull, false) AS is_not_null,
        m.relation = m.root AND i.indisunique AND i.indimmediate AND i.indisvalid
            AND NOT i.indisexclusion AND i.indpred IS NULL AND i.indexprs IS NULL AS is_simple,
        COALESCE(pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct' = 'true', false)
            AS has_equal_nulls,
        a.attcollation = i.indcollation[u.position - 1] AND EXISTS (
            SELECT FROM pg_catalog.pg_opclass c
            JOIN pg_catalog.pg_type input ON input.oid = c.opcintype
            JOIN type_below b ON b.declared = a.atttypid AND b.next = 0
            WHERE c.oid = i.indclass[u.position - 1] AND c.opcdefault
                AND (c.opcintype = b.oid
                     OR (input.typispreferred OR input.typtype = 'p') AND NOT EXISTS (
                         SELECT FROM pg_catalog.pg_opclass own
                         WHERE own.opcmethod = c.opcmethod AND own.opcdefault
                             AND own.opcintype = b.oid))) AS has_own_equality
    FROM member m
    JOIN pg_catalog.pg_index i ON i.indrelid = m.relation
    CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[])
        WITH ORDINALITY u(number, position)
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number
    WHERE u.position <= i.indnkeyatts
        AND (i.indisunique OR i.indisexclusion) AND i.indisready AND i.indislive
        AND (m.relation = m.root OR NOT EXISTS (
            SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid))
)
SELECT root, indexrelid, attname,
    pg_catalog.bool_and(is_simple AND has_own_equality AND (is_not_null OR NOT has_equal_nulls))
        OVER whole,
    pg_catalog.bool_and(is_not_null) OVER whole
FROM index_column
WINDOW whole AS (PARTITION BY root, indexrelid)
ORDER BY root, indisprimary DESC, indnkeyatts, indexrelid, position)";

}  // namespace

std::map<std::uint32_t, std::vector<UniqueIndex>> read_unique_indexes(Connection& target,
                                                                      const std::string& oids) {
    const Result result = target.execute(kReadUniqueIndexes, {oids});
    std::map<std::uint32_t, std::vector<UniqueIndex>> found;
    std::set<std::uint32_t> with_key;
    std::uint32_t last_root = 0;
    std::uint32_t last_index = 0;
    for (int row = 0; row < result.rows(); ++row) {
        const std::uint32_t root = oid_at(result, row, 0);
        const std::uint32_t index = oid_at(result, row, 1);
        std::vector<UniqueIndex>& indexes = found[root];
        if (root != last_root || index != last_index) {
            UniqueIndex& made = indexes.emplace_back();
            made.is_plain = bool_at(result, row, 3);
            const bool may_be_key = made.is_plain && bool_at(result, row, 4);
            made.is_key = may_be_key && with_key.insert(root).second;
        }
        if (!result.is_null(row, 2)) indexes.back().columns.emplace_back(result.value(row, 2));
        last_root = root;
        last_index = index;
    }
    return found;
}

}  // namespace walpack
