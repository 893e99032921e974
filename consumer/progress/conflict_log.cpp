#include "progress/conflict_log.h"

#include <charconv>
#include <initializer_list>
#include <string_view>

#include <fmt/format.h>

namespace walpack {
namespace {

constexpr const char* kCreateTable = R"(
CREATE TABLE walpack.conflict_log (
    id pg_catalog.int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline pg_catalog.text COLLATE "C" NOT NULL,
    at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    schema_name pg_catalog.text NOT NULL,
    table_name pg_catalog.text NOT NULL,
    kind pg_catalog.text NOT NULL,
    policy pg_catalog.text NOT NULL,
    outcome pg_catalog.text NOT NULL,
    commit_lsn pg_catalog.pg_lsn NOT NULL,
    xid pg_catalog.int8,
    commit_time pg_catalog.timestamptz,
    key pg_catalog.jsonb,
    local_row pg_catalog.jsonb,
    remote_row pg_catalog.jsonb,
    sqlstate pg_catalog.text NOT NULL,
    message pg_catalog.text NOT NULL
))";

// An interval times a number is exact for as many microseconds as 285 years have.
constexpr const char* kWrite = R"(
INSERT INTO walpack.conflict_log (pipeline, schema_name, table_name, kind, policy, outcome,
    commit_lsn, xid, commit_time, key, local_row, remote_row, sqlstate, message)
VALUES ($1, $2, $3, $4, $5, $6, $7::pg_catalog.pg_lsn, $8::pg_catalog.int8,
    '2000-01-01 00:00:00+00'::pg_catalog.timestamptz
        + $9::pg_catalog.float8 * '1 microsecond'::pg_catalog.interval,
    $10::pg_catalog.jsonb, $11::pg_catalog.jsonb, $12::pg_catalog.jsonb, $13, $14))";

// Whether there is a table walpack.conflict_log of which `condition` is true; it speaks of c, the
// table's row in pg_class, and n, its schema's.
bool is_there(Connection& target, std::string_view condition) {
    return target.query_value(
               fmt::format("SELECT {} FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
                           "ON n.oid = c.relnamespace WHERE n.nspname = 'walpack' "
                           "AND c.relname = 'conflict_log' AND c.relkind = 'r'",
                           condition)) == "t";
}

bool may(Connection& target, std::initializer_list<std::string_view> privileges) {
    std::string condition = "pg_catalog.has_schema_privilege(n.oid, 'USAGE')";
    for (const std::string_view privilege : privileges)
        condition += fmt::format(" AND pg_catalog.has_table_privilege(c.oid, '{}')", privilege);
    return is_there(target, condition);
}

std::optional<std::string> if_known(const ConflictEntry& entry, std::int64_t number) {
    if (entry.xid == 0) return std::nullopt;
    return std::to_string(number);
}

}  // namespace

void create_conflict_log(Connection& target) {
    const auto is_needed = target.query_value(
        "SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE') AND NOT EXISTS (SELECT FROM "
        "pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'conflict_log') "
        "FROM pg_catalog.pg_namespace n WHERE n.nspname = 'walpack'");
    if (is_needed == "t") target.execute(kCreateTable);
}

bool has_conflict_log(Connection& target) {
    return may(target, {"INSERT"});
}

void remove_conflicts(Connection& target, const std::string& pipeline) {
    if (!may(target, {"SELECT", "DELETE"})) return;
    target.execute("DELETE FROM walpack.conflict_log WHERE pipeline = $1", {pipeline});
}

void drop_conflict_log(Connection& target) {
    if (!is_there(target, "pg_catalog.pg_has_role(c.relowner, 'USAGE')")) return;
    target.execute("DROP TABLE walpack.conflict_log");
}

std::vector<ConflictCount> read_conflict_counts(Connection& target, const std::string& pipeline) {
    std::vector<ConflictCount> counts;
    if (!may(target, {"SELECT"})) return counts;
    const Result result = target.execute(
        "SELECT kind, outcome, pg_catalog.count(*) FROM walpack.conflict_log WHERE pipeline = $1 "
        "GROUP BY kind, outcome ORDER BY kind, outcome",
        {pipeline});
    for (int row = 0; row < result.rows(); ++row) {
        ConflictCount& count = counts.emplace_back();
        count.kind = result.value(row, 0);
        count.outcome = result.value(row, 1);
        const std::string_view number = result.value(row, 2);
        std::from_chars(number.data(), number.data() + number.size(), count.count);
    }
    return counts;
}

void ConflictLog::write(Connection& session, const ConflictEntry& entry) const {
    session.execute(
        kWrite, {pipeline_, entry.schema, entry.table, entry.kind, entry.policy, entry.outcome,
                 entry.commit_lsn.to_string(), if_known(entry, std::int64_t{entry.xid}),
                 if_known(entry, entry.commit_time), entry.key, entry.local_rows, entry.remote_row,
                 entry.sqlstate, entry.message});
}

}  // namespace walpack
