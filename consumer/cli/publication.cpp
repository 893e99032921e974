#include "cli/publication.h"

#include <fmt/format.h>

#include "base/text.h"

namespace walpack {
namespace {

std::string comment_text(const std::string& pipeline) {
    return fmt::format("walpack pipeline \"{}\"", pipeline);
}

constexpr const char* kReadTables = R"(
SELECT n.nspname, c.relname
FROM pg_catalog.pg_publication_rel r
JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = $1 ORDER BY 1, 2)";

constexpr int kVersionWithSchemas = 150000;

bool has_schemas(Connection& source, const std::string& name) {
    if (source.server_version() < kVersionWithSchemas) return false;
    return source.query_value(
               "SELECT EXISTS (SELECT FROM pg_catalog.pg_publication_namespace n "
               "JOIN pg_catalog.pg_publication p ON p.oid = n.pnpubid WHERE p.pubname = $1)",
               {name}) == "t";
}

}  // namespace

std::optional<PublicationState> read_publication(Connection& source, const std::string& name,
                                                 const std::string& pipeline) {
    const Result result = source.execute(
        "SELECT puballtables, pg_catalog.obj_description(oid, 'pg_publication') "
        "FROM pg_catalog.pg_publication WHERE pubname = $1",
        {name});
    if (result.rows() == 0) return std::nullopt;
    PublicationState state;
    state.is_all_tables = result.value(0, 0) == "t";
    state.is_ours = !result.is_null(0, 1) && result.value(0, 1) == comment_text(pipeline);
    state.has_schemas = has_schemas(source, name);
    const Result tables = source.execute(kReadTables, {name});
    for (int row = 0; row < tables.rows(); ++row) {
        state.tables.push_back(quote_identifier(tables.value(row, 0)) + "." +
                               quote_identifier(tables.value(row, 1)));
    }
    return state;
}

std::string create_publication_sql(const Config& config, const std::string& name) {
    std::string tables;
    for (const std::string& table : config.tables) {
        tables += (tables.empty() ? " FOR TABLE " : ", ") + table;
    }
    return fmt::format("CREATE PUBLICATION {}{}", quote_identifier(name),
                       tables.empty() ? " FOR ALL TABLES" : tables);
}

std::string comment_publication_sql(const Config& config, const std::string& name) {
    return fmt::format("COMMENT ON PUBLICATION {} IS {}", quote_identifier(name),
                       quote_literal(comment_text(config.pipeline)));
}

}  // namespace walpack
