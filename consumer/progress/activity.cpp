#include "progress/activity.h"

#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {
namespace {

// Half-filled as walpack.progress: the row is written again and again, and finds room beside its
// old version.
constexpr const char* kCreateTable = R"(
CREATE TABLE walpack.activity (
    pipeline pg_catalog.text COLLATE "C" PRIMARY KEY,
    reported_at pg_catalog.timestamptz NOT NULL,
    figures pg_catalog.jsonb NOT NULL
) WITH (fillfactor = 50))";

// The setting holds for this statement's own transaction: its commit waits for no disk, and the
// session is left as it is.
constexpr const char* kWrite = R"(
WITH session AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true))
INSERT INTO walpack.activity AS a (pipeline, reported_at, figures)
SELECT $1::pg_catalog.text, pg_catalog.clock_timestamp(), $2::pg_catalog.jsonb FROM session
ON CONFLICT (pipeline) DO UPDATE
SET reported_at = EXCLUDED.reported_at, figures = EXCLUDED.figures)";

// Whether there is a table walpack.activity of which `condition` is true; it speaks of c, the
// table's row in pg_class.
bool is_there(Connection& target, std::string_view condition) {
    return target.query_value(fmt::format("SELECT {} FROM pg_catalog.pg_class c "
                                          "JOIN pg_catalog.pg_namespace n ON n.oid = "
                                          "c.relnamespace WHERE n.nspname = 'walpack' "
                                          "AND c.relname = 'activity' AND c.relkind = 'r'",
                                          condition)) == "t";
}

bool may(Connection& target, std::initializer_list<std::string_view> privileges) {
    std::string condition = "pg_catalog.has_schema_privilege(n.oid, 'USAGE')";
    for (const std::string_view privilege : privileges) {
        condition += fmt::format(" AND pg_catalog.has_table_privilege(c.oid, '{}')", privilege);
    }
    return is_there(target, condition);
}

double number(std::string_view text) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

const std::array<ActivityFigure, 15> kActivityFigures = {{
    {"received_bytes_per_second", &Activity::received_bytes_per_second},
    {"received_messages_per_second", &Activity::received_messages_per_second},
    {"decoded_rows_per_second", &Activity::decoded_rows_per_second},
    {"planned_rows_per_second", &Activity::planned_rows_per_second},
    {"applied_rows_per_second", &Activity::applied_rows_per_second},
    {"applied_transactions_per_second", &Activity::applied_transactions_per_second},
    {"transactions_per_commit", &Activity::transactions_per_commit},
    {"rows_per_commit", &Activity::rows_per_commit},
    {"rows_per_batch", &Activity::rows_per_batch},
    {"coalesced_share", &Activity::coalesced_share},
    {"log_full_share", &Activity::log_full_share},
    {"waited_for_source_share", &Activity::waited_for_source_share},
    {"waited_for_target_share", &Activity::waited_for_target_share},
    {"waited_for_order_share", &Activity::waited_for_order_share},
    {"working_share", &Activity::working_share},
}};

std::string activity_json(const Activity& activity) {
    std::string json = fmt::format("{{\"slow_stage\":\"{}\"", activity.slow_stage);
    for (const ActivityFigure& figure : kActivityFigures) {
        json += fmt::format(",\"{}\":{:.3f}", figure.name, activity.*figure.value);
    }
    return json + "}";
}

void create_activity_table(Connection& target) {
    const auto is_needed = target.query_value(
        "SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE') AND NOT EXISTS (SELECT FROM "
        "pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'activity') "
        "FROM pg_catalog.pg_namespace n WHERE n.nspname = 'walpack'");
    if (is_needed == "t") target.execute(kCreateTable);
}

void remove_activity(Connection& target, const std::string& pipeline) {
    if (!may(target, {"SELECT", "DELETE"})) return;
    target.execute("DELETE FROM walpack.activity WHERE pipeline = $1", {pipeline});
}

void drop_activity_table(Connection& target) {
    if (!is_there(target, "pg_catalog.pg_has_role(c.relowner, 'USAGE')")) return;
    target.execute("DROP TABLE walpack.activity");
}

std::optional<ReportedActivity> read_activity(Connection& target, const std::string& pipeline) {
    if (!may(target, {"SELECT"})) return std::nullopt;
    std::string columns =
        "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - reported_at), "
        "figures ->> 'slow_stage'";
    for (const ActivityFigure& figure : kActivityFigures) {
        columns += fmt::format(", figures ->> '{}'", figure.name);
    }
    const Result result = target.execute(
        "SELECT " + columns + " FROM walpack.activity WHERE pipeline = $1", {pipeline});
    if (result.rows() == 0) return std::nullopt;
    ReportedActivity reported;
    reported.seconds_ago = number(result.value(0, 0));
    reported.activity.slow_stage = result.value(0, 1);
    // A consumer of another version may tell fewer figures: those are 0.
    int column = 2;
    for (const ActivityFigure& figure : kActivityFigures) {
        reported.activity.*figure.value = number(result.value(0, column++));
    }
    return reported;
}

ActivityWriter::ActivityWriter(Connection& target, std::string pipeline)
    : target_(target), pipeline_(std::move(pipeline)) {}

void ActivityWriter::write(const Activity& activity) {
    if (!is_writable_) is_writable_ = may(target_, {"SELECT", "INSERT", "UPDATE"});
    if (!*is_writable_) return;
    try {
        target_.execute(kWrite, {pipeline_, activity_json(activity)});
    } catch (const Error& error) {
        // Someone dropped the table or took the right away: rows need neither.
        if (error.kind() != ErrorKind::schema) throw;
        is_writable_ = false;
    }
}

}  // namespace walpack
