#include "copy/copy_catalog.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "copy/copy_sessions.h"
#include "progress/walpack_table.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

std::string_view name_of(ChunkMethod method) {
    return method == ChunkMethod::key ? "key" : "whole";
}

[[noreturn]] void throw_damaged(const std::string& what) {
    throw Error(ErrorKind::config, fmt::format("walpack.{} on the target is damaged", what))
        .hint("Drop the pipeline with \"walpack drop\" and set it up again.");
}

TableState state_at(const Result& result, int row, int column) {
    const auto state = table_state_of(result.value(row, column));
    if (!state) throw_damaged("copy_table");
    return *state;
}

std::optional<KeyBound> bound_at(const Result& result, int row, int text, int order) {
    if (result.is_null(row, text)) return std::nullopt;
    return KeyBound{std::string(result.value(row, text)), from_hex(result.value(row, order))};
}

std::optional<std::string> text_of(const std::optional<KeyBound>& bound) {
    return bound ? std::optional(bound->text) : std::nullopt;
}

std::optional<std::string> order_of(const std::optional<KeyBound>& bound) {
    return bound ? std::optional("\\x" + to_hex(bound->sort_key)) : std::nullopt;
}

bool exists(Connection& target) {
    return has_walpack_table(target, "copy_chunk");
}

std::optional<Lsn> lsn_at(const Result& result, int row, int column) {
    return result.is_null(row, column) ? std::nullopt : Lsn::parse(result.value(row, column));
}

SourceSnapshot snapshot_at(const Result& result, int row, int column) {
    const auto snapshot = SourceSnapshot::parse(result.value(row, column));
    if (!snapshot) throw_damaged("copy_chunk");
    return *snapshot;
}

// Of keys of several columns those behind the first. `tables` are by oid, read a moment before.
void add_more_key_columns(Connection& target, const std::string& pipeline,
                          std::vector<StoredTable>& tables) {
    const Result result = target.execute(
        "SELECT t.table_oid, m.name FROM walpack.copy_table t CROSS JOIN LATERAL "
        "pg_catalog.unnest(t.more_key_columns) WITH ORDINALITY m(name, place) "
        "WHERE t.pipeline = $1 ORDER BY t.table_oid, m.place",
        {pipeline});
    for (int row = 0; row < result.rows(); ++row) {
        const auto found =
            std::ranges::lower_bound(tables, oid_at(result, row, 0), {}, &StoredTable::oid);
        if (found != tables.end() && found->oid == oid_at(result, row, 0))
            found->key_columns.emplace_back(result.value(row, 1));
    }
}

}  // namespace

StoredTable stored_table(const PublishedTable& published, TableState state) {
    StoredTable stored;
    stored.oid = published.relation->oid;
    stored.name = published.name();
    stored.state = state;
    return stored;
}

bool CopyCatalog::is_begun(Connection& target) const {
    return exists(target) &&
           target.query_value("SELECT 1 FROM walpack.copy WHERE pipeline = $1", {pipeline_});
}

std::vector<StoredTable> CopyCatalog::tables(Connection& target) const {
    std::vector<StoredTable> stored;
    const Result result = target.execute(
        "SELECT table_oid, schema_name, table_name, state, method, key_column, required_snapshot, "
        "rows_estimated, bytes_estimated, required_lsn, key_kind, "
        "COALESCE(pg_catalog.to_jsonb(t) ->> 'publishing', '') FROM walpack.copy_table t WHERE "
        "pipeline = $1 ORDER BY table_oid",
        {pipeline_});
    for (int row = 0; row < result.rows(); ++row) {
        StoredTable table;
        table.oid = oid_at(result, row, 0);
        table.name = {std::string(result.value(row, 1)), std::string(result.value(row, 2))};
        table.state = state_at(result, row, 3);
        table.method = result.value(row, 4) == "key" ? ChunkMethod::key : ChunkMethod::whole;
        if (table.method == ChunkMethod::key && !result.value(row, 5).empty())
            table.key_columns.emplace_back(result.value(row, 5));
        if (!result.is_null(row, 6)) table.required = snapshot_at(result, row, 6);
        table.rows_estimated = count_at(result, row, 7);
        table.bytes_estimated = count_at(result, row, 8);
        table.required_lsn = lsn_at(result, row, 9).value_or(Lsn{});
        table.key_kinds = result.value(row, 10);
        table.publishing = result.value(row, 11);
        stored.push_back(std::move(table));
    }
    add_more_key_columns(target, pipeline_, stored);
    return stored;
}

StoredCopy CopyCatalog::read(Connection& target) const {
    StoredCopy stored;
    if (!exists(target)) return stored;
    const Result unseen = target.execute(
        "SELECT pg_catalog.split_part(u.item, '@', 1), pg_catalog.split_part(u.item, '@', 2), "
        "c.kept_from FROM walpack.copy c LEFT JOIN LATERAL pg_catalog.unnest(c.unseen) u(item) ON "
        "true "
        "WHERE c.pipeline = $1",
        {pipeline_});
    if (unseen.rows() == 0) return stored;
    stored.unseen.emplace();
    stored.kept_from = lsn_at(unseen, 0, 2);
    for (int row = 0; row < unseen.rows(); ++row) {
        if (unseen.is_null(row, 0)) continue;
        const auto lsn = Lsn::parse(unseen.value(row, 1));
        if (!lsn) throw_damaged("copy");
        (*stored.unseen)[*lsn] = static_cast<std::uint32_t>(count_at(unseen, row, 0));
    }
    stored.tables = tables(target);
    const Result chunks = target.execute(
        "SELECT table_oid, chunk, key_from, pg_catalog.encode(order_from, 'hex'), key_to, "
        "pg_catalog.encode(order_to, 'hex'), page_from, page_to, snapshot, settled_lsn, rows, "
        "bytes, is_live FROM walpack.copy_chunk WHERE pipeline = $1 "
        "ORDER BY table_oid, order_from NULLS FIRST, chunk",
        {pipeline_});
    for (int row = 0; row < chunks.rows(); ++row) {
        StoredChunk chunk;
        chunk.table_oid = oid_at(chunks, row, 0);
        chunk.number = static_cast<std::uint32_t>(count_at(chunks, row, 1));
        chunk.range = {bound_at(chunks, row, 2, 3), bound_at(chunks, row, 4, 5)};
        chunk.pages.from = count_at(chunks, row, 6);
        if (!chunks.is_null(row, 7)) chunk.pages.to = count_at(chunks, row, 7);
        if (!chunks.is_null(row, 8)) chunk.snapshot = snapshot_at(chunks, row, 8);
        chunk.settled_lsn = lsn_at(chunks, row, 9).value_or(Lsn{});
        chunk.rows = count_at(chunks, row, 10);
        chunk.bytes = count_at(chunks, row, 11);
        chunk.is_live = chunks.value(row, 12) == "t";
        stored.chunks.push_back(std::move(chunk));
    }
    return stored;
}

std::vector<TableName> CopyCatalog::requested(Connection& target) const {
    const Result result = target.execute(
        "SELECT schema_name, table_name FROM walpack.copy_table "
        "WHERE pipeline = $1 AND state = 'requested' ORDER BY table_oid",
        {pipeline_});
    std::vector<TableName> names;
    for (int row = 0; row < result.rows(); ++row)
        names.push_back({std::string(result.value(row, 0)), std::string(result.value(row, 1))});
    return names;
}

std::vector<TableFigures> CopyCatalog::figures(Connection& target) const {
    std::vector<TableFigures> figures;
    if (!exists(target)) return figures;
    const Result result = target.execute(
        "SELECT t.schema_name, t.table_name, t.state, t.rows_estimated, t.bytes_estimated, "
        "CASE t.state WHEN 'requested' THEN 0 ELSE t.rows + COALESCE(c.rows, 0) END, "
        "CASE t.state WHEN 'requested' THEN 0 ELSE t.bytes + COALESCE(c.bytes, 0) END, "
        "CASE t.state WHEN 'requested' THEN 0 ELSE COALESCE(c.done, 0) END, "
        "COALESCE(c.total, 0) FROM walpack.copy_table t LEFT JOIN (SELECT table_oid, "
        "pg_catalog.sum(rows) AS rows, pg_catalog.sum(bytes) AS bytes, "
        "pg_catalog.count(snapshot) AS done, pg_catalog.count(*) AS total "
        "FROM walpack.copy_chunk WHERE pipeline = $1 GROUP BY table_oid) c USING (table_oid) "
        "WHERE t.pipeline = $1 ORDER BY 1, 2",
        {pipeline_});
    for (int row = 0; row < result.rows(); ++row) {
        TableFigures table;
        table.name = fmt::format("{}.{}", result.value(row, 0), result.value(row, 1));
        table.state = shown_state(state_at(result, row, 2));
        table.rows_estimated = count_at(result, row, 3);
        table.bytes_estimated = count_at(result, row, 4);
        table.rows = count_at(result, row, 5);
        table.bytes = count_at(result, row, 6);
        table.chunks_done = count_at(result, row, 7);
        table.chunks_total = count_at(result, row, 8);
        figures.push_back(std::move(table));
    }
    return figures;
}

void CopyCatalog::add_table(Connection& target, const StoredTable& table) const {
    target.execute(
        "INSERT INTO walpack.copy_table (pipeline, table_oid, schema_name, table_name, state, "
        "method) VALUES ($1, $2::pg_catalog.oid, $3, $4, $5, $6)",
        {pipeline_, std::to_string(table.oid), table.name.schema, table.name.table,
         std::string(name_of(table.state)), std::string(name_of(table.method))});
    if (table.required)
        target.execute(set_required_sql(table.oid, *table.required, table.required_lsn));
}

void CopyCatalog::store_plan(Connection& target, const StoredTable& table,
                             const std::vector<StoredChunk>& chunks) const {
    const std::string oid = std::to_string(table.oid);
    std::vector<std::string> more = table.key_columns;
    if (!more.empty()) more.erase(more.begin());
    target.execute(
        "UPDATE walpack.copy_table SET state = 'copying', method = $3, key_column = $4, "
        "rows_estimated = $5::pg_catalog.int8, bytes_estimated = $6::pg_catalog.int8, "
        "key_kind = $7, more_key_columns = $8::pg_catalog.text[], publishing = $9, "
        "changed_at = pg_catalog.now() "
        "WHERE pipeline = $1 AND table_oid = $2::pg_catalog.oid",
        {pipeline_, oid, std::string(name_of(table.method)),
         table.key_columns.empty() ? "" : table.key_columns.front(),
         std::to_string(table.rows_estimated), std::to_string(table.bytes_estimated),
         table.key_kinds, array_literal(more), table.publishing});
    for (const StoredChunk& chunk : chunks) add_chunk(target, chunk);
}

void CopyCatalog::add_chunk(Connection& target, const StoredChunk& chunk,
                            const std::string& unless) const {
    const auto page_to =
        chunk.pages.to ? std::optional(std::to_string(*chunk.pages.to)) : std::nullopt;
    target.execute(
        "INSERT INTO walpack.copy_chunk (pipeline, table_oid, chunk, key_from, key_to, "
        "order_from, order_to, page_from, page_to) VALUES ($1, $2::pg_catalog.oid, "
        "$3::pg_catalog.int4, $4, $5, $6::pg_catalog.bytea, $7::pg_catalog.bytea, "
        "$8::pg_catalog.int8, $9::pg_catalog.int8)" +
            unless,
        {pipeline_, std::to_string(chunk.table_oid), std::to_string(chunk.number),
         text_of(chunk.range.from), text_of(chunk.range.to), order_of(chunk.range.from),
         order_of(chunk.range.to), std::to_string(chunk.pages.from), page_to});
}

void CopyCatalog::cut_chunk(Connection& target, std::uint32_t number,
                            const StoredChunk& upper) const {
    Transaction transaction(target, begin_copy_sql(pipeline_));
    target.execute(
        "UPDATE walpack.copy_chunk SET key_to = $4, order_to = $5::pg_catalog.bytea "
        "WHERE pipeline = $1 AND table_oid = $2::pg_catalog.oid AND chunk = $3::pg_catalog.int4",
        {pipeline_, std::to_string(upper.table_oid), std::to_string(number),
         text_of(upper.range.from), order_of(upper.range.from)});
    add_chunk(target, upper, " ON CONFLICT DO NOTHING");
    transaction.commit();
}

std::string CopyCatalog::of_table(std::uint32_t table_oid) const {
    return fmt::format("WHERE pipeline = {} AND table_oid = {}", quote_literal(pipeline_),
                       table_oid);
}

std::string CopyCatalog::restart_table_sql(std::uint32_t table_oid) const {
    const std::string where = of_table(table_oid);
    return fmt::format(
        "WITH gone AS (DELETE FROM walpack.copy_chunk {0}) UPDATE walpack.copy_table "
        "SET state = 'waiting', rows = 0, bytes = 0, started_at = pg_catalog.now(), "
        "changed_at = pg_catalog.now() {0}",
        where);
}

std::string CopyCatalog::rename_table_sql(std::uint32_t table_oid, const TableName& name) const {
    return fmt::format("UPDATE walpack.copy_table SET schema_name = {}, table_name = {} {}",
                       quote_literal(name.schema), quote_literal(name.table), of_table(table_oid));
}

std::string CopyCatalog::set_state_sql(std::uint32_t table_oid, TableState state) const {
    return fmt::format(
        "UPDATE walpack.copy_table SET state = '{}', changed_at = pg_catalog.now() {} "
        "AND state IN ('copying', 'building', 'settling')",
        name_of(state), of_table(table_oid));
}

std::string CopyCatalog::set_required_sql(std::uint32_t table_oid, const SourceSnapshot& required,
                                          Lsn required_lsn) const {
    return fmt::format(
        "UPDATE walpack.copy_table SET required_snapshot = {}, required_lsn = '{}' {}",
        quote_literal(required.to_string()), required_lsn.to_string(), of_table(table_oid));
}

bool CopyCatalog::mark_loaded(Connection& target, const StoredChunk& chunk) const {
    const Result marked = target.execute(fmt::format(
        "UPDATE walpack.copy_chunk SET snapshot = {}, settled_lsn = '{}', rows = {}, bytes = {}, "
        "is_live = false, loaded_at = pg_catalog.now() {} AND chunk = {} AND snapshot IS NULL",
        quote_literal(chunk.snapshot.value().to_string()), chunk.settled_lsn.to_string(),
        chunk.rows, chunk.bytes, of_table(chunk.table_oid), chunk.number));
    return marked.affected_rows() == 1;
}

std::string CopyCatalog::mark_live_sql(std::uint32_t table_oid,
                                       const std::vector<std::uint32_t>& numbers) const {
    return fmt::format(
        "UPDATE walpack.copy_chunk SET is_live = true {} AND chunk = ANY ("
        "'{{{}}}'::pg_catalog.int4[])",
        of_table(table_oid), fmt::join(numbers, ","));
}

std::string CopyCatalog::reset_chunk_sql(std::uint32_t table_oid, std::uint32_t number) const {
    return fmt::format(
        "UPDATE walpack.copy_chunk SET snapshot = NULL, settled_lsn = NULL, rows = 0, bytes = 0, "
        "is_live = false, loaded_at = NULL {} AND chunk = {}",
        of_table(table_oid), number);
}

std::string CopyCatalog::set_unseen_sql(const UnseenTransactions& unseen) const {
    std::vector<std::string> items;
    for (const auto& [commit_lsn, xid] : unseen)
        items.push_back(fmt::format("{}@{}", xid, commit_lsn.to_string()));
    return fmt::format("UPDATE walpack.copy SET unseen = '{{{}}}' WHERE pipeline = {}",
                       fmt::join(items, ","), quote_literal(pipeline_));
}

std::string CopyCatalog::set_kept_from_sql(std::optional<Lsn> lsn) const {
    return fmt::format("UPDATE walpack.copy SET kept_from = {} WHERE pipeline = {}",
                       lsn ? quote_literal(lsn->to_string()) : "NULL", quote_literal(pipeline_));
}

std::string CopyCatalog::finish_table_sql(std::uint32_t table_oid) const {
    return fmt::format(
        "WITH gone AS (DELETE FROM walpack.copy_chunk {0} RETURNING rows, bytes) "
        "UPDATE walpack.copy_table SET state = CASE state WHEN 'requested' THEN state ELSE 'ready' "
        "END, changed_at = pg_catalog.now(), rows = s.rows, bytes = s.bytes FROM (SELECT "
        "COALESCE(pg_catalog.sum(rows), 0) AS rows, COALESCE(pg_catalog.sum(bytes), 0) AS bytes "
        "FROM gone) s {0}",
        of_table(table_oid));
}

std::string CopyCatalog::forget_table_sql(std::uint32_t table_oid) const {
    return fmt::format(
        "WITH gone AS (DELETE FROM walpack.copy_chunk {0}) DELETE FROM walpack.copy_table {0}",
        of_table(table_oid));
}

std::string CopyCatalog::follow_table_sql(std::uint32_t table_oid, std::uint32_t new_oid) const {
    return fmt::format(
        "WITH gone AS (DELETE FROM walpack.copy_chunk {0}) "
        "UPDATE walpack.copy_table SET table_oid = {1} {0}",
        of_table(table_oid), new_oid);
}

std::string CopyCatalog::give_up_request_sql(std::uint32_t table_oid, TableState state) const {
    return fmt::format("UPDATE walpack.copy_table SET state = '{}' {} AND state = 'requested'",
                       name_of(state), of_table(table_oid));
}

std::string CopyCatalog::request_sql(std::uint32_t table_oid) const {
    return fmt::format(
        "UPDATE walpack.copy_table SET state = 'requested', changed_at = pg_catalog.now() {}",
        of_table(table_oid));
}

bool CopyCatalog::request_again(Connection& target, const TableName& name) const {
    if (!exists(target)) return false;
    const Result result = target.execute(
        "UPDATE walpack.copy_table SET state = 'requested', changed_at = pg_catalog.now() "
        "WHERE pipeline = $1 AND schema_name = $2 AND table_name = $3",
        {pipeline_, name.schema, name.table});
    return result.affected_rows() == 1;
}

}  // namespace walpack
