#include "copy/copy_worker.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/copy_sessions.h"
#include "copy/copy_start.h"
#include "copy/taken_snapshot.h"
#include "copy/target_rows.h"
#include "pg/primary.h"
#include "schema/target_session.h"
#include "structure/post_data.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

// What waits for a stronger lock on a table that is published may wait for the copy itself.
constexpr const char* kLimitLockWaits = "SET lock_timeout = '10s'";
constexpr std::chrono::milliseconds kExactLook{100};
// Whether the server is a standby; its timeline.
constexpr const char* kReadTimeline = R"(
SELECT r.is_standby, CASE WHEN r.is_standby
    THEN (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())
    ELSE ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(
        pg_catalog.pg_current_wal_insert_lsn()), 1, 8))::pg_catalog.bit(32)::pg_catalog.int4 END
FROM (SELECT pg_catalog.pg_is_in_recovery() AS is_standby OFFSET 0) r)";

}  // namespace

std::string reading_application_name(const std::string& pipeline) {
    return std::string(kCopyApplicationName) + '_' + pipeline;
}

std::unique_ptr<Connection> connect_in_encoding(const Conninfo& conninfo,
                                                const std::string& encoding,
                                                const StopRequest& stop,
                                                const std::string& application_name) {
    auto connection = std::make_unique<Connection>(conninfo, stop, application_name);
    connection->execute("SET client_encoding = " + quote_literal(encoding));
    return connection;
}

std::unique_ptr<Connection> connect_to_source(const CopyWorkerOptions& options,
                                              const StopRequest& stop) {
    auto source = connect_in_encoding(options.source, options.encoding, stop);
    require_primary(*source);
    source->execute(kLimitLockWaits);
    return source;
}

CopyWorker::CopyWorker(const CopyWorkerOptions& options, const CopyWorkerShared& shared,
                       const StopRequest& stop)
    : options_(options),
      shared_(shared),
      tables_(shared.tables),
      stop_(stop),
      catalog_(options.pipeline) {}

Connection& CopyWorker::reading() {
    if (reading_ == nullptr) {
        reading_ = connect_in_encoding(options_.reading, options_.encoding, stop_,
                                       reading_application_name(options_.pipeline));
        set_up_source_session(*reading_);
        reading_->keep_statements();  // the same about each table
        require_timeline();
    }
    return *reading_;
}

// After a failover a standby may not follow, or have become a primary by itself: what it has, or
// will have, is not what the stream brings. One that follows says so with its next restartpoint;
// one that was promoted names its files at once by the timeline that it writes.
void CopyWorker::require_timeline() {
    reads_standby_ = false;
    if (options_.reading.keywords() == options_.source.keywords()) return;
    const Result result = reading_->execute(kReadTimeline);
    reads_standby_ = result.value(0, 0) == "t";
    const std::string_view timeline = result.value(0, 1);
    if (options_.timeline == 0 || timeline == std::to_string(options_.timeline)) return;
    const Error error(ErrorKind::connection,
                      fmt::format("copy_from, {}, is on timeline {}, and the source on {}",
                                  reading_->description(), timeline, options_.timeline));
    reading_.reset();
    throw Error(error).hint(
        "It is tried again, as it may follow. Name a standby of the source that is now.");
}

Connection& CopyWorker::target() {
    if (target_ == nullptr) {
        target_ = connect_in_encoding(options_.target, options_.encoding, stop_);
        set_up_target_session(*target_);
        if (options_.origins != nullptr) options_.origins->take(*target_);
    }
    return *target_;
}

void CopyWorker::disconnect() {
    reading_.reset();
    target_.reset();
}

void CopyWorker::run(CopyTask& task) {
    switch (task.kind) {
        case CopyTask::Kind::empty:
            return empty(*task.table);
        case CopyTask::Kind::plan:
            return plan(*task.table);
        case CopyTask::Kind::load:
            return load(task);
        case CopyTask::Kind::build:
            return build(task);
        case CopyTask::Kind::finish:
            return finish(*task.table);
        case CopyTask::Kind::analyze:
            return analyze(*task.table);
    }
}

// One that was taken for another table serves where its changes were dropped by then already: to
// take one means to wait for all transactions that run.
ExactSnapshot CopyWorker::find_required(const CopyTable& table) {
    std::unique_lock lock(tables_.mutex);
    while (true) {
        const auto& exact = tables_.exact;
        const auto& from = table.dropped_from;
        if (exact && from && from->is_valid() && *from <= exact->lsn) return *exact;
        if (!tables_.is_exact_awaited) break;
        stop_.throw_if_requested();
        tables_.changed.wait_for(lock, kExactLook);
    }
    tables_.is_exact_awaited = true;
    lock.unlock();
    log::info("waiting for a snapshot that sees what was dropped of {}",
              table.published->relation->qualified_name());
    const auto asked_at = std::chrono::steady_clock::now();
    std::optional<ExactSnapshot> exact;
    const auto note = [&] {
        lock.lock();
        tables_.is_exact_awaited = false;
        if (exact && asked_at >= tables_.session_at) tables_.exact = exact;
        tables_.changed.notify_all();
    };
    try {
        const auto source = connect_to_source(options_, stop_);
        exact = take_exact_snapshot(
            {.source = options_.source, .selection = {}, .pipeline = options_.pipeline}, *source,
            stop_);
    } catch (...) {
        note();
        throw;
    }
    note();
    return *exact;
}

// The stream drops the table's changes by now: what is asked of snapshots is found out after that.
void CopyWorker::empty(CopyTable& table) {
    std::optional<SourceSnapshot> required = table.stored.required;
    Lsn required_lsn = table.stored.required_lsn;
    if (table.needs_required) {
        const ExactSnapshot exact = find_required(table);
        required = exact.snapshot;
        required_lsn = exact.lsn;
    }
    Transaction transaction(target(), begin_copy_sql(options_.pipeline));
    // First, so that a row of it that is just being retried is there to be deleted.
    RefusedCopyRows* const refused = options_.refused_rows;
    if (refused != nullptr) refused->give_up(table.stored.name, target());
    empty_table(target(), *table.mapping->table);
    target().execute(catalog_.restart_table_sql(table.stored.oid));
    target().execute(catalog_.set_required_sql(table.stored.oid, required.value(), required_lsn));
    transaction.commit();
    if (refused != nullptr) refused->note_committed();
    const std::lock_guard lock(tables_.mutex);
    table.stored.required = required;
    table.stored.required_lsn = required_lsn;
    table.stored.state = TableState::waiting;
    table.needs_required = false;
    table.was_emptied = true;
    table.dropped_from.reset();
    table.is_settled = false;
    table.parts.clear();
    table.chunks.clear();
    tables_.note_change();
}

// Where the target holds rows of different chunks against each other, those must be of one
// snapshot.
ChunkPlan CopyWorker::make_plan(const CopyTable& table) {
    ChunkPlanOptions options;
    options.chunk_bytes = options_.chunk_bytes;
    options.workers = options_.workers;
    options.may_cut_by = [&table](const std::vector<std::size_t>& attributes) {
        const auto& columns = table.mapping->columns;
        return std::ranges::all_of(attributes, [&](std::size_t attribute) {
            const auto column = std::ranges::find(columns, attribute, &ColumnMapping::attribute);
            return column != columns.end() &&
                   std::ranges::all_of(
                       table.mapping->table->unique_indexes, [&column](const UniqueIndex& index) {
                           return index.is_plain &&
                                  std::ranges::count(index.columns, column->column->name) > 0;
                       });
        });
    };
    return plan_chunks(reading(), *table.published, options);
}

// An index may have been made on the target since it was asked for again.
void CopyWorker::describe_again(CopyTable& table) {
    {
        const std::lock_guard lock(tables_.mutex);
        if (!table.was_emptied) return;
    }
    auto mapping =
        std::make_shared<const RelationMapping>(map_all(target(), {*table.published}).front());
    const std::lock_guard lock(tables_.mutex);
    table.mapping = std::move(mapping);
    table.was_emptied = false;
}

void CopyWorker::plan(CopyTable& table) {
    describe_again(table);
    reading().execute("BEGIN");
    lock_rows(*table.published);
    require_as_described(*table.published);
    const ChunkPlan plan = make_plan(table);
    reading().execute("COMMIT");
    StoredTable stored = table.stored;
    stored.method = plan.method;
    stored.rows_estimated = plan.rows_estimated;
    stored.bytes_estimated = plan.bytes_estimated;
    stored.state = TableState::copying;
    stored.publishing = table.published->publishing;
    note_key(*table.published, plan.key_attributes, stored);
    std::vector<StoredChunk> chunks(plan.method == ChunkMethod::key ? plan.ranges.size()
                                                                    : plan.pages.size());
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        chunks[i].table_oid = stored.oid;
        chunks[i].number = static_cast<std::uint32_t>(i);
        plan.method == ChunkMethod::key ? void(chunks[i].range = plan.ranges[i])
                                        : void(chunks[i].pages = plan.pages[i]);
    }
    auto load =
        std::make_shared<const TableLoad>(make_table_load(table.published, table.mapping, plan));
    Transaction transaction(target(), begin_copy_sql(options_.pipeline));
    catalog_.store_plan(target(), stored, chunks);
    transaction.commit();
    log::info("copying {} in {} part{}, {}: {}", table.published->relation->qualified_name(),
              chunks.size(), chunks.size() == 1 ? "" : "s",
              load->is_binary ? "binary" : "as text, as " + load->format_reason, plan.reason);
    const std::lock_guard lock(tables_.mutex);
    table.stored = std::move(stored);
    table.load = std::move(load);
    table.chunks = std::vector<CopyChunk>(table.is_whole() ? 1 : chunks.size());
    table.parts.clear();
    for (StoredChunk& chunk : chunks) {
        CopyPart part;
        part.stored = std::move(chunk);
        table.parts.push_back(std::move(part));
    }
    assign_stages(table);
    table.taken_back = {};
    if (std::exchange(table.is_shown, true)) {
        shared_.progress.restart_table(table.progress_number, table.figures());
    } else {
        table.progress_number = shared_.progress.add_table(table.figures());
    }
    tables_.note_change();
}

// Another worker may replace it, when the table was altered.
std::shared_ptr<const TableLoad> CopyWorker::load_of(const CopyTable& table) {
    const std::lock_guard lock(tables_.mutex);
    return table.load;
}

void CopyWorker::build(const CopyTask& task) {
    const PostDataItem& item = task.build->item;
    log::info("making {}", item.description);
    PostData post_data(target(), options_.pipeline);
    const auto started = Clock::now();
    const auto refusal = post_data.make(item, target());
    if (refusal) {
        log::error("the target refused {}: {}\n{}", item.description, *refusal, item.statement);
    } else {
        log::info("made {} in {:.1f} s", item.description,
                  std::chrono::duration<double>(Clock::now() - started).count());
    }
    const std::lock_guard lock(tables_.mutex);
    task.build->is_done = true;
}

void CopyWorker::finish(CopyTable& table) {
    Transaction transaction(target(), begin_copy_sql(options_.pipeline));
    target().execute(catalog_.finish_table_sql(table.stored.oid));
    transaction.commit();
    const std::lock_guard lock(tables_.mutex);
    table.stored.state = TableState::ready;
    table.needs_analyze = true;
    shared_.progress.set_state(table.progress_number, TableCopyState::done);
    log::info("the copy of {} is complete", table.published->relation->qualified_name());
    tables_.note_change();
}

// The table is complete without; where a crash comes before, autovacuum does it.
void CopyWorker::analyze(CopyTable& table) {
    target().execute("ANALYZE " + table.mapping->table->sql_name());
    const std::lock_guard lock(tables_.mutex);
    table.needs_analyze = false;
}

}  // namespace walpack
