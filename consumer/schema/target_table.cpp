#include "schema/target_table.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "schema/catalog_query.h"
#include "schema/type_catalog.h"
#include "schema/unique_indexes.h"

namespace walpack {
namespace {

// Triggers and foreign keys of partitions count as well: rows of a partitioned table fire them.
// pg_partition_tree() would lock the partitions, and so wait for a TRUNCATE in a
// transaction of ours that is open. Without OFFSET 0 the tree would be planned once for each place
// that names it, three times the work. No index leads from a table to the keys that refer to it: as
// NOT .. NOT IN all of them are hashed once, not read for each table.
constexpr const char* kReadTables = R"(
SELECT n.nspname, c.relname, c.oid, c.relkind,
    EXISTS (SELECT FROM pg_catalog.pg_trigger t
            WHERE t.tgrelid = ANY (tree.oids) AND t.tgenabled IN ('A', 'R'))
    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r
               WHERE r.ev_class = c.oid AND r.ev_enabled IN ('A', 'R')),
    tree.oids,
    EXISTS (SELECT FROM pg_catalog.pg_constraint f
            WHERE f.contype = 'f' AND f.conrelid = ANY (tree.oids)),
    EXISTS (SELECT FROM pg_catalog.unnest(tree.oids) o(oid)
            WHERE NOT o.oid NOT IN (SELECT f.confrelid FROM pg_catalog.pg_constraint f
                                    WHERE f.contype = 'f')),
    ARRAY (SELECT f.confrelid FROM pg_catalog.pg_constraint f
           WHERE f.conrelid = ANY (tree.oids) AND f.contype = 'f' AND f.confdeltype = 'c'
           ORDER BY f.oid),
    ARRAY (SELECT f.confrelid FROM pg_catalog.pg_constraint f
           WHERE f.conrelid = ANY (tree.oids) AND f.contype = 'f'
               AND f.confupdtype IN ('c', 'n', 'd') ORDER BY f.oid),
    ARRAY (SELECT f.confrelid FROM pg_catalog.pg_constraint f
           WHERE f.conrelid = ANY (tree.oids) AND f.contype = 'f'
               AND f.confdeltype IN ('n', 'd') ORDER BY f.oid),
    EXISTS (SELECT FROM pg_catalog.pg_constraint f
            WHERE f.contype = 'f' AND f.conrelid = ANY (tree.oids)
                AND f.confrelid = ANY (tree.oids))
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.name[]),
                pg_catalog.unnest($2::pg_catalog.name[])) wanted(schema, name)
JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
CROSS JOIN LATERAL (
    SELECT ARRAY (WITH RECURSIVE member(relation) AS (
            SELECT c.oid
            UNION ALL
            SELECT h.inhrelid
            FROM member m
            JOIN pg_catalog.pg_class p ON p.oid = m.relation AND p.relkind = 'p'
            JOIN pg_catalog.pg_inherits h ON h.inhparent = m.relation)
        SELECT relation FROM member) AS oids OFFSET 0
) tree
WHERE c.relkind IN ('r', 'p'))";

// Which of these relations have a trigger or rule that fires in an ordinary session, and whether it
// is a rule: those of a partition hold only for statements that name it. A trigger that a
// constraint other than a constraint trigger is made of is not meant; tgisinternal would not tell,
// since it is set for a partition's copy of its parent's trigger before version 15.
constexpr const char* kReadFiring = R"(
SELECT t.tgrelid, false
FROM pg_catalog.pg_trigger t
WHERE t.tgrelid = ANY ($1::pg_catalog.oid[]) AND t.tgenabled IN ('O', 'A')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
                    WHERE k.oid = t.tgconstraint AND k.contype <> 't')
UNION
SELECT r.ev_class, true
FROM pg_catalog.pg_rewrite r
WHERE r.ev_class = ANY ($1::pg_catalog.oid[]) AND r.ev_enabled IN ('O', 'A')
    AND r.rulename <> '_RETURN')";

// Whose changes change which other tables by foreign keys, and partitions with the table above
// them: no constraint leads from a partition to one of another table.
constexpr const char* kReadActions = R"(
SELECT f.confrelid, f.conrelid
FROM pg_catalog.pg_constraint f
WHERE f.contype = 'f' AND (f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))
UNION
SELECT h.inhparent, h.inhrelid
FROM pg_catalog.pg_inherits h
JOIN pg_catalog.pg_class c ON c.oid = h.inhparent AND c.relkind = 'p')";

// Last: whether a parameter of the declared type can be compared with the column. It brings the
// type's collation, which must not contradict the column's.
constexpr const char* kReadColumns = R"(
SELECT a.attrelid, a.attname, a.attnum, a.atttypid, a.atttypmod,
    pg_catalog.format_type(a.atttypid, a.atttypmod), a.attidentity = 'a', a.attgenerated <> '',
    a.attnotnull, a.atthasdef OR a.attidentity <> '', COALESCE(l.collisdeterministic, true),
    t.typcollation IN (a.attcollation, 'pg_catalog."default"'::pg_catalog.regcollation)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum)";

using TablesByOid = std::map<std::uint32_t, TargetTable>;
using Oids = std::set<std::uint32_t>;

// Those whose values are told apart byte by byte under a deterministic collation. bpchar is not
// among them: trailing blanks do not count.
bool is_exact_string(const TargetColumn& column) {
    return column.type_schema == "pg_catalog" &&
           (column.type_name == "text" || column.type_name == "varchar" ||
            column.type_name == "name");
}

// An operator class of the type's own, which an enumeration may be given, can mean anything.
bool has_exact_equality(const TargetColumn& column, bool is_deterministic) {
    if (!column.equality_schema.empty()) return false;
    return has_exact_equality(column.kind) || (is_exact_string(column) && is_deterministic);
}

// Types of their own class and those that share one: varchar has text's; enumerations, ranges and
// arrays have a class for all. Composites are left out, as fields are seldom what an index is of.
bool has_equality(const TypeCatalog& types, std::uint32_t oid) {
    const CatalogType& base = types.base_of(oid);
    if (!base.equality_schema.empty() || base.type_type == 'r' || base.type_type == 'm')
        return true;
    if (base.type_type == 'e') return true;
    if (base.element_oid != 0) return has_equality(types, base.element_oid);
    return base.name.schema == "pg_catalog" && base.name.name == "varchar";
}

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
    column.array_oid = declared.array_oid;
    // Until here it tells of the collation alone.
    column.has_equality = column.has_equality && has_equality(types, column.type_oid);
    // Until here it tells of the collation alone.
    column.has_exact_equality = has_exact_equality(column, column.has_exact_equality);
}

// What is reached from these relations, themselves among it.
Oids closure_of(const Oids& begin, const std::multimap<std::uint32_t, std::uint32_t>& actions) {
    Oids reached = begin;
    std::vector<std::uint32_t> open(begin.begin(), begin.end());
    while (!open.empty()) {
        const auto [first, last] = actions.equal_range(open.back());
        open.pop_back();
        for (auto action = first; action != last; ++action)
            if (reached.insert(action->second).second) open.push_back(action->second);
    }
    return reached;
}

// Of the members of each table's tree, and of what their changes change by foreign keys.
void add_ordinary_triggers(Connection& target, const std::map<std::uint32_t, Oids>& trees,
                           TablesByOid& tables) {
    std::multimap<std::uint32_t, std::uint32_t> actions;
    const bool is_any_referenced =
        std::ranges::any_of(tables, [](const auto& each) { return each.second.is_referenced; });
    if (is_any_referenced) {
        const Result result = target.execute(kReadActions);
        for (int row = 0; row < result.rows(); ++row)
            actions.emplace(oid_at(result, row, 0), oid_at(result, row, 1));
    }
    std::map<std::uint32_t, Oids> reached;
    Oids all;
    for (const auto& [oid, tree] : trees) {
        reached[oid] = closure_of(tree, actions);
        all.insert(reached[oid].begin(), reached[oid].end());
    }
    const std::vector<std::uint32_t> oids(all.begin(), all.end());
    const Result result = target.execute(kReadFiring, {array_literal(oids)});
    Oids with_triggers;
    Oids with_rules;
    for (int row = 0; row < result.rows(); ++row)
        (bool_at(result, row, 1) ? with_rules : with_triggers).insert(oid_at(result, row, 0));
    for (auto& [oid, table] : tables) {
        const Oids& tree = trees.at(oid);
        table.has_ordinary_triggers =
            std::ranges::any_of(reached.at(oid), [&, root = oid](std::uint32_t member) {
                const bool is_partition = member != root && tree.contains(member);
                return with_triggers.contains(member) ||
                       (!is_partition && with_rules.contains(member));
            });
    }
}

TablesByOid read_tables(Connection& target, const std::vector<TableName>& names) {
    std::vector<std::string> schemas;
    std::vector<std::string> tables;
    for (const TableName& name : names) {
        schemas.push_back(name.schema);
        tables.push_back(name.table);
    }
    const Result result =
        target.execute(kReadTables, {array_literal(schemas), array_literal(tables)});
    TablesByOid found;
    std::map<std::uint32_t, Oids> trees;
    for (int row = 0; row < result.rows(); ++row) {
        TargetTable table;
        table.schema = result.value(row, 0);
        table.name = result.value(row, 1);
        table.oid = oid_at(result, row, 2);
        table.relkind = result.value(row, 3).front();
        table.has_always_triggers = bool_at(result, row, 4);
        const std::vector<std::uint32_t> tree = oids_at(result, row, 5);
        trees[table.oid] = {tree.begin(), tree.end()};
        table.is_referencing = bool_at(result, row, 6);
        table.is_referenced = bool_at(result, row, 7);
        table.cascades_from = oids_at(result, row, 8);
        table.changed_by_updates_of = oids_at(result, row, 9);
        table.changed_by_deletes_of = oids_at(result, row, 10);
        table.is_self_referencing = bool_at(result, row, 11);
        table.server_version = target.server_version();
        found[table.oid] = std::move(table);
    }
    if (!found.empty()) add_ordinary_triggers(target, trees, found);
    return found;
}

void add_columns(Connection& target, const std::string& oids, TablesByOid& tables) {
    const Result result = target.execute(kReadColumns, {oids});
    std::set<std::uint32_t> types;
    for (int row = 0; row < result.rows(); ++row) {
        TargetColumn column;
        column.name = result.value(row, 1);
        column.number = static_cast<std::int16_t>(int_at(result, row, 2));
        column.type_oid = oid_at(result, row, 3);
        column.typmod = column.declared_typmod = int_at(result, row, 4);
        column.declared_type = result.value(row, 5);
        column.is_identity_always = bool_at(result, row, 6);
        column.is_generated = bool_at(result, row, 7);
        column.is_not_null = bool_at(result, row, 8);
        column.has_default = bool_at(result, row, 9);
        column.has_exact_equality = bool_at(result, row, 10);
        column.has_equality = bool_at(result, row, 11);
        types.insert(column.type_oid);
        tables.at(oid_at(result, row, 0)).columns.push_back(std::move(column));
    }
    const TypeCatalog catalog = TypeCatalog::read(target, {types.begin(), types.end()});
    for (auto& [oid, table] : tables) {
        for (TargetColumn& column : table.columns) describe_type(column, catalog);
    }
}

void add_indexes(Connection& target, const std::string& oids, TablesByOid& tables) {
    for (auto& [oid, indexes] : read_unique_indexes(target, oids)) {
        TargetTable& table = tables.at(oid);
        for (const UniqueIndex& index : indexes) {
            if (index.is_key) table.key_columns = index.columns;
        }
        table.unique_indexes = std::move(indexes);
    }
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
    std::map<TableName, TargetTable> found = read_target_tables(target, {{schema, name}});
    if (found.empty()) return std::nullopt;
    return std::move(found.begin()->second);
}

std::map<TableName, TargetTable> read_target_tables(Connection& target,
                                                    const std::vector<TableName>& names) {
    TablesByOid tables = read_tables(target, names);
    std::vector<std::uint32_t> oids;
    for (const auto& [oid, table] : tables) oids.push_back(oid);
    const std::string oid_list = array_literal(oids);
    if (!tables.empty()) {
        add_columns(target, oid_list, tables);
        add_indexes(target, oid_list, tables);
    }
    std::map<TableName, TargetTable> by_name;
    for (auto& [oid, table] : tables) {
        TableName name{table.schema, table.name};
        by_name[std::move(name)] = std::move(table);
    }
    return by_name;
}

}  // namespace walpack
