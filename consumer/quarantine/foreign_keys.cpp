#include "quarantine/foreign_keys.h"

#include <set>
#include <string>

#include <fmt/format.h>

#include "quarantine/held_row.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

// Rows of a partition come as its own, or as those of a table above it, so each end is all of them:
// a flat list of schemas and names. Constraints that partitions inherit are in that already.
// pg_partition_tree() would lock the partitions.
constexpr const char* kReadForeignKeys = R"(
SELECT child.names, parent.names,
    (SELECT pg_catalog.json_agg(a.attname ORDER BY b.attname COLLATE "C")
     FROM ROWS FROM (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey))
         u(child, parent)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = u.child
     JOIN pg_catalog.pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = u.parent),
    (SELECT pg_catalog.json_agg(b.attname ORDER BY b.attname COLLATE "C")
     FROM pg_catalog.unnest(f.confkey) u(parent)
     JOIN pg_catalog.pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = u.parent),
    (SELECT pg_catalog.bool_and(o.oprleft = o.oprright
            OR o.oprleft IN (20, 21, 23) AND o.oprright IN (20, 21, 23))
     FROM pg_catalog.unnest(f.conpfeqop) u(operator)
     JOIN pg_catalog.pg_operator o ON o.oid = u.operator),
    fires.at_all AND f.confdeltype IN ('c', 'n', 'd'),
    fires.at_all AND f.confupdtype IN ('c', 'n', 'd')
FROM pg_catalog.pg_constraint f
CROSS JOIN LATERAL ({0}) child
CROSS JOIN LATERAL ({1}) parent
CROSS JOIN (SELECT pg_catalog.current_setting('session_replication_role') <> 'replica')
    fires(at_all)
WHERE f.contype = 'f' AND f.conparentid = 0
ORDER BY f.oid)";

// {0}: the relation's oid.
constexpr const char* kReadNames = R"(
    SELECT pg_catalog.json_agg(v.name ORDER BY c.oid, v.place) AS names
    FROM (
        SELECT a.relid FROM pg_catalog.pg_partition_ancestors({0}) a
        UNION
        (WITH RECURSIVE member(relation) AS (
            SELECT {0}
            UNION ALL
            SELECT h.inhrelid
            FROM member m
            JOIN pg_catalog.pg_class p ON p.oid = m.relation AND p.relkind = 'p'
            JOIN pg_catalog.pg_inherits h ON h.inhparent = m.relation)
        SELECT relation FROM member)
    ) t
    JOIN pg_catalog.pg_class c ON c.oid = t.relid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (VALUES (1, n.nspname), (2, c.relname)) v(place, name))";

// Out of schemas and names in turns.
std::set<TableName> tables_at(const Result& result, int row, int column) {
    const std::vector<std::string> names = parse_held_names(result.value(row, column));
    std::set<TableName> tables;
    for (std::size_t i = 0; i + 1 < names.size(); i += 2) tables.insert({names[i], names[i + 1]});
    return tables;
}

}  // namespace

std::vector<ForeignKey> read_foreign_keys(Connection& target) {
    const auto names_of = [](const char* oid) {
        return fmt::format(fmt::runtime(kReadNames), oid);
    };
    const Result result = target.execute(fmt::format(
        fmt::runtime(kReadForeignKeys), names_of("f.conrelid"), names_of("f.confrelid")));
    std::vector<ForeignKey> keys;
    for (int row = 0; row < result.rows(); ++row) {
        ForeignKey& key = keys.emplace_back();
        key.children = tables_at(result, row, 0);
        key.parents = tables_at(result, row, 1);
        key.child_columns = parse_held_names(result.value(row, 2));
        key.parent_columns = parse_held_names(result.value(row, 3));
        key.has_like_types = bool_at(result, row, 4);
        key.acts_on_delete = bool_at(result, row, 5);
        key.acts_on_update = bool_at(result, row, 6);
    }
    return keys;
}

}  // namespace walpack
