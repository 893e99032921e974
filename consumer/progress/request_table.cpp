#include "progress/request_table.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <string_view>

#include <fmt/format.h>

#include "base/text.h"
#include "progress/progress.h"

namespace walpack {
namespace {

constexpr const char* kCreateTables = R"(
CREATE TABLE IF NOT EXISTS walpack.request (
    pipeline pg_catalog.text COLLATE "C" NOT NULL,
    kind pg_catalog.text COLLATE "C" NOT NULL,
    lsn pg_catalog.pg_lsn NOT NULL,
    state pg_catalog.text NOT NULL DEFAULT 'waiting',
    requested_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
    requested_by pg_catalog.text NOT NULL DEFAULT SESSION_USER,
    done_at pg_catalog.timestamptz,
    commit_lsn pg_catalog.pg_lsn,
    end_lsn pg_catalog.pg_lsn,
    xid pg_catalog.int8,
    committed_at pg_catalog.timestamptz,
    rows pg_catalog.int8,
    tables pg_catalog.text[],
    PRIMARY KEY (pipeline, kind, lsn)
);
CREATE TABLE IF NOT EXISTS walpack.held_transaction (
    pipeline pg_catalog.text COLLATE "C" NOT NULL PRIMARY KEY,
    commit_lsn pg_catalog.pg_lsn NOT NULL,
    end_lsn pg_catalog.pg_lsn,
    xid pg_catalog.int8 NOT NULL,
    committed_at pg_catalog.timestamptz NOT NULL,
    rows pg_catalog.int8 NOT NULL,
    tables pg_catalog.text[] NOT NULL DEFAULT '{}',
    is_counted pg_catalog.bool NOT NULL DEFAULT false,
    held_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now()
))";

constexpr std::size_t kTablesNamed = 5;

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Lsn lsn_at(const Result& result, int row, int column) {
    if (result.is_null(row, column)) return {};
    return Lsn::parse(result.value(row, column)).value_or(Lsn{});
}

std::string lsn_sql(Lsn lsn) {
    return lsn.is_valid() ? fmt::format("'{}'::pg_catalog.pg_lsn", lsn.to_string())
                          : "NULL::pg_catalog.pg_lsn";
}

std::string time_sql(std::int64_t commit_time) {
    return fmt::format(
        "('2000-01-01 00:00:00+00'::pg_catalog.timestamptz + {} * "
        "'1 microsecond'::pg_catalog.interval)",
        commit_time);
}

std::string tables_sql(const TransactionSummary& transaction) {
    std::string list;
    for (const std::string& table : transaction.tables)
        list += (list.empty() ? "" : ", ") + quote_literal(table);
    return fmt::format("ARRAY[{}]::pg_catalog.text[]", list);
}

// Of a request that is done.
std::string about_sql(const TransactionSummary& about) {
    return fmt::format(
        "state = 'done', done_at = pg_catalog.clock_timestamp(), commit_lsn = {}, end_lsn = {}, "
        "xid = {}, committed_at = {}, rows = {}",
        lsn_sql(about.commit_lsn), lsn_sql(about.end_lsn), about.xid, time_sql(about.commit_time),
        about.rows);
}

// Whether both tables are there, with these privileges for the role.
bool has_privileges(Connection& target, std::initializer_list<const char*> privileges) {
    std::string sql =
        "SELECT pg_catalog.count(*) = 2 FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'walpack' AND c.relname IN ('request', 'held_transaction') "
        "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')";
    for (const char* privilege : privileges)
        sql += fmt::format(" AND pg_catalog.has_table_privilege(c.oid, '{}')", privilege);
    return target.query_value(sql) == "t";
}

}  // namespace

std::string TransactionSummary::describe() const {
    std::string names;
    std::size_t named = 0;
    for (const std::string& table : tables) {
        if (named == kTablesNamed) break;
        names += (++named == 1 ? " of " : ", ") + table;
    }
    if (tables.size() > named) names += fmt::format(" and {} more tables", tables.size() - named);
    return fmt::format("{} row{}{}", rows, rows == 1 ? "" : "s", names);
}

// Where one transaction ends another one may commit: what was found out counts, then the LSN of
// the commit.
const SkipRequest* Requests::find_skip(Lsn commit_lsn) const {
    const auto found = std::ranges::find_if(skips, [commit_lsn](const SkipRequest& skip) {
        return skip.commit_lsn.is_valid() ? skip.commit_lsn == commit_lsn : skip.lsn == commit_lsn;
    });
    return found == skips.end() ? nullptr : &*found;
}

bool Requests::has_release(Lsn commit_lsn) const {
    return std::ranges::find(releases, commit_lsn) != releases.end();
}

bool RequestTable::is_usable(Connection& target) {
    return has_privileges(target, {"SELECT", "INSERT", "UPDATE", "DELETE"});
}

bool RequestTable::is_readable(Connection& target) {
    return has_privileges(target, {"SELECT"});
}

void RequestTable::create(Connection& target) {
    target.execute(kCreateTables);
}

bool RequestTable::ensure(Connection& target) {
    if (is_usable(target)) return true;
    const auto may_create = target.query_value(
        "SELECT pg_catalog.has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace "
        "WHERE nspname = 'walpack'");
    if (may_create != "t") return false;
    Transaction transaction(target);
    lock_schema(target);
    create(target);
    transaction.commit();
    return is_usable(target);
}

Requests RequestTable::read(Connection& target, Lsn since) const {
    const Result result = target.execute(
        "SELECT kind, lsn, commit_lsn, state = 'done' FROM walpack.request WHERE pipeline = $1 "
        "AND (state = 'waiting' OR (state = 'done' AND kind = 'skip' "
        "AND commit_lsn >= $2::pg_catalog.pg_lsn)) ORDER BY lsn",
        {pipeline_, since.to_string()});
    Requests requests;
    for (int row = 0; row < result.rows(); ++row) {
        const Lsn lsn = lsn_at(result, row, 1);
        if (result.value(row, 0) == "release") {
            requests.releases.push_back(lsn);
        } else {
            requests.skips.push_back({lsn, lsn_at(result, row, 2), result.value(row, 3) == "t"});
        }
    }
    return requests;
}

bool RequestTable::add_skip(Connection& target, Lsn lsn) const {
    const Result result = target.execute(
        "INSERT INTO walpack.request AS r (pipeline, kind, lsn) "
        "VALUES ($1, 'skip', $2::pg_catalog.pg_lsn) ON CONFLICT (pipeline, kind, lsn) DO UPDATE "
        "SET state = 'waiting', requested_at = EXCLUDED.requested_at, "
        "requested_by = EXCLUDED.requested_by, done_at = NULL, commit_lsn = NULL "
        "WHERE r.state = 'refused'",
        {pipeline_, lsn.to_string()});
    return result.affected_rows() == 1;
}

void RequestTable::add_release(Connection& target, Lsn commit_lsn) const {
    target.execute(
        "INSERT INTO walpack.request (pipeline, kind, lsn) "
        "VALUES ($1, 'release', $2::pg_catalog.pg_lsn) ON CONFLICT DO NOTHING",
        {pipeline_, commit_lsn.to_string()});
}

void RequestTable::note_found(Connection& target, Lsn lsn, Lsn commit_lsn) const {
    target.execute(
        "UPDATE walpack.request SET commit_lsn = $3::pg_catalog.pg_lsn WHERE pipeline = $1 "
        "AND kind = 'skip' AND lsn = $2::pg_catalog.pg_lsn AND state = 'waiting'",
        {pipeline_, lsn.to_string(), commit_lsn.to_string()});
}

void RequestTable::refuse_skip(Connection& target, Lsn lsn) const {
    target.execute(
        "UPDATE walpack.request SET state = 'refused', done_at = pg_catalog.clock_timestamp() "
        "WHERE pipeline = $1 AND kind = 'skip' AND lsn = $2::pg_catalog.pg_lsn "
        "AND state = 'waiting'",
        {pipeline_, lsn.to_string()});
}

void RequestTable::hold(Connection& target, const HeldTransaction& held) const {
    const TransactionSummary& transaction = held.transaction;
    target.execute(fmt::format(
        "INSERT INTO walpack.held_transaction AS h (pipeline, commit_lsn, end_lsn, xid, "
        "committed_at, rows, tables, is_counted) VALUES ({}, {}, {}, {}, {}, {}, {}, {}) "
        "ON CONFLICT (pipeline) DO UPDATE SET commit_lsn = EXCLUDED.commit_lsn, "
        "end_lsn = EXCLUDED.end_lsn, xid = EXCLUDED.xid, committed_at = EXCLUDED.committed_at, "
        "rows = EXCLUDED.rows, tables = EXCLUDED.tables, is_counted = EXCLUDED.is_counted, "
        "held_at = CASE h.commit_lsn WHEN EXCLUDED.commit_lsn THEN h.held_at "
        "ELSE EXCLUDED.held_at END",
        quote_literal(pipeline_), lsn_sql(transaction.commit_lsn), lsn_sql(transaction.end_lsn),
        transaction.xid, time_sql(transaction.commit_time), transaction.rows,
        tables_sql(transaction), held.is_counted));
}

std::optional<HeldTransaction> RequestTable::read_held(Connection& target) const {
    const Result result = target.execute(
        "SELECT h.commit_lsn, h.end_lsn, h.xid, h.rows, h.is_counted, EXISTS (SELECT "
        "FROM walpack.request r WHERE r.pipeline = h.pipeline AND r.kind = 'release' "
        "AND r.lsn = h.commit_lsn), pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - "
        "h.held_at)::pg_catalog.int8, t.name "
        "FROM walpack.held_transaction h LEFT JOIN LATERAL pg_catalog.unnest(h.tables) t(name) "
        "ON true WHERE h.pipeline = $1",
        {pipeline_});
    if (result.rows() == 0) return std::nullopt;
    HeldTransaction held;
    held.transaction.commit_lsn = lsn_at(result, 0, 0);
    held.transaction.end_lsn = lsn_at(result, 0, 1);
    held.transaction.xid = static_cast<std::uint32_t>(number(result.value(0, 2)));
    held.transaction.rows = number(result.value(0, 3));
    held.is_counted = result.value(0, 4) == "t";
    held.is_released = result.value(0, 5) == "t";
    held.held_seconds = static_cast<double>(number(result.value(0, 6)));
    for (int row = 0; row < result.rows(); ++row) {
        if (!result.is_null(row, 7)) held.transaction.tables.emplace(result.value(row, 7));
    }
    return held;
}

// The transaction may be the held one.
std::string RequestTable::skip_done_sql(Lsn lsn, const TransactionSummary& skipped) const {
    const std::string pipeline = quote_literal(pipeline_);
    return fmt::format(
        "WITH freed AS (DELETE FROM walpack.held_transaction WHERE pipeline = {0} "
        "AND commit_lsn = {1}), not_released AS (DELETE FROM walpack.request WHERE pipeline = {0} "
        "AND kind = 'release' AND lsn = {1}) UPDATE walpack.request SET {2}, tables = {3} "
        "WHERE pipeline = {0} AND kind = 'skip' AND lsn = {4}",
        pipeline, lsn_sql(skipped.commit_lsn), about_sql(skipped), tables_sql(skipped),
        lsn_sql(lsn));
}

std::string RequestTable::held_done_sql(const TransactionSummary& applied) const {
    const std::string pipeline = quote_literal(pipeline_);
    return fmt::format(
        "WITH freed AS (DELETE FROM walpack.held_transaction WHERE pipeline = {0} "
        "AND commit_lsn = {1} RETURNING tables) UPDATE walpack.request SET {2}, "
        "tables = (SELECT tables FROM freed) WHERE pipeline = {0} AND kind = 'release' "
        "AND lsn = {1}",
        pipeline, lsn_sql(applied.commit_lsn), about_sql(applied));
}

}  // namespace walpack
