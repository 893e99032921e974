#include "cli/structure_checks.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "schema/catalog_query.h"
#include "structure/client_programs.h"
#include "structure/structure_transfer.h"

namespace walpack {
namespace {

void check_create_right(Connection& target, const std::vector<TableName>& missing,
                        Findings& findings) {
    std::set<std::string> schemas;
    for (const TableName& table : missing) schemas.insert(table.schema);
    const Result result = target.execute(
        "SELECT u.name, pg_catalog.has_schema_privilege(n.oid, 'CREATE'), "
        "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') "
        "FROM pg_catalog.unnest($1::pg_catalog.name[]) u(name) "
        "LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = u.name",
        {array_literal(std::vector<std::string>(schemas.begin(), schemas.end()))});
    const std::string role =
        quote_identifier(target.query_value("SELECT current_user").value_or(""));
    std::string fix;
    for (int row = 0; row < result.rows(); ++row) {
        const std::string schema = quote_identifier(result.value(row, 0));
        const bool exists = !result.is_null(row, 1);
        if (bool_at(result, row, exists ? 1 : 2)) continue;
        fix += fmt::format(fmt::runtime(exists ? "{}GRANT USAGE, CREATE ON SCHEMA {} TO {};"
                                               : "{}CREATE SCHEMA {} AUTHORIZATION {};"),
                           fix.empty() ? "" : "\n", schema, role);
    }
    if (fix.empty()) return;
    findings.problem(End::target, "the role may not make the missing tables", fix);
}

// The tables would be made with it, and nothing could be written there any more.
void check_forced_row_security(Connection& source, Connection& target,
                               const std::vector<TableName>& missing, Preflight& preflight) {
    const auto is_exempt = target.query_value(
        "SELECT rolsuper OR rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user");
    if (is_exempt == "t") return;
    const std::set<TableName> names(missing.begin(), missing.end());
    std::vector<std::uint32_t> oids;
    for (const PublishedTable& table : preflight.tables)
        if (names.contains(table.name())) oids.push_back(table.relation->oid);
    const auto forced = source.query_value(
        "SELECT pg_catalog.string_agg(oid::pg_catalog.regclass::pg_catalog.text, E'\\n' "
        "ORDER BY oid::pg_catalog.regclass::pg_catalog.text) FROM pg_catalog.pg_class "
        "WHERE oid = ANY ($1::pg_catalog.oid[]) AND relrowsecurity AND relforcerowsecurity",
        {array_literal(oids)});
    if (!forced) return;
    preflight.findings.problem(
        End::target,
        "row-level security is forced on owners too, so the role could not write these tables:\n" +
            *forced,
        fmt::format("ALTER ROLE {} BYPASSRLS;\nor make them on the target without FORCE ROW LEVEL "
                    "SECURITY.",
                    quote_identifier(target.query_value("SELECT current_user").value_or(""))));
}

}  // namespace

// By oid, as it may have another name now, and by name, as it may have been made anew.
bool is_known(const Preflight& preflight, const TableName& table) {
    const auto published = std::ranges::find_if(
        preflight.tables, [&table](const auto& each) { return each.name() == table; });
    return std::ranges::any_of(*preflight.known, [&](const StoredTable& known) {
        return known.name == table ||
               (published != preflight.tables.end() && known.oid == published->relation->oid);
    });
}

std::vector<TableName> tables_to_make(const Config& config, const Preflight& preflight,
                                      std::vector<TableName> missing) {
    const bool is_once = !preflight.known && !preflight.copy_is_pending(config);
    if (!config.create_schema || !config.copy || is_once) return {};
    if (preflight.known)
        std::erase_if(missing, [&](const TableName& name) { return is_known(preflight, name); });
    return missing;
}

void check_structure_transfer(Connection& source, Connection& target, const Config& config,
                              const StopRequest& stop, Preflight& preflight) {
    const std::vector<TableName> missing =
        tables_to_make(config, preflight, find_missing_tables(target, preflight.tables));
    if (missing.empty()) return;
    check_create_right(target, missing, preflight.findings);
    check_forced_row_security(source, target, missing, preflight);
    const ClientPrograms programs = find_client_programs(source.server_version(), stop);
    preflight.findings.ok(End::source, fmt::format("its structure can be read by {} of version {}",
                                                   programs.pg_dump, programs.major_version));
}

}  // namespace walpack
