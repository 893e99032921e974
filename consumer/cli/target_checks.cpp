#include "cli/target_checks.h"

#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"

namespace walpack {
namespace {

constexpr int kVersionWithParameterGrants = 150000;

std::string ask(Connection& target, const std::string& sql) {
    return target.query_value(sql).value_or("");
}

std::string role_of(Connection& target) {
    return quote_identifier(ask(target, "SELECT current_user"));
}

void check_new_schema(Connection& target, Findings& findings) {
    const std::string database = ask(target, "SELECT pg_catalog.current_database()");
    if (ask(target,
            "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')") ==
        "t") {
        findings.ok(End::target, "schema walpack can be made");
        return;
    }
    findings.problem(End::target, "the role may not make schema walpack",
                     fmt::format("CREATE SCHEMA walpack AUTHORIZATION {};\n"
                                 "or GRANT CREATE ON DATABASE {} TO {};",
                                 role_of(target), quote_identifier(database), role_of(target)));
}

void check_present_schema(Connection& target, Findings& findings) {
    const std::string allowed = ask(target, R"(
SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND (pg_catalog.has_schema_privilege(n.oid, 'CREATE')
         OR EXISTS (SELECT FROM pg_catalog.pg_class c
                    WHERE c.relnamespace = n.oid AND c.relname = 'progress'))
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c
                    WHERE c.relnamespace = n.oid AND c.relname IN ('progress', 'activity')
                    AND NOT (pg_catalog.has_table_privilege(c.oid, 'SELECT')
                             AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
                             AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')
                             AND pg_catalog.has_table_privilege(c.oid, 'DELETE')))
FROM pg_catalog.pg_namespace n
WHERE n.nspname = 'walpack')");
    if (allowed == "t") {
        findings.ok(End::target, "schema walpack exists");
        return;
    }
    const std::string role = role_of(target);
    findings.problem(
        End::target, "schema walpack exists, but the role may not use it",
        fmt::format("GRANT USAGE, CREATE ON SCHEMA walpack TO {};\n"
                    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA walpack TO {};",
                    role, role));
}

// Two connections with the same answer lead to one database, by whatever way they came. Needs no
// rights.
std::string identity(Connection& connection) {
    return ask(connection,
               "SELECT pg_catalog.concat(pg_catalog.date_part('epoch', "
               "pg_catalog.pg_postmaster_start_time()), ' ', pg_catalog.current_database())");
}

void check_encodings(Connection& source, Connection& target, Findings& findings) {
    const std::string from = source.parameter_status("server_encoding");
    const std::string to = target.parameter_status("server_encoding");
    if (from == to) {
        findings.ok(End::target, fmt::format("both encodings are {}", to));
        return;
    }
    if (to == "SQL_ASCII") {
        findings.warning(
            End::target,
            fmt::format("the encoding is SQL_ASCII: it keeps the bytes of the "
                        "source's {} and knows no characters",
                        from),
            fmt::format("better CREATE DATABASE ... ENCODING '{}' TEMPLATE template0", from));
        return;
    }
    const auto conversion = target.query_value(
        "SELECT 1 FROM pg_catalog.pg_conversion WHERE condefault "
        "AND conforencoding = pg_catalog.pg_char_to_encoding($1::pg_catalog.name) "
        "AND contoencoding = pg_catalog.pg_char_to_encoding($2::pg_catalog.name) LIMIT 1",
        {from, to});
    if (!conversion) {
        findings.problem(End::target,
                         fmt::format("text in {} cannot be converted to the target's {}", from, to),
                         "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
    } else if (to == "UTF8") {
        findings.ok(End::target, fmt::format("text is converted from {} to UTF8", from));
    } else {
        findings.warning(
            End::target,
            fmt::format("text is converted from {} to {}; a character that {} lacks stops the "
                        "stream",
                        from, to, to),
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
    }
}

}  // namespace

void check_target_server(Connection& target, Preflight& preflight) {
    Findings& findings = preflight.findings;
    findings.ok(End::target,
                fmt::format("server version {}", target.parameter_status("server_version")));
    if (ask(target, "SELECT pg_catalog.pg_is_in_recovery()") == "t") {
        findings.problem(End::target, "the server is a standby and cannot be written",
                         "connect to the primary.");
    }
}

void check_progress(Connection& target, const Config& config, Preflight& preflight) {
    const bool exists =
        ask(target, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'walpack'") == "1";
    if (!exists) return check_new_schema(target, preflight.findings);
    check_present_schema(target, preflight.findings);
    preflight.progress = Progress(target, config.pipeline).read();
    const CopyCatalog catalog(config.pipeline);
    if (catalog.is_begun(target)) preflight.known = catalog.tables(target);
}

void check_progress_fits_source(const Config& config, Preflight& preflight) {
    if (!preflight.progress || preflight.source_system_identifier == 0) return;
    const ProgressRow& row = *preflight.progress;
    if (row.source_system_identifier == preflight.source_system_identifier &&
        row.slot == config.slot) {
        return;
    }
    preflight.findings.problem(
        End::target,
        fmt::format("pipeline \"{}\" exists already, for slot \"{}\" of the system {}; the source "
                    "is {}",
                    config.pipeline, row.slot, row.source_system_identifier,
                    preflight.source_system_identifier),
        "set another \"pipeline\", or remove the old one with \"walpack drop\".");
}

void check_replica_role(Connection& target, Preflight& preflight) {
    const std::string role = role_of(target);
    const Transaction rolled_back(target);
    try {
        target.execute("SET LOCAL session_replication_role = replica");
        preflight.findings.ok(End::target, "session_replication_role can be set");
    } catch (const Error& error) {
        if (error.sqlstate() != kInsufficientPrivilege) throw;
        const bool has_parameter_grants = target.server_version() >= kVersionWithParameterGrants;
        preflight.findings.note(
            End::target,
            "session_replication_role cannot be set: triggers and foreign keys of the target fire "
            "for applied rows",
            has_parameter_grants ? fmt::format("leave it, or as superuser: GRANT SET ON PARAMETER "
                                               "session_replication_role TO {};",
                                               role)
                                 : "");
    }
}

bool check_both_ends(Connection& source, Connection& target, Preflight& preflight) {
    if (identity(source) == identity(target)) {
        preflight.findings.problem(End::target, "source and target are the same database",
                                   "correct \"source\" or \"target\".");
        return false;
    }
    check_encodings(source, target, preflight.findings);
    return true;
}

}  // namespace walpack
