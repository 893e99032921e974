#include "schema/row_origin.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

constexpr std::string_view kObjectInUse = "55006";
constexpr std::string_view kNoFreeState = "53400";
constexpr std::string_view kDuplicateObject = "42710";
constexpr std::string_view kUniqueViolation = "23505";

// Version 19 gives one of them another parameter, so they are named by what is there.
constexpr const char* kMissingRights = R"(
SELECT pg_catalog.string_agg(p.oid::pg_catalog.regprocedure::pg_catalog.text, ', ' ORDER BY 1)
FROM pg_catalog.pg_proc p
WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
    AND p.proname IN ('pg_replication_origin_create', 'pg_replication_origin_drop',
                      'pg_replication_origin_session_is_setup',
                      'pg_replication_origin_session_setup', 'pg_replication_origin_xact_reset',
                      'pg_replication_origin_xact_setup')
    AND NOT pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))";

// Origins belong to the whole server, so the name holds the database.
std::string prefix_of(Connection& target, const std::string& pipeline) {
    return fmt::format("walpack.{}.{}.",
                       target.query_value("SELECT pg_catalog.current_database()").value_or(""),
                       pipeline);
}

// Of this pipeline, also of a run that had more.
Result read_origins(Connection& target, const std::string& prefix) {
    return target.execute(
        "SELECT roname, roident FROM pg_catalog.pg_replication_origin "
        "WHERE pg_catalog.starts_with(roname, $1) "
        "AND pg_catalog.substr(roname, pg_catalog.length($1) + 1) ~ '^[0-9]+$'",
        {prefix});
}

// Another session may make it at the same time.
void make(Connection& target, const std::string& name) {
    try {
        target.execute("SELECT pg_catalog.pg_replication_origin_create($1)", {name});
    } catch (const Error& error) {
        if (error.sqlstate() != kDuplicateObject && error.sqlstate() != kUniqueViolation) throw;
    }
}

}  // namespace

void RowOrigins::require(Connection& target) {
    if (target.query_value("SELECT pg_catalog.current_setting('track_commit_timestamp')") != "on") {
        throw Error(ErrorKind::config,
                    "update_origin_differs and delete_origin_differs need to know who wrote a "
                    "row, and the target does not keep it")
            .hint(
                "Set track_commit_timestamp = on at the target and restart it; or remove these "
                "keys.");
    }
    const auto missing = target.query_value(kMissingRights);
    if (!missing) return;
    throw Error(ErrorKind::config, "the target role may not use replication origins")
        .detail("update_origin_differs and delete_origin_differs tell by them who wrote a row.")
        .hint(
            fmt::format("GRANT EXECUTE ON FUNCTION {} TO {}; or remove these keys.", *missing,
                        quote_identifier(target.query_value("SELECT current_user").value_or(""))));
}

RowOrigins::RowOrigins(Connection& target, const std::string& pipeline, std::size_t sessions) {
    require(target);
    const std::string prefix = prefix_of(target, pipeline);
    const Result before = read_origins(target, prefix);
    for (std::size_t i = 1; i <= sessions; ++i) names_.push_back(prefix + std::to_string(i));
    for (const std::string& name : names_) {
        bool is_there = false;
        for (int row = 0; row < before.rows(); ++row)
            is_there = is_there || before.value(row, 0) == name;
        if (!is_there) make(target, name);
    }
    const Result after = read_origins(target, prefix);
    for (int row = 0; row < after.rows(); ++row) ids_.push_back(oid_at(after, row, 1));
}

void RowOrigins::take(Connection& session) const {
    if (session.query_value("SELECT pg_catalog.pg_replication_origin_session_is_setup()") == "t")
        return;
    for (const std::string& name : names_) {
        try {
            session.execute("SELECT pg_catalog.pg_replication_origin_session_setup($1)", {name});
            return;
        } catch (const Error& error) {
            if (error.sqlstate() == kNoFreeState) {
                throw Error(ErrorKind::config,
                            "the target has no room for another replication origin")
                    .detail(error.message())
                    .hint(
                        "Raise max_replication_slots there (from PostgreSQL 18 on "
                        "max_active_replication_origins) and restart it.");
            }
            if (error.sqlstate() != kObjectInUse) throw;
        }
    }
    throw Error(ErrorKind::connection,
                "all replication origins of the pipeline are in use on the target")
        .hint("Those of sessions that have just ended are free in a moment.");
}

std::string RowOrigins::is_own_row() const {
    return fmt::format(
        "COALESCE((pg_catalog.pg_xact_commit_timestamp_origin(xmin)).roident "
        "IN ({}), true)",
        fmt::join(ids_, ", "));
}

const char* RowOrigins::reset_sql() {
    return "SELECT pg_catalog.pg_replication_origin_xact_reset()";
}

std::size_t RowOrigins::drop(Connection& target, const std::string& pipeline) {
    const Result origins = read_origins(target, prefix_of(target, pipeline));
    for (int row = 0; row < origins.rows(); ++row) {
        target.execute("SELECT pg_catalog.pg_replication_origin_drop($1)",
                       {std::string(origins.value(row, 0))});
    }
    return static_cast<std::size_t>(origins.rows());
}

}  // namespace walpack
