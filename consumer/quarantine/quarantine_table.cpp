#include "quarantine/quarantine_table.h"

#include <array>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "model/time_text.h"
#include "progress/progress.h"
#include "progress/walpack_table.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

constexpr const char* kCreateTable = R"(
CREATE TABLE IF NOT EXISTS walpack.quarantine (
    pipeline pg_catalog.text COLLATE "C" NOT NULL,
    id pg_catalog.int8 NOT NULL,
    commit_lsn pg_catalog.pg_lsn NOT NULL,
    xid pg_catalog.int8 NOT NULL,
    commit_time pg_catalog.timestamptz,
    number pg_catalog.int8 NOT NULL,
    schema_name pg_catalog.text NOT NULL,
    table_name pg_catalog.text NOT NULL,
    change pg_catalog.text NOT NULL,
    replica_identity pg_catalog.text NOT NULL,
    key_columns pg_catalog.text[] NOT NULL,
    new_row pg_catalog.json,
    old_row pg_catalog.json,
    found pg_catalog.json,
    edits pg_catalog.json,
    encoding pg_catalog.text NOT NULL,
    kind pg_catalog.text NOT NULL,
    sqlstate pg_catalog.text NOT NULL,
    message pg_catalog.text NOT NULL,
    constraint_name pg_catalog.text NOT NULL,
    column_name pg_catalog.text NOT NULL,
    behind pg_catalog.int8,
    quarantined_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
    retried_at pg_catalog.timestamptz,
    PRIMARY KEY (pipeline, id)
))";

constexpr const char* kCreateHistory = R"(
CREATE TABLE IF NOT EXISTS walpack.quarantine_history (
    pipeline pg_catalog.text COLLATE "C" NOT NULL,
    id pg_catalog.int8 NOT NULL,
    action pg_catalog.text NOT NULL,
    done_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
    done_by pg_catalog.text NOT NULL DEFAULT SESSION_USER,
    commit_lsn pg_catalog.pg_lsn NOT NULL,
    schema_name pg_catalog.text NOT NULL,
    table_name pg_catalog.text NOT NULL,
    change pg_catalog.text NOT NULL,
    detail pg_catalog.json
))";

constexpr const char* kAddVersion =
    "ALTER TABLE walpack.progress ADD COLUMN IF NOT EXISTS quarantine_version pg_catalog.int8 "
    "NOT NULL DEFAULT 0";

// Followed by the message, or a column for it.
constexpr const char* kRead =
    "SELECT id, commit_lsn, schema_name, table_name, change, replica_identity, "
    "pg_catalog.to_json(key_columns), new_row, old_row, found, edits, encoding, kind, sqlstate, "
    "{}, constraint_name, column_name, behind, xid, number, commit_time, quarantined_at, "
    "retried_at FROM walpack.quarantine WHERE pipeline = $1";

std::uint64_t number_at(const Result& result, int row, int column) {
    return count_at(result, row, column);
}

std::optional<std::uint64_t> behind_at(const Result& result, int row, int column) {
    if (result.is_null(row, column)) return std::nullopt;
    return number_at(result, row, column);
}

HeldTuple tuple_at(const Result& result, int row, int column) {
    return result.is_null(row, column) ? HeldTuple{} : parse_held_tuple(result.value(row, column));
}

std::vector<std::string> names_at(const Result& result, int row, int column) {
    return parse_held_names(result.value(row, column));
}

HeldRow row_at(const Result& result, int at) {
    HeldRow row;
    row.id = number_at(result, at, 0);
    row.origin.commit_lsn = Lsn::parse(result.value(at, 1)).value_or(Lsn{});
    row.table = {text_at(result, at, 2), text_at(result, at, 3)};
    row.change = change_of(result.value(at, 4));
    row.replica_identity = static_cast<ReplicaIdentity>(text_at(result, at, 5).front());
    row.key_columns = names_at(result, at, 6);
    row.new_row = tuple_at(result, at, 7);
    row.old_row = tuple_at(result, at, 8);
    row.found = tuple_at(result, at, 9);
    row.edits = tuple_at(result, at, 10);
    row.encoding = text_at(result, at, 11);
    row.kind = text_at(result, at, 12);
    row.sqlstate = text_at(result, at, 13);
    row.message = text_at(result, at, 14);
    row.constraint = text_at(result, at, 15);
    row.column = text_at(result, at, 16);
    row.behind = behind_at(result, at, 17);
    return row;
}

std::vector<HeldRow> held_rows_of(const Result& result) {
    std::vector<HeldRow> rows;
    for (int at = 0; at < result.rows(); ++at) rows.push_back(row_at(result, at));
    return rows;
}

std::string json_or_null(const HeldTuple& tuple, bool is_utf8) {
    return tuple.empty() ? "NULL" : quote_literal(to_json(tuple, is_utf8));
}

std::string names_literal(const std::vector<std::string>& names) {
    return quote_literal(array_literal(names));
}

}  // namespace

bool QuarantineTable::exists(Connection& target) {
    return has_walpack_table(target, "quarantine");
}

void QuarantineTable::create(Connection& target) {
    pin_search_path(target);
    Transaction transaction(target);
    lock_schema(target);
    if (!exists(target)) {
        target.execute(kAddVersion);
        target.execute(kCreateHistory);
        target.execute(kCreateTable);
    }
    transaction.commit();
}

std::vector<HeldRow> QuarantineTable::read(Connection& target) const {
    return held_rows_of(
        target.execute(fmt::format(kRead, "message") + " ORDER BY id", {pipeline_}));
}

std::vector<HeldRow> QuarantineTable::read_without_messages(Connection& target) const {
    return held_rows_of(target.execute(fmt::format(kRead, "''") + " ORDER BY id", {pipeline_}));
}

std::vector<HeldRowFacts> QuarantineTable::list(Connection& target) const {
    const Result result = target.execute(
        "SELECT id, schema_name, table_name, change, commit_lsn, kind, sqlstate, constraint_name, "
        "column_name, quarantined_at, edits IS NOT NULL, behind FROM walpack.quarantine "
        "WHERE pipeline = $1 ORDER BY id",
        {pipeline_});
    std::vector<HeldRowFacts> rows;
    for (int at = 0; at < result.rows(); ++at) {
        HeldRowFacts& row = rows.emplace_back();
        row.id = number_at(result, at, 0);
        row.table = {text_at(result, at, 1), text_at(result, at, 2)};
        row.change = text_at(result, at, 3);
        row.commit_lsn = text_at(result, at, 4);
        row.kind = text_at(result, at, 5);
        row.sqlstate = text_at(result, at, 6);
        row.constraint = text_at(result, at, 7);
        row.column = text_at(result, at, 8);
        row.quarantined_at = text_at(result, at, 9);
        row.is_edited = bool_at(result, at, 10);
        row.behind = behind_at(result, at, 11);
    }
    return rows;
}

std::optional<HeldRowView> QuarantineTable::find(Connection& target, std::uint64_t id) const {
    const Result result =
        target.execute(fmt::format(kRead, "message") + " AND id = $2::pg_catalog.int8",
                       {pipeline_, std::to_string(id)});
    if (result.rows() == 0) return std::nullopt;
    HeldRowView view;
    view.row = row_at(result, 0);
    view.xid = text_at(result, 0, 18);
    view.number = text_at(result, 0, 19);
    view.commit_time = text_at(result, 0, 20);
    view.quarantined_at = text_at(result, 0, 21);
    view.retried_at = text_at(result, 0, 22);
    return view;
}

QuarantineFigures QuarantineTable::figures(Connection& target) const {
    QuarantineFigures figures;
    if (!exists(target)) return figures;
    const Result result = target.execute(
        "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE behind IS NULL), "
        "pg_catalog.date_part('epoch', "
        "pg_catalog.clock_timestamp() - pg_catalog.min(quarantined_at)) "
        "FROM walpack.quarantine WHERE pipeline = $1",
        {pipeline_});
    figures.rows = number_at(result, 0, 0);
    figures.failed = number_at(result, 0, 1);
    if (result.is_null(0, 2)) return figures;
    double seconds = 0;
    const std::string_view text = result.value(0, 2);
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    figures.oldest_seconds = seconds;
    return figures;
}

std::uint64_t QuarantineTable::rows_of(Connection& target, const TableName& table) const {
    if (!exists(target)) return 0;
    const Result result = target.execute(
        "SELECT pg_catalog.count(*) FROM walpack.quarantine "
        "WHERE pipeline = $1 AND schema_name = $2 AND table_name = $3",
        {pipeline_, table.schema, table.table});
    return number_at(result, 0, 0);
}

std::uint64_t QuarantineTable::rows_beside(Connection& target,
                                           const std::set<std::uint64_t>& ids) const {
    if (!exists(target)) return 0;
    const Result result = target.execute(
        "SELECT pg_catalog.count(*) FROM walpack.quarantine "
        "WHERE pipeline = $1 AND id <> ALL ($2::pg_catalog.int8[])",
        {pipeline_, fmt::format("{{{}}}", fmt::join(ids, ","))});
    return number_at(result, 0, 0);
}

std::uint64_t QuarantineTable::next_id(Connection& target) const {
    const Result result = target.execute(
        "SELECT 1 + GREATEST((SELECT pg_catalog.max(id) FROM walpack.quarantine "
        "WHERE pipeline = $1), (SELECT pg_catalog.max(id) FROM walpack.quarantine_history "
        "WHERE pipeline = $1), 0)",
        {pipeline_});
    return number_at(result, 0, 0);
}

void QuarantineTable::add(Connection& target, const HeldRow& row) const {
    try {
        target.execute(insert_sql(row));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::conflict) throw;
        throw Error(ErrorKind::connection, "another session put a row into quarantine")
            .sqlstate(error.sqlstate());
    }
}

std::string QuarantineTable::insert_sql(const HeldRow& row) const {
    const bool is_utf8 = row.encoding == "UTF8";
    const std::string time = row.origin.commit_time == 0
                                 ? "NULL"
                                 : quote_literal(timestamptz_text(row.origin.commit_time));
    const std::string identity(1, static_cast<char>(row.replica_identity));
    std::string sql =
        "INSERT INTO walpack.quarantine (pipeline, id, commit_lsn, xid, commit_time, number, "
        "schema_name, table_name, change, replica_identity, key_columns, new_row, old_row, found, "
        "encoding, kind, sqlstate, message, constraint_name, column_name, behind) VALUES (";
    sql += fmt::format("{}, {}, {}, {}, {}, {}, ", quote_literal(pipeline_), row.id,
                       quote_literal(row.origin.commit_lsn.to_string()), row.origin.xid, time,
                       row.origin.number);
    sql += fmt::format("{}, {}, {}, {}, {}, ", quote_literal(row.table.schema),
                       quote_literal(row.table.table), quote_literal(name_of(row.change)),
                       quote_literal(identity), names_literal(row.key_columns));
    sql += fmt::format("{}, {}, {}, {}, ", json_or_null(row.new_row, is_utf8),
                       json_or_null(row.old_row, is_utf8), json_or_null(row.found, is_utf8),
                       quote_literal(row.encoding));
    sql +=
        fmt::format("{}, {}, {}, {}, {}, {})", quote_literal(row.kind), quote_literal(row.sqlstate),
                    quote_literal(row.message), quote_literal(row.constraint),
                    quote_literal(row.column), row.behind ? std::to_string(*row.behind) : "NULL");
    return sql;
}

std::string QuarantineTable::of_table(const TableName& table) const {
    return fmt::format("q.schema_name = {} AND q.table_name = {}", quote_literal(table.schema),
                       quote_literal(table.table));
}

std::string QuarantineTable::of_id(std::uint64_t id) {
    return fmt::format("q.id = {}", id);
}

// Those that waited for what is gone wait for nothing now, until someone retries them.
std::string QuarantineTable::remove_sql(const std::string& action, const std::string& condition,
                                        bool keeps_row) const {
    const std::string pipeline = quote_literal(pipeline_);
    return fmt::format(
        "WITH gone AS (DELETE FROM walpack.quarantine q WHERE q.pipeline = {0} AND ({1}) "
        "RETURNING q.*), freed AS (UPDATE walpack.quarantine w SET behind = NULL FROM gone "
        "WHERE w.pipeline = {0} AND w.behind = gone.id "
        "AND NOT EXISTS (SELECT FROM gone other WHERE other.id = w.id)) "
        "INSERT INTO walpack.quarantine_history (pipeline, id, action, commit_lsn, schema_name, "
        "table_name, change, detail) SELECT g.pipeline, g.id, {2}, g.commit_lsn, g.schema_name, "
        "g.table_name, g.change, {3} FROM gone g",
        pipeline, condition, quote_literal(action),
        keeps_row ? "pg_catalog.row_to_json(g)" : "g.edits");
}

void QuarantineTable::remember_failure(Connection& target, const HeldRow& row) const {
    target.execute(
        "UPDATE walpack.quarantine SET kind = $3, sqlstate = $4, message = $5, "
        "constraint_name = $6, column_name = $7, behind = $8::pg_catalog.int8, "
        "retried_at = pg_catalog.now() WHERE pipeline = $1 AND id = $2::pg_catalog.int8",
        {pipeline_, std::to_string(row.id), row.kind, row.sqlstate, row.message, row.constraint,
         row.column, row.behind ? std::optional(std::to_string(*row.behind)) : std::nullopt});
}

void QuarantineTable::remember_found(Connection& target, const HeldRow& row) const {
    target.execute(
        "UPDATE walpack.quarantine SET found = $3::pg_catalog.json "
        "WHERE pipeline = $1 AND id = $2::pg_catalog.int8",
        {pipeline_, std::to_string(row.id),
         row.found.empty() ? std::nullopt : std::optional(to_json(row.found, true))});
}

void QuarantineTable::remember_edits(Connection& target, const HeldRow& row) const {
    const std::string edits = to_json(row.edits, true);
    target.execute(
        "UPDATE walpack.quarantine SET edits = $3::pg_catalog.json "
        "WHERE pipeline = $1 AND id = $2::pg_catalog.int8",
        {pipeline_, std::to_string(row.id), edits});
    target.execute(
        "INSERT INTO walpack.quarantine_history (pipeline, id, action, commit_lsn, schema_name, "
        "table_name, change, detail) SELECT pipeline, id, 'edited', commit_lsn, schema_name, "
        "table_name, change, edits FROM walpack.quarantine "
        "WHERE pipeline = $1 AND id = $2::pg_catalog.int8",
        {pipeline_, std::to_string(row.id)});
}

void QuarantineTable::set_behind(Connection& target, std::uint64_t id,
                                 const std::optional<std::uint64_t>& behind) const {
    target.execute(
        "UPDATE walpack.quarantine SET behind = $3::pg_catalog.int8 "
        "WHERE pipeline = $1 AND id = $2::pg_catalog.int8",
        {pipeline_, std::to_string(id),
         behind ? std::optional(std::to_string(*behind)) : std::nullopt});
}

void add_held(HeldKeys& keys, const HeldRow& row, const TargetTable* table) {
    const HeldChange held(row, false);
    keys.add(row.id, held.change(), table, &row.found);
    if (row.edits.empty()) return;
    const HeldChange edited(row, true);
    keys.add_image(row.id, edited.change(), table);
}

}  // namespace walpack
