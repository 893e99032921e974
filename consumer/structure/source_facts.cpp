#include "structure/source_facts.h"

#include "base/text.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

// A sequence is a table's when a column owns it, as those of identity columns are.
constexpr const char* kReadOwned = R"(
SELECT c.tableoid, c.oid, c.conrelid, c.confrelid, c.contype IN ('p', 'u'), c.conname
FROM pg_catalog.pg_constraint c
WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND c.conrelid <> 0
UNION ALL
SELECT c.tableoid, c.oid, i.indrelid, 0, i.indisunique, c.relname
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indexrelid = ANY ($1::pg_catalog.oid[])
UNION ALL
SELECT t.tableoid, t.oid, t.tgrelid, 0, false, t.tgname
FROM pg_catalog.pg_trigger t WHERE t.oid = ANY ($1::pg_catalog.oid[])
UNION ALL
SELECT r.tableoid, r.oid, r.ev_class, 0, false, r.rulename
FROM pg_catalog.pg_rewrite r WHERE r.oid = ANY ($1::pg_catalog.oid[])
UNION ALL
SELECT p.tableoid, p.oid, p.polrelid, 0, false, p.polname
FROM pg_catalog.pg_policy p WHERE p.oid = ANY ($1::pg_catalog.oid[])
UNION ALL
SELECT s.tableoid, s.oid, s.stxrelid, 0, false, s.stxname
FROM pg_catalog.pg_statistic_ext s WHERE s.oid = ANY ($1::pg_catalog.oid[])
UNION ALL
SELECT d.tableoid, d.oid, d.adrelid, 0, false, ''
FROM pg_catalog.pg_attrdef d WHERE d.oid = ANY ($1::pg_catalog.oid[])
UNION ALL
SELECT c.tableoid, c.oid, d.refobjid, 0, false, c.relname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_depend d ON d.classid = c.tableoid AND d.objid = c.oid
    AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND c.relkind = 'S')";

constexpr const char* kReadTables = R"(
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence = 'p'
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND c.relkind IN ('r', 'p', 'f', 'v', 'm'))";

constexpr const char* kReadExtensionTables = R"(
SELECT d.objid, d.refobjid FROM pg_catalog.pg_depend d
WHERE d.deptype = 'e' AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass)";

constexpr const char* kReadNeededExtensions = R"(
SELECT p.tableoid, p.oid, d.refobjid
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname IN ('sql', 'plpgsql')
JOIN pg_catalog.pg_depend d ON d.deptype = 'e'
    AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
JOIN pg_catalog.pg_proc m ON m.oid = d.objid AND m.proname ~ '^[a-z_][a-z0-9_]*$'
WHERE p.oid = ANY ($1::pg_catalog.oid[]) AND pg_catalog.strpos(p.prosrc, m.proname) > 0
    AND p.prosrc ~ ('\m' || m.proname::pg_catalog.text || '\s*\(')
UNION
SELECT c.tableoid, c.oid, e.refobjid
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_depend d ON d.classid = c.tableoid AND d.objid = c.oid
    OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.conindid
JOIN pg_catalog.pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid
    AND e.deptype = 'e' AND e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
WHERE c.oid = ANY ($1::pg_catalog.oid[]))";

constexpr const char* kReadUnreadable = R"(
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
             AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))
ORDER BY 1, 2)";

}  // namespace

const OwnedObject* SourceFacts::find_owned(std::uint32_t class_oid,
                                           std::uint32_t object_oid) const {
    const auto found = owned.find({class_oid, object_oid});
    return found == owned.end() ? nullptr : &found->second;
}

const SourceTable* SourceFacts::find_table(std::uint32_t oid) const {
    const auto found = tables.find(oid);
    return found == tables.end() ? nullptr : &found->second;
}

SourceFacts read_source_facts(Connection& source, const std::vector<std::uint32_t>& oids) {
    pin_search_path(source);
    SourceFacts facts;
    const std::string list = array_literal(oids);
    const Result owned = source.execute(kReadOwned, {list});
    for (int row = 0; row < owned.rows(); ++row) {
        facts.owned[{oid_at(owned, row, 0), oid_at(owned, row, 1)}] = {
            oid_at(owned, row, 2), oid_at(owned, row, 3), bool_at(owned, row, 4),
            text_at(owned, row, 5)};
    }
    const Result tables = source.execute(kReadTables, {list});
    for (int row = 0; row < tables.rows(); ++row) {
        facts.tables[oid_at(tables, row, 0)] = {{text_at(tables, row, 1), text_at(tables, row, 2)},
                                                tables.value(row, 3).front(),
                                                bool_at(tables, row, 4)};
    }
    const Result extensions = source.execute(kReadExtensionTables);
    for (int row = 0; row < extensions.rows(); ++row) {
        facts.extensions[oid_at(extensions, row, 0)] = oid_at(extensions, row, 1);
    }
    const Result needed = source.execute(kReadNeededExtensions, {list});
    for (int row = 0; row < needed.rows(); ++row) {
        facts.extensions_needed[{oid_at(needed, row, 0), oid_at(needed, row, 1)}].push_back(
            oid_at(needed, row, 2));
    }
    return facts;
}

std::vector<std::string> read_unreadable_tables(Connection& source) {
    pin_search_path(source);
    std::vector<std::string> names;
    const Result result = source.execute(kReadUnreadable);
    for (int row = 0; row < result.rows(); ++row) {
        names.push_back(quote_identifier(result.value(row, 0)) + "." +
                        quote_identifier(result.value(row, 1)));
    }
    return names;
}

}  // namespace walpack
