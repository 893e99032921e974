#include "schema/replication_origins.h"

#include <algorithm>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

constexpr std::chrono::milliseconds kDropInterval{50};

// Version 19 gives one of them another parameter, so they are named by what is there.
constexpr const char* kMissingRights = R"(
SELECT pg_catalog.string_agg(p.oid::pg_catalog.regprocedure::pg_catalog.text, ', '
                             ORDER BY p.oid::pg_catalog.regprocedure::pg_catalog.text)
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

struct FoundOrigin {
    std::string name;
    std::uint32_t id = 0;
    std::size_t number = 0;
    std::int64_t made_at = 0;
};

// Of this pipeline, also of a run that had more. The time at which one was made is in its name, as
// nothing else keeps it: walpack.DATABASE.PIPELINE.NUMBER@MICROSECONDS.
std::vector<FoundOrigin> read_origins(Connection& target, const std::string& prefix) {
    const Result result = target.execute(
        "SELECT o.roname, o.roident, m.part[1], m.part[2] FROM pg_catalog.pg_replication_origin o, "
        "LATERAL pg_catalog.regexp_match(pg_catalog.substr(o.roname, pg_catalog.length($1) + 1), "
        "'^([0-9]{1,9})@([0-9]{1,18})$') m(part) "
        "WHERE pg_catalog.starts_with(o.roname, $1) AND m.part IS NOT NULL",
        {prefix});
    std::vector<FoundOrigin> found;
    for (int row = 0; row < result.rows(); ++row) {
        found.push_back({std::string(result.value(row, 0)), oid_at(result, row, 1),
                         std::stoul(std::string(result.value(row, 2))),
                         std::stoll(std::string(result.value(row, 3)))});
    }
    return found;
}

// The numbers that have none yet.
std::vector<std::size_t> missing_of(const std::vector<FoundOrigin>& found, std::size_t sessions) {
    std::vector<std::size_t> missing;
    for (std::size_t number = 1; number <= sessions; ++number) {
        if (std::ranges::find(found, number, &FoundOrigin::number) == found.end())
            missing.push_back(number);
    }
    return missing;
}

void require_commits(Connection& target) {
    if (target.query_value("SELECT pg_catalog.current_setting('track_commit_timestamp')") == "on")
        return;
    throw Error(ErrorKind::config,
                "update_origin_differs and delete_origin_differs need to know who wrote a row, and "
                "the target does not keep it")
        .hint(
            "Set track_commit_timestamp = on at the target and restart it; or remove these keys.");
}

void require_rights(Connection& target) {
    const auto missing = target.query_value(kMissingRights);
    if (!missing) return;
    throw Error(ErrorKind::config, "the target role may not use replication origins")
        .detail("update_origin_differs and delete_origin_differs tell by them who wrote a row.")
        .hint(
            fmt::format("GRANT EXECUTE ON FUNCTION {} TO {}; or remove these keys.", *missing,
                        quote_identifier(target.query_value("SELECT current_user").value_or(""))));
}

// Until version 17 the setting for slots is that for origins.
void require_room(Connection& target, const std::vector<std::size_t>& missing) {
    const Result result = target.execute(
        "SELECT s.name, s.setting, (SELECT pg_catalog.count(*) FROM "
        "pg_catalog.pg_replication_origin) FROM pg_catalog.pg_settings s "
        "WHERE s.name IN ('max_active_replication_origins', 'max_replication_slots') "
        "ORDER BY 1 LIMIT 1");
    const auto room = std::stoull(std::string(result.value(0, 1)));
    const auto needed = std::stoull(std::string(result.value(0, 2))) + missing.size();
    if (needed <= room) return;
    throw Error(
        ErrorKind::config,
        fmt::format("the target has no room for {} more replication origins", missing.size()))
        .hint(fmt::format("Set {} = {} or more at the target and restart it; or use fewer "
                          "apply_workers and copy_workers.",
                          result.value(0, 0), needed));
}

std::string present_time(Connection& target) {
    return target
        .query_value(
            "SELECT (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * "
            "1000000)::pg_catalog.int8")
        .value_or("0");
}

// Only one session of a pipeline makes them, beside a command about its quarantine.
void make(Connection& target, const std::string& name) {
    try {
        target.execute("SELECT pg_catalog.pg_replication_origin_create($1)", {name});
    } catch (const Error& error) {
        if (error.sqlstate() != kDuplicateObject && error.sqlstate() != kUniqueViolation) throw;
    }
}

void drop_one(Connection& target, const std::string& name,
              std::chrono::steady_clock::time_point deadline) {
    while (true) {
        try {
            target.execute("SELECT pg_catalog.pg_replication_origin_drop($1)", {name});
            return;
        } catch (const Error& error) {
            const bool is_over = std::chrono::steady_clock::now() >= deadline;
            if (error.sqlstate() != kObjectInUse || is_over) throw;
        }
        std::this_thread::sleep_for(kDropInterval);
    }
}

}  // namespace

void ReplicationOrigins::require(Connection& target, const std::string& pipeline,
                                 std::size_t sessions) {
    require_commits(target);
    require_rights(target);
    require_room(target, missing_of(read_origins(target, prefix_of(target, pipeline)), sessions));
}

ReplicationOrigins::ReplicationOrigins(Connection& target, const std::string& pipeline,
                                       std::size_t sessions) {
    require(target, pipeline, sessions);
    const std::string prefix = prefix_of(target, pipeline);
    const std::string now = present_time(target);
    for (const std::size_t number : missing_of(read_origins(target, prefix), sessions))
        make(target, fmt::format("{}{}@{}", prefix, number, now));
    for (const FoundOrigin& each : read_origins(target, prefix)) {
        names_.push_back(each.name);
        ids_.push_back(each.id);
        made_at_ = made_at_ == 0 ? each.made_at : std::min(made_at_, each.made_at);
    }
}

void ReplicationOrigins::take(Connection& session) const {
    if (session.query_value("SELECT pg_catalog.pg_replication_origin_session_is_setup()") == "t")
        return;
    for (std::size_t i = 0; i < names_.size(); ++i) {
        const std::string& name = names_[next_++ % names_.size()];
        try {
            session.execute("SELECT pg_catalog.pg_replication_origin_session_setup($1)", {name});
            return;
        } catch (const Error& error) {
            if (error.sqlstate() == kConfigurationLimitExceeded) {
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

std::string ReplicationOrigins::is_own_row() const {
    return fmt::format(
        "(SELECT COALESCE(o.roident IN ({}) OR o.\"timestamp\" < '1970-01-01 "
        "00:00:00+00'::pg_catalog.timestamptz + {} * '1 microsecond'::pg_catalog.interval, true) "
        "FROM pg_catalog.pg_xact_commit_timestamp_origin(xmin) o)",
        fmt::join(ids_, ", "), made_at_);
}

const char* ReplicationOrigins::reset_sql() {
    return "SELECT pg_catalog.pg_replication_origin_xact_reset()";
}

std::size_t ReplicationOrigins::drop(Connection& target, const std::string& pipeline,
                                     std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const auto origins = read_origins(target, prefix_of(target, pipeline));
    for (const FoundOrigin& each : origins) drop_one(target, each.name, deadline);
    return origins.size();
}

}  // namespace walpack
