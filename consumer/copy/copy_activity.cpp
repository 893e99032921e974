#include "copy/copy_activity.h"

#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "copy/copy_progress_text.h"
#include "progress/advisory_lock.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

constexpr const char* kCreateTable = R"(
CREATE TABLE IF NOT EXISTS walpack.copy_activity (
    pipeline pg_catalog.text COLLATE "C" NOT NULL PRIMARY KEY,
    reported_at pg_catalog.timestamptz NOT NULL,
    rows_per_second pg_catalog.float8 NOT NULL,
    bytes_per_second pg_catalog.float8 NOT NULL,
    part_copied pg_catalog.float8 NOT NULL,
    seconds_left pg_catalog.int8,
    table_names pg_catalog.text[] NOT NULL,
    table_states pg_catalog.text[] NOT NULL,
    table_rows pg_catalog.int8[] NOT NULL,
    table_bytes pg_catalog.int8[] NOT NULL,
    table_rows_estimated pg_catalog.int8[] NOT NULL,
    table_bytes_estimated pg_catalog.int8[] NOT NULL,
    table_rows_per_second pg_catalog.float8[] NOT NULL,
    table_bytes_per_second pg_catalog.float8[] NOT NULL,
    table_seconds_left pg_catalog.int8[] NOT NULL
) WITH (fillfactor = 50))";

// The setting holds for this statement's own transaction.
constexpr const char* kWrite = R"(
WITH session AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true))
INSERT INTO walpack.copy_activity
SELECT $1::pg_catalog.text, pg_catalog.clock_timestamp(), $2::pg_catalog.float8,
    $3::pg_catalog.float8, $4::pg_catalog.float8, $5::pg_catalog.int8, $6::pg_catalog.text[],
    $7::pg_catalog.text[], $8::pg_catalog.int8[], $9::pg_catalog.int8[], $10::pg_catalog.int8[],
    $11::pg_catalog.int8[], $12::pg_catalog.float8[], $13::pg_catalog.float8[],
    $14::pg_catalog.int8[] FROM session
ON CONFLICT (pipeline) DO UPDATE SET reported_at = EXCLUDED.reported_at,
    rows_per_second = EXCLUDED.rows_per_second, bytes_per_second = EXCLUDED.bytes_per_second,
    part_copied = EXCLUDED.part_copied, seconds_left = EXCLUDED.seconds_left,
    table_names = EXCLUDED.table_names, table_states = EXCLUDED.table_states,
    table_rows = EXCLUDED.table_rows, table_bytes = EXCLUDED.table_bytes,
    table_rows_estimated = EXCLUDED.table_rows_estimated,
    table_bytes_estimated = EXCLUDED.table_bytes_estimated,
    table_rows_per_second = EXCLUDED.table_rows_per_second,
    table_bytes_per_second = EXCLUDED.table_bytes_per_second,
    table_seconds_left = EXCLUDED.table_seconds_left)";

// A row without a table when none was told of. What a run that is gone has told says nothing of the
// one that holds the pipeline's lock, which is to be put in.
constexpr const char* kRead = R"(
SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - reported_at),
    rows_per_second, bytes_per_second, part_copied, seconds_left, t.*
FROM walpack.copy_activity
LEFT JOIN LATERAL ROWS FROM (pg_catalog.unnest(table_names), pg_catalog.unnest(table_states),
    pg_catalog.unnest(table_rows), pg_catalog.unnest(table_bytes),
    pg_catalog.unnest(table_rows_estimated), pg_catalog.unnest(table_bytes_estimated),
    pg_catalog.unnest(table_rows_per_second), pg_catalog.unnest(table_bytes_per_second),
    pg_catalog.unnest(table_seconds_left)) t ON true
WHERE pipeline = $1 AND reported_at >= COALESCE((
    SELECT pg_catalog.max(a.backend_start) FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid WHERE {}), '-infinity'))";

double number_at(const Result& result, int row, int column) {
    double number = 0;
    const std::string_view text = result.value(row, column);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::string text_of(const std::optional<std::chrono::seconds>& time) {
    return time ? std::to_string(time->count()) : "NULL";
}

// The text form of an array of numbers.
template <typename NumberOf>
std::string numbers(const std::vector<TableFigures>& tables, NumberOf number_of) {
    std::string out;
    for (const TableFigures& table : tables)
        out += fmt::format("{}{}", out.empty() ? "" : ",", number_of(table));
    return '{' + out + '}';
}

CopySpeed speed_at(const Result& result, int row, int rows, int bytes, int left) {
    CopySpeed speed{number_at(result, row, rows), number_at(result, row, bytes), {}};
    if (!result.is_null(row, left))
        speed.left = std::chrono::seconds(static_cast<std::int64_t>(count_at(result, row, left)));
    return speed;
}

// Whether there is such a table, with all its columns and every one of these rights to it.
bool may(Connection& target, const std::vector<std::string>& rights) {
    return target
        .query_value(
            "SELECT 1 FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid "
            "AND a.attname = 'table_seconds_left' "
            "WHERE n.nspname = 'walpack' AND c.relname = 'copy_activity' AND "
            "(SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, u.right_to)) "
            "FROM pg_catalog.unnest($1::pg_catalog.text[]) u(right_to))",
            {array_literal(rights)})
        .has_value();
}

}  // namespace

void create_copy_activity_table(Connection& target) {
    target.execute(kCreateTable);
}

void write_copy_activity(Connection& target, const std::string& pipeline,
                         const CopyFigures& figures) {
    if (!may(target, {"SELECT", "INSERT", "UPDATE"})) return;
    const auto& tables = figures.tables;
    std::vector<std::string> names;
    std::vector<std::string> states;
    for (const TableFigures& table : tables) {
        names.push_back(table.name);
        states.emplace_back(word_of(table.state));
    }
    const auto left =
        figures.speed.left ? std::optional(text_of(figures.speed.left)) : std::nullopt;
    using Table = TableFigures;
    target.execute(
        kWrite,
        {pipeline, std::to_string(figures.speed.rows_per_second),
         std::to_string(figures.speed.bytes_per_second), std::to_string(figures.part_copied), left,
         array_literal(names), array_literal(states),
         numbers(tables, [](const Table& table) { return table.rows; }),
         numbers(tables, [](const Table& table) { return table.bytes; }),
         numbers(tables, [](const Table& table) { return table.rows_estimated; }),
         numbers(tables, [](const Table& table) { return table.bytes_estimated; }),
         numbers(tables, [](const Table& table) { return table.speed.rows_per_second; }),
         numbers(tables, [](const Table& table) { return table.speed.bytes_per_second; }),
         numbers(tables, [](const Table& table) { return text_of(table.speed.left); })});
}

std::optional<ReportedCopy> read_copy_activity(Connection& target, const std::string& pipeline) {
    if (!may(target, {"SELECT"})) return std::nullopt;
    const Result result =
        target.execute(fmt::format(kRead, is_held_sql(pipeline_lock_key(pipeline))), {pipeline});
    if (result.rows() == 0) return std::nullopt;
    ReportedCopy reported;
    reported.seconds_ago = number_at(result, 0, 0);
    reported.figures.speed = speed_at(result, 0, 1, 2, 4);
    reported.figures.part_copied = number_at(result, 0, 3);
    for (int row = 0; row < result.rows(); ++row) {
        if (result.is_null(row, 5)) continue;
        TableFigures table;
        table.name = result.value(row, 5);
        table.state = state_of_word(result.value(row, 6)).value_or(TableCopyState::waiting);
        table.rows = count_at(result, row, 7);
        table.bytes = count_at(result, row, 8);
        table.rows_estimated = count_at(result, row, 9);
        table.bytes_estimated = count_at(result, row, 10);
        table.speed = speed_at(result, row, 11, 12, 13);
        reported.figures.tables.push_back(std::move(table));
    }
    return reported;
}

}  // namespace walpack
