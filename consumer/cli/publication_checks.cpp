#include "cli/publication_checks.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"
#include "cli/publication.h"
#include "schema/catalog_query.h"
#include "service/table_settings.h"

namespace walpack {
namespace {

std::string sql_name(const Relation& relation) {
    return quote_identifier(relation.schema) + "." + quote_identifier(relation.name);
}

std::string joined(const std::vector<std::string>& names, const std::string& separator) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : separator) + name;
    return out;
}

void compare_tables(const Config& config, const std::string& name, const PublicationState& state,
                    Findings& findings) {
    std::vector<std::string> wanted = config.tables;
    std::ranges::sort(wanted);
    // Not std::ranges::unique: clang 14, which the fuzzer is built with, cannot compile it.
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    std::vector<std::string> present = state.tables;
    std::ranges::sort(present);
    if (wanted.empty() || (!state.is_all_tables && !state.has_schemas && wanted == present)) {
        findings.ok(End::source, fmt::format("publication \"{}\" exists", name));
        return;
    }
    findings.problem(
        End::source,
        fmt::format("publication \"{}\" holds other tables than \"tables\" lists; what is added "
                    "to it is copied by \"walpack run\" by itself",
                    name),
        state.is_all_tables
            ? fmt::format("DROP PUBLICATION {};  -- init makes it anew; or remove \"tables\" from "
                          "the configuration",
                          quote_identifier(name))
            : fmt::format("ALTER PUBLICATION {} SET TABLE {};", quote_identifier(name),
                          joined(wanted, ", ")));
}

void check_key_tables(const Config& config, Findings& findings) {
    if (config.publications.size() == 1 || config.tables.empty()) return;
    findings.problem(End::source,
                     "\"tables\" lists what one publication holds, and there are several: it would "
                     "have no effect",
                     "remove \"tables\" from the configuration, or name one publication.");
}

std::vector<std::string> find_missing(Connection& source, const Config& config,
                                      Findings& findings) {
    std::vector<std::string> missing;
    for (const std::string& name : config.publications) {
        const auto state = read_publication(source, name, config.pipeline);
        if (!state) {
            missing.push_back(name);
        } else if (config.publications.size() == 1) {
            compare_tables(config, name, *state, findings);
        } else {
            findings.ok(End::source, fmt::format("publication \"{}\" exists", name));
        }
    }
    return missing;
}

void explain_refused(const Error& error, const std::string& create, Findings& findings) {
    std::string fix = error.hint();
    if (error.sqlstate() == kInsufficientPrivilege) {
        const bool is_all = create.ends_with("ALL TABLES");
        fix = fmt::format("have a superuser{} run: {};",
                          is_all ? "" : " (or the tables' owner with CREATE on the database)",
                          create);
    } else if (error.sqlstate() == kUndefinedTable || error.sqlstate() == kInvalidSchemaName) {
        fix = "correct \"tables\", or create the table.";
    } else if (error.sqlstate() == kLockNotAvailable) {
        fix = "another session holds a lock on one of the tables; try again.";
    }
    findings.problem(End::source,
                     fmt::format("the publication cannot be made: {}", reason_of(error)), fix);
}

// Inside the caller's transaction.
bool try_create(Connection& source, const Config& config, Findings& findings) {
    const std::string create = create_publication_sql(config, config.publications.front());
    try {
        source.execute("SET LOCAL lock_timeout = '5s'");
        source.execute(create);
        source.execute(comment_publication_sql(config, config.publications.front()));
        findings.ok(End::source,
                    fmt::format("publication \"{}\" can be made", config.publications.front()));
        return true;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        explain_refused(error, create, findings);
        return false;
    }
}

void check_table_sections(Connection& source, const Config& config, Findings& findings) {
    const std::vector<std::string> names = find_unpublished(config, source);
    if (names.empty()) return;
    findings.problem(End::source,
                     "[table] sections of the configuration file name tables that no publication "
                     "holds, so they have no effect\n" +
                         joined(names, "\n"),
                     "correct their names, add the tables to a publication, or remove the "
                     "sections.");
}

void read_tables(Connection& source, const Config& config, Preflight& preflight) {
    check_table_sections(source, config, preflight.findings);
    preflight.tables = read_published_tables(source, config.selection());
    if (preflight.tables.empty()) {
        preflight.findings.warning(End::source, "the publication holds no tables",
                                   "create tables, or add some to the publication.");
        return;
    }
    preflight.findings.ok(End::source, counted(preflight.tables.size(), "published table"));
}

void check_identity(const std::vector<PublishedTable>& tables, Findings& findings) {
    std::string names;
    std::string fix;
    for (const PublishedTable& table : tables) {
        if (!table.replicates_updates || !table.relation->key_attributes.empty()) continue;
        names += "\n" + table.relation->qualified_name();
        fix += fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL;\n", sql_name(*table.relation));
    }
    if (names.empty()) return;
    findings.warning(End::source,
                     "tables without replica identity: once they are published, the source refuses "
                     "UPDATE and DELETE on them" +
                         names,
                     fix + "or better, give them a primary key; inserts alone need nothing.");
}

// A source that is the target of another pipeline has that pipeline's progress in schema walpack,
// where this target keeps its own.
void check_no_progress_is_published(const std::vector<PublishedTable>& tables, Findings& findings) {
    const bool is_published = std::ranges::any_of(
        tables, [](const PublishedTable& table) { return table.relation->schema == "walpack"; });
    if (!is_published) return;
    findings.problem(End::source,
                     "schema walpack of another pipeline, whose target the source is, would be "
                     "replicated over this pipeline's own",
                     "list \"tables\" without those of schema walpack.");
}

constexpr const char* kUnreadable = R"(
SELECT n.nspname, c.relname, pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
    pg_catalog.has_table_privilege(c.oid, 'SELECT'), pg_catalog.row_security_active(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::pg_catalog.oid[]) ORDER BY 1, 2)";

void check_readable(Connection& source, const std::vector<PublishedTable>& tables,
                    Findings& findings) {
    std::vector<std::uint32_t> oids;
    for (const PublishedTable& table : tables) oids.push_back(table.relation->oid);
    const Result result = source.execute(kUnreadable, {array_literal(oids)});
    const std::string role =
        quote_identifier(source.query_value("SELECT current_user").value_or(""));
    std::set<std::string> usage;
    std::string selects;
    std::string secured;
    std::size_t refused = 0;
    for (int row = 0; row < result.rows(); ++row) {
        const std::string schema = quote_identifier(result.value(row, 0));
        const std::string table = schema + "." + quote_identifier(result.value(row, 1));
        const bool may_use = result.value(row, 2) == "t";
        const bool may_select = result.value(row, 3) == "t";
        if (!may_use) usage.insert(fmt::format("GRANT USAGE ON SCHEMA {} TO {};\n", schema, role));
        if (!may_select) selects += fmt::format("GRANT SELECT ON {} TO {};\n", table, role);
        if (!may_use || !may_select) ++refused;
        if (result.value(row, 4) == "t") secured += "\n" + table;
    }
    if (refused > 0) {
        std::string grants = fmt::format("{}{}", fmt::join(usage, ""), selects);
        grants.pop_back();
        findings.problem(End::source,
                         "the copy may not read " + counted(refused, "published table"), grants);
    }
    if (secured.empty()) return;
    findings.problem(End::source,
                     "row-level security hides rows of published tables from the copy" + secured,
                     fmt::format("ALTER ROLE {} BYPASSRLS;", role));
}

}  // namespace

void check_publications(Connection& source, const Config& config, Preflight& preflight) {
    check_key_tables(config, preflight.findings);
    const std::vector<std::string> missing = find_missing(source, config, preflight.findings);
    if (missing.empty()) return read_tables(source, config, preflight);
    if (config.publications.size() == 1) {
        const Transaction rolled_back(source);
        if (try_create(source, config, preflight.findings)) {
            read_tables(source, config, preflight);
        }
        return;
    }
    // Among several, a name that is not there is more likely misspelt than wanted.
    for (const std::string& name : missing) {
        preflight.findings.problem(
            End::source, fmt::format("publication \"{}\" does not exist", name),
            fmt::format("correct \"publications\", or: {};", create_publication_sql(config, name)));
    }
}

void check_published_tables(Connection& source, const Config& config, Preflight& preflight) {
    check_identity(preflight.tables, preflight.findings);
    check_no_progress_is_published(preflight.tables, preflight.findings);
    if (preflight.copy_is_pending(config)) {
        check_readable(source, preflight.tables, preflight.findings);
    }
}

}  // namespace walpack
