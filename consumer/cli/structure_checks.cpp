#include "cli/structure_checks.h"

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

}  // namespace

bool makes_missing_tables(const Config& config, const Preflight& preflight) {
    return config.create_schema && preflight.copy_is_pending(config);
}

void check_structure_transfer(Connection& source, Connection& target, const Config& config,
                              const StopRequest& stop, Preflight& preflight) {
    if (!makes_missing_tables(config, preflight)) return;
    const std::vector<TableName> missing = find_missing_tables(target, preflight.tables);
    if (missing.empty()) return;
    check_create_right(target, missing, preflight.findings);
    const ClientPrograms programs = find_client_programs(source.server_version(), stop);
    preflight.findings.ok(End::source, fmt::format("its structure can be read by {} of version {}",
                                                   programs.pg_dump, programs.major_version));
}

}  // namespace walpack
