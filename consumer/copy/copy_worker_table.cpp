// What a worker makes sure of before it reads a table: that it cannot be altered meanwhile, and is
// what was described.
#include <fmt/format.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"
#include "copy/copy_error.h"
#include "copy/copy_worker.h"
#include "copy/source_rows.h"

namespace walpack {

// A range of the key is read by the pages that hold it, each once and in their order: an index scan
// looks each row's page up, and the whole table would be read for each range.
void CopyWorker::read_by_pages(const TableLoad& load) {
    if (load.keys.empty()) return;
    reading().execute(
        "SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = off; "
        "SET LOCAL enable_bitmapscan = on");
}

namespace {

std::string lock_sql(const PublishedTable& published) {
    return fmt::format("LOCK TABLE {} IN ACCESS SHARE MODE", rows_of(published));
}

// For who handles `error`.
[[noreturn]] void throw_not_locked(const PublishedTable& published, const Error& error) {
    if (error.sqlstate() != kUndefinedTable && error.sqlstate() != kInvalidSchemaName) throw;
    throw OtherTable(
        fmt::format("there is no table \"{}\" any more", published.relation->qualified_name()));
}

}  // namespace

// The lock comes before the snapshot, so that no TRUNCATE and no rewrite can come in between.
std::optional<TakenSnapshot> CopyWorker::begin_reading(const CopyTask& task) {
    snapshot_at_.reset();
    const std::shared_ptr<const TableLoad> load = load_of(*task.table);
    try {
        return begin_with_snapshot(
            reading(), limit_sql(task, "statement_timeout") + "; " + lock_sql(*load->published));
    } catch (const Error& error) {
        throw_not_locked(*load->published, error);
    }
}

void CopyWorker::lock_rows(const PublishedTable& published, const char* how) {
    try {
        reading().execute(lock_sql(published) + how);
    } catch (const Error& error) {
        throw_not_locked(published, error);
    }
}

// What is read must be what was described: a column that was added meanwhile has values in rows
// that no change brings. While the table is locked it stays as it is found here.
void CopyWorker::require_as_described(const PublishedTable& published) {
    const Relation& relation = *published.relation;
    const std::string name =
        quote_identifier(relation.schema) + '.' + quote_identifier(relation.name);
    // The lock is on the name.
    if (reading().query_value("SELECT pg_catalog.to_regclass($1)::pg_catalog.oid", {name}) !=
        std::to_string(relation.oid))
        throw OtherTable(fmt::format("table \"{}\" was renamed or made anew while it is copied",
                                     relation.qualified_name()));
    if (read_shape(reading(), relation.oid) != published.shape)
        throw OtherTable(
            fmt::format("the columns of table \"{}\" are others now", relation.qualified_name()));
    if (read_publishing(reading(), relation.oid, options_.publications) != published.publishing)
        throw OtherTable(fmt::format("other rows or columns of table \"{}\" are published now",
                                     relation.qualified_name()));
}

}  // namespace walpack
