#include "copy/copy_activity.h"

#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>

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
    table_rows pg_catalog.int8[] NOT NULL,
    table_bytes pg_catalog.int8[] NOT NULL
) WITH (fillfactor = 50))";

// The setting holds for this statement's own transaction.
constexpr const char* kWrite = R"(
WITH session AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true))
INSERT INTO walpack.copy_activity
SELECT $1::pg_catalog.text, pg_catalog.clock_timestamp(), $2::pg_catalog.float8,
    $3::pg_catalog.float8, $4::pg_catalog.float8, $5::pg_catalog.int8, $6::pg_catalog.text[],
    $7::pg_catalog.int8[], $8::pg_catalog.int8[] FROM session
ON CONFLICT (pipeline) DO UPDATE SET reported_at = EXCLUDED.reported_at,
    rows_per_second = EXCLUDED.rows_per_second, bytes_per_second = EXCLUDED.bytes_per_second,
    part_copied = EXCLUDED.part_copied, seconds_left = EXCLUDED.seconds_left,
    table_names = EXCLUDED.table_names, table_rows = EXCLUDED.table_rows,
    table_bytes = EXCLUDED.table_bytes)";

// A row without a table when none is in work. What a run that is gone has told says nothing of the
// one that holds the pipeline's lock, which is to be put in.
constexpr const char* kRead = R"(
SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - reported_at),
    rows_per_second, bytes_per_second, part_copied, seconds_left, t.name, t.rows, t.bytes
FROM walpack.copy_activity
LEFT JOIN LATERAL ROWS FROM (pg_catalog.unnest(table_names), pg_catalog.unnest(table_rows),
    pg_catalog.unnest(table_bytes)) t(name, rows, bytes) ON true
WHERE pipeline = $1 AND reported_at >= COALESCE((
    SELECT pg_catalog.max(a.backend_start) FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid WHERE {}), '-infinity'))";

double number_at(const Result& result, int row, int column) {
    double number = 0;
    const std::string_view text = result.value(row, column);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// Whether there is such a table, with every one of these rights to it.
bool may(Connection& target, const std::vector<std::string>& rights) {
    return target
        .query_value(
            "SELECT 1 FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
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
    std::vector<std::string> names;
    std::vector<std::string> rows;
    std::vector<std::string> bytes;
    for (const TableFigures& table : figures.tables) {
        if (table.state != TableCopyState::copying) continue;
        names.push_back(table.name);
        rows.push_back(std::to_string(table.rows));
        bytes.push_back(std::to_string(table.bytes));
    }
    const auto left =
        figures.left ? std::optional(std::to_string(figures.left->count())) : std::nullopt;
    target.execute(kWrite,
                   {pipeline, std::to_string(figures.rows_per_second),
                    std::to_string(figures.bytes_per_second), std::to_string(figures.part_copied),
                    left, array_literal(names), array_literal(rows), array_literal(bytes)});
}

std::optional<ReportedCopy> read_copy_activity(Connection& target, const std::string& pipeline) {
    if (!may(target, {"SELECT"})) return std::nullopt;
    const Result result =
        target.execute(fmt::format(kRead, is_held_sql(pipeline_lock_key(pipeline))), {pipeline});
    if (result.rows() == 0) return std::nullopt;
    ReportedCopy reported;
    reported.seconds_ago = number_at(result, 0, 0);
    reported.figures.rows_per_second = number_at(result, 0, 1);
    reported.figures.bytes_per_second = number_at(result, 0, 2);
    reported.figures.part_copied = number_at(result, 0, 3);
    if (!result.is_null(0, 4)) reported.figures.left = std::chrono::seconds(count_at(result, 0, 4));
    for (int row = 0; row < result.rows(); ++row) {
        if (result.is_null(row, 5)) continue;
        TableFigures table;
        table.name = result.value(row, 5);
        table.rows = count_at(result, row, 6);
        table.bytes = count_at(result, row, 7);
        reported.figures.tables.push_back(std::move(table));
    }
    return reported;
}

}  // namespace walpack
