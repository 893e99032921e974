#include "cli/table_checks.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/structure_checks.h"
#include "schema/catalog_query.h"
#include "schema/inner_types.h"
#include "schema/target_table.h"

namespace walpack {
namespace {

// Above this many tables the command for pg_dump names none of them.
constexpr std::size_t kNamedTablesMax = 20;

std::string shell_quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

struct TargetTables {
    std::vector<TableName> missing;
    std::vector<TargetTable> present;
    // Of columns that are written, below all domains, at either end.
    std::set<std::uint32_t> types_sent;
    std::set<std::uint32_t> types_written;

    void add_types(const RelationMapping& mapping) {
        for (const ColumnMapping& column : mapping.columns) {
            if (!column.is_written()) continue;
            types_sent.insert(mapping.relation->attributes[column.attribute].value_type().oid);
            types_written.insert(column.column->base_type_oid);
        }
    }
};

TargetTables read_tables(Connection& target, const std::vector<PublishedTable>& published,
                         Findings& findings) {
    TargetTables tables;
    std::string misfits;
    for (const PublishedTable& each : published) {
        const Relation& relation = *each.relation;
        std::optional<TargetTable> table =
            read_target_table(target, relation.schema, relation.name);
        if (!table) {
            tables.missing.push_back(each.name());
            continue;
        }
        const auto shared = std::make_shared<const TargetTable>(*table);
        const RelationMapping mapping = map_relation(each.relation, shared);
        for (const std::string& problem : mapping.problems) {
            misfits += fmt::format("\n{}: {}", relation.qualified_name(), problem);
        }
        tables.add_types(mapping);
        tables.present.push_back(std::move(*table));
    }
    if (!misfits.empty()) {
        findings.problem(End::target, "columns do not fit" + misfits,
                         "ALTER TABLE on the target, or leave the tables out of the publication.");
    }
    return tables;
}

void check_inner_types(Connection& source, Connection& target, const TargetTables& tables,
                       Findings& findings) {
    std::string changed;
    for (const std::string& problem :
         inner_type_problems(source, tables.types_sent, target, tables.types_written))
        changed += "\n" + problem;
    if (changed.empty()) return;
    findings.problem(End::target, "types inside of columns do not fit" + changed,
                     "ALTER TYPE or ALTER DOMAIN on the target, so that it takes every value.");
}

struct Ends {
    std::string source;  // descriptions
    std::string target;
};

// Who makes a table that is missing.
enum class MadeBy { init, you, you_for_run, you_for_recopy };

constexpr const char* kForRun =
    " missing; \"walpack run\" copies a table that was added by itself, within a minute after it "
    "is on the target, and goes on with the others until then:";
constexpr const char* kForRecopy =
    " missing that were there before: their rows would not come again by themselves, so init does "
    "not make them. Leave them out of the publication, or make them and copy them with \"walpack "
    "recopy\":";

MadeBy made_by(const Config& config, const Preflight& preflight, const TableName& table) {
    if (!config.copy || !preflight.known) return MadeBy::you;
    return is_known(preflight, table) ? MadeBy::you_for_recopy : MadeBy::you_for_run;
}

void report_missing(const std::vector<TableName>& missing, const Ends& ends, MadeBy made_by,
                    Findings& findings) {
    if (missing.empty()) return;
    std::string names;
    std::string options;
    for (const TableName& table : missing) {
        const std::string name =
            quote_identifier(table.schema) + "." + quote_identifier(table.table);
        names += "\n" + name;
        if (missing.size() <= kNamedTablesMax) options += " --table=" + shell_quoted(name);
    }
    const std::string count = counted(missing.size(), "published table");
    if (made_by == MadeBy::init) {
        findings.note(End::target, count + " missing, which init makes:" + names);
        return;
    }
    const char* for_what = made_by == MadeBy::you_for_run      ? kForRun
                           : made_by == MadeBy::you_for_recopy ? kForRecopy
                                                               : " missing:";
    findings.problem(End::target, count + for_what + names,
                     fmt::format("pg_dump --schema-only --no-publications{} {} | psql {}", options,
                                 shell_quoted(ends.source), shell_quoted(ends.target)));
}

void report_all_missing(const std::vector<TableName>& missing, const Ends& ends,
                        const Config& config, Preflight& preflight) {
    const std::vector<TableName> to_make = tables_to_make(config, preflight, missing);
    const std::set<TableName> by_init(to_make.begin(), to_make.end());
    std::map<MadeBy, std::vector<TableName>> by;
    for (const TableName& table : missing) {
        by[by_init.contains(table) ? MadeBy::init : made_by(config, preflight, table)].push_back(
            table);
    }
    for (const auto& [who, tables] : by) report_missing(tables, ends, who, preflight.findings);
}

// For each table: which of the five privileges are missing, whether row-level security applies.
constexpr const char* kRights = R"(
SELECT n.nspname, c.relname, pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
    pg_catalog.concat_ws(', ',
        CASE WHEN NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN 'SELECT' END,
        CASE WHEN NOT pg_catalog.has_table_privilege(c.oid, 'INSERT') THEN 'INSERT' END,
        CASE WHEN NOT pg_catalog.has_table_privilege(c.oid, 'UPDATE') THEN 'UPDATE' END,
        CASE WHEN NOT pg_catalog.has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' END,
        CASE WHEN NOT pg_catalog.has_table_privilege(c.oid, 'TRUNCATE') THEN 'TRUNCATE' END),
    pg_catalog.row_security_active(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::pg_catalog.oid[]) ORDER BY 1, 2)";

void check_rights(Connection& target, const std::vector<TargetTable>& tables, Findings& findings) {
    std::vector<std::uint32_t> oids;
    for (const TargetTable& table : tables) oids.push_back(table.oid);
    const Result result = target.execute(kRights, {array_literal(oids)});
    const std::string role =
        quote_identifier(target.query_value("SELECT current_user").value_or(""));
    std::map<std::string, std::string> grants;  // what to grant -> on what
    std::string secured;
    for (int row = 0; row < result.rows(); ++row) {
        const std::string schema = quote_identifier(result.value(row, 0));
        const std::string table = schema + "." + quote_identifier(result.value(row, 1));
        if (result.value(row, 2) != "t") grants["USAGE ON SCHEMA " + schema] = "";
        const std::string rights(result.value(row, 3));
        if (!rights.empty()) {
            std::string& on = grants[rights + " ON "];
            on += (on.empty() ? "" : ", ") + table;
        }
        if (result.value(row, 4) == "t") secured += "\n" + table;
    }
    std::string fix;
    for (const auto& [what, on] : grants) {
        fix += fmt::format("{}GRANT {}{} TO {};", fix.empty() ? "" : "\n", what, on, role);
    }
    if (!fix.empty()) {
        findings.problem(End::target, "the role may not write all published tables", fix);
    }
    if (secured.empty()) return;
    findings.problem(End::target, "row-level security applies to published tables" + secured,
                     fmt::format("ALTER ROLE {} BYPASSRLS;", role));
}

// A partition's rows are its parent's too, so a partition that holds rows is named, not its parent.
void check_empty(Connection& target, const std::vector<TargetTable>& tables, const Config& config,
                 Findings& findings) {
    std::string filled;
    std::string names;
    for (const TargetTable& table : tables) {
        const bool may_read = target.query_value(
                                  "SELECT pg_catalog.has_table_privilege($1::pg_catalog.oid, "
                                  "'SELECT')",
                                  {std::to_string(table.oid)}) == "t";
        if (!may_read) continue;  // is a finding already
        const auto has_row = target.query_value("SELECT 1 FROM " + table.sql_name() + " LIMIT 1");
        if (!has_row) continue;
        filled += "\n" + table.sql_name();
        names += (names.empty() ? "" : ", ") + table.sql_name();
    }
    if (filled.empty()) return;
    if (config.empties_tables()) {
        findings.warning(End::target,
                         "tables are not empty, and are emptied before the copy" + filled,
                         "with copy_non_empty_tables = \"refuse\" they would be left alone");
        return;
    }
    findings.problem(End::target, "tables to be copied into are not empty" + filled,
                     fmt::format("TRUNCATE {};  -- or set copy_non_empty_tables = \"empty\"; or "
                                 "copy = false when the target holds the source's rows already",
                                 names));
}

}  // namespace

void check_target_tables(Connection& source, Connection& target, const Config& config,
                         Preflight& preflight) {
    if (preflight.tables.empty()) return;
    Findings& findings = preflight.findings;
    const std::size_t problems = findings.problem_count();
    const TargetTables tables = read_tables(target, preflight.tables, findings);
    check_inner_types(source, target, tables, findings);
    report_all_missing(tables.missing, {source.description(), target.description()}, config,
                       preflight);
    check_rights(target, tables.present, findings);
    if (preflight.copy_is_to_begin(config)) check_empty(target, tables.present, config, findings);
    if (findings.problem_count() > problems) return;
    findings.ok(End::target,
                counted(tables.present.size(), "published table") + " found, fitting and writable");
}

}  // namespace walpack
