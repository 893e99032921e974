#include "copy/copy_worker.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/copy_start.h"
#include "copy/source_rows.h"
#include "copy/taken_snapshot.h"
#include "copy/target_rows.h"
#include "schema/target_session.h"
#include "structure/post_data.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;
using State = CopyChunk::State;

constexpr const char* kApplicationName = "walpack_copy";
constexpr std::chrono::milliseconds kOfferDelayMin{2};
constexpr std::chrono::milliseconds kOfferDelayMax{500};
constexpr int kTriesToReport = 20;
constexpr const char* kLockNotAvailable = "55P03";

// What a part has added to the progress, taken back unless it is kept.
class CountedPart {
  public:
    CountedPart(CopyProgress& progress, std::size_t table) : progress_(progress), table_(table) {}
    ~CountedPart() {
        if (!is_kept_) progress_.take_back(table_, rows_, bytes_);
    }
    CountedPart(const CountedPart&) = delete;
    CountedPart& operator=(const CountedPart&) = delete;

    void add(std::uint64_t rows, std::uint64_t bytes) {
        rows_ += rows;
        bytes_ += bytes;
        progress_.add(table_, rows, bytes);
    }
    void keep() {
        is_kept_ = true;
        progress_.finish_chunk(table_);
    }

  private:
    CopyProgress& progress_;
    std::size_t table_;
    std::uint64_t rows_ = 0;
    std::uint64_t bytes_ = 0;
    bool is_kept_ = false;
};

void pause(std::chrono::milliseconds delay, const StopRequest& stop) {
    stop.throw_if_requested();
    std::this_thread::sleep_for(delay);
}

}  // namespace

std::string reading_application_name(const std::string& pipeline) {
    return std::string(kApplicationName) + '_' + pipeline;
}

std::unique_ptr<Connection> connect_in_encoding(const Conninfo& conninfo,
                                                const std::string& encoding,
                                                const StopRequest& stop,
                                                const std::string& application_name) {
    auto connection = std::make_unique<Connection>(conninfo, stop, application_name);
    connection->execute("SET client_encoding = " + quote_literal(encoding));
    return connection;
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
    }
    return *reading_;
}

Connection& CopyWorker::target() {
    if (target_ == nullptr) {
        target_ = connect_in_encoding(options_.target, options_.encoding, stop_);
        set_up_target_session(*target_);
    }
    return *target_;
}

void CopyWorker::disconnect() {
    reading_.reset();
    target_.reset();
}

void CopyWorker::run(const CopyTask& task) {
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
    }
}

// The stream drops the table's changes by now: what is asked of snapshots is found out after that.
void CopyWorker::empty(CopyTable& table) {
    std::optional<SourceSnapshot> required = table.stored.required;
    Lsn required_lsn = table.stored.required_lsn;
    if (table.needs_required) {
        const auto source = connect_in_encoding(options_.source, options_.encoding, stop_);
        const ExactSnapshot exact = take_exact_snapshot(options_.source, *source, stop_);
        required = exact.snapshot;
        required_lsn = exact.lsn;
    }
    Transaction transaction(target());
    empty_table(target(), *table.mapping->table);
    target().execute(catalog_.restart_table_sql(table.stored.oid));
    target().execute(catalog_.set_required_sql(table.stored.oid, required.value(), required_lsn));
    transaction.commit();
    const std::lock_guard lock(tables_.mutex);
    table.stored.required = required;
    table.stored.required_lsn = required_lsn;
    table.stored.state = TableState::waiting;
    table.needs_required = false;
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
    options.may_cut_by = [&table](std::size_t attribute) {
        const auto& columns = table.mapping->columns;
        const auto column = std::find_if(
            columns.begin(), columns.end(),
            [attribute](const ColumnMapping& each) { return each.attribute == attribute; });
        const auto& unique = table.mapping->table->unique_indexes;
        return column != columns.end() &&
               std::all_of(unique.begin(), unique.end(), [&column](const UniqueIndex& index) {
                   return index.is_plain && std::find(index.columns.begin(), index.columns.end(),
                                                      column->column->name) != index.columns.end();
               });
    };
    return plan_chunks(reading(), *table.published, options);
}

void CopyWorker::plan(CopyTable& table) {
    const ChunkPlan plan = make_plan(table);
    StoredTable stored = table.stored;
    stored.method = plan.method;
    stored.rows_estimated = plan.rows_estimated;
    stored.bytes_estimated = plan.bytes_estimated;
    stored.state = TableState::copying;
    if (plan.method == ChunkMethod::key)
        stored.key_column = table.published->relation->attributes[plan.key_attribute].name;
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
    Transaction transaction(target());
    catalog_.store_plan(target(), stored, chunks);
    transaction.commit();
    log::info("copying {} in {} part{}, {}: {}", table.published->relation->qualified_name(),
              chunks.size(), chunks.size() == 1 ? "" : "s",
              load->is_binary ? "binary" : "as text, as " + load->format_reason, plan.reason);
    const std::lock_guard lock(tables_.mutex);
    const bool is_first = table.load == nullptr;
    table.stored = std::move(stored);
    table.load = std::move(load);
    table.chunks = std::vector<CopyChunk>(table.is_whole() ? 1 : chunks.size());
    table.parts.clear();
    for (StoredChunk& chunk : chunks) {
        CopyPart part;
        part.stored = std::move(chunk);
        table.parts.push_back(std::move(part));
    }
    table.is_built = is_done(table.builds, CopyBuild::Stage::key) &&
                     is_done(table.builds, CopyBuild::Stage::index);
    if (is_first) table.progress_number = shared_.progress.add_table(table.figures());
    if (!is_first) shared_.progress.restart_table(table.progress_number, table.figures());
    tables_.note_change();
}

// The lock comes before the snapshot, so that no TRUNCATE and no rewrite can come in between.
void CopyWorker::begin_reading(const CopyTask& task) {
    const std::string rows = rows_of(*load_of(*task.table)->published);
    snapshot_at_.reset();
    reading().execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY" +
                      limit_sql(task, "statement_timeout"));
    reading().execute(fmt::format("LOCK TABLE {} IN ACCESS SHARE MODE", rows));
}

// Another worker may replace it, when the table was altered.
std::shared_ptr<const TableLoad> CopyWorker::load_of(const CopyTable& table) {
    const std::lock_guard lock(tables_.mutex);
    return table.load;
}

// True when the chunk is to be loaded under the snapshot.
bool CopyWorker::offer(const CopyTask& task, const TakenSnapshot& taken) {
    const std::lock_guard lock(tables_.mutex);
    CopyTable& table = *task.table;
    CopyChunk& chunk = table.chunks[table.chunk_of(table.place_of(task.part))];
    if (!tables_.admits(table, taken.snapshot)) return false;
    chunk.state = State::loading;
    chunk.snapshot = taken.snapshot;
    chunk.settled_lsn = taken.settled_lsn;
    tables_.note_change();
    return true;
}

void CopyWorker::open_snapshot(const CopyTask& task) {
    auto delay = kOfferDelayMin;
    for (int tries = 1;; ++tries) {
        const auto replayed = replayed_lsn(reading());
        begin_reading(task);
        snapshot_at_ = Clock::now();
        const auto taken = take_snapshot(reading(), replayed);
        if (taken && offer(task, *taken)) return;
        reading().execute("ROLLBACK");
        if (tries % kTriesToReport == 0)
            log::info("waiting for a snapshot that sees what the stream has brought already");
        pause(delay, stop_);
        delay = std::min(delay * 2, kOfferDelayMax);
    }
}

bool CopyWorker::join_snapshot(const CopyTask& task) {
    std::string name;
    {
        const std::lock_guard lock(tables_.mutex);
        name = task.table->exported_snapshot;
    }
    if (name.empty()) return false;
    reading().execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    try {
        reading().execute("SET TRANSACTION SNAPSHOT " + quote_literal(name));
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::connection || error.kind() == ErrorKind::cancelled) throw;
        reading().execute("ROLLBACK");
        return false;  // it ended meanwhile
    }
    return true;
}

void CopyWorker::load(const CopyTask& task) {
    has_warned_ = false;
    task.table->is_whole() ? load_whole(task) : load_chunk(task);
}

void CopyWorker::load_chunk(const CopyTask& task) {
    try {
        open_snapshot(task);
        load_part(task);
        reading().execute("ROLLBACK");
    } catch (const Error& error) {
        give_up(task);
        const bool is_locked = error.sqlstate() == kLockNotAvailable;
        if (error.kind() != ErrorKind::connection || is_locked || !is_too_old()) throw;
        disconnect();  // either may still be within COPY
        cut(task);
    }
}

// Under one snapshot, which the first worker takes and others join.
void CopyWorker::load_whole(const CopyTask& task) {
    CopyTable& table = *task.table;
    bool is_first = false;
    {
        const std::lock_guard lock(tables_.mutex);
        is_first = table.chunks.front().state == State::waiting;
    }
    try {
        if (is_first) {
            open_snapshot(task);
            if (table.parts.size() > 1) {
                const auto name = reading().query_value("SELECT pg_catalog.pg_export_snapshot()");
                const std::lock_guard lock(tables_.mutex);
                table.exported_snapshot = name.value_or("");
                tables_.note_change();
            }
        } else if (!join_snapshot(task)) {
            return;
        }
        for (std::optional<CopyTask> part = task; part; part = next_part(*part)) load_part(*part);
        if (is_first) {
            const std::lock_guard lock(tables_.mutex);
            table.exported_snapshot.clear();
        }
        reading().execute("ROLLBACK");
    } catch (const Error&) {
        lose_snapshot(table);
        throw;
    }
}

// The session that has the snapshot goes on while there is something to read under it.
std::optional<CopyTask> CopyWorker::next_part(const CopyTask& task) {
    CopyTable& table = *task.table;
    const std::lock_guard lock(tables_.mutex);
    if (table.chunks.empty() || table.chunks.front().generation != task.generation)
        return std::nullopt;
    const std::size_t place = table.place_of(task.part);
    if (place < table.parts.size()) table.parts[place].is_taken = false;
    for (std::size_t part = 0; part < table.parts.size(); ++part) {
        if (table.parts[part].is_taken || table.parts[part].is_loaded) continue;
        table.parts[part].is_taken = true;
        CopyTask next = task;
        next.part = table.parts[part].stored.number;
        return next;
    }
    return std::nullopt;
}

// What was not read under it never can be: the table begins again, from nothing.
void CopyWorker::lose_snapshot(CopyTable& table) {
    const std::lock_guard lock(tables_.mutex);
    if (table.stored.state != TableState::copying || table.chunks.empty()) return;
    if (table.chunks.front().state != State::loading) return;
    tables_.reset(table, 0);
    table.stored.state = TableState::requested;
    table.dropped_from = Lsn{};
    tables_.note_change();
}

void CopyWorker::load_part(const CopyTask& task) {
    CopyTable& table = *task.table;
    StoredChunk loaded;
    bool may_age = table.is_whole();
    {
        const std::lock_guard lock(tables_.mutex);
        const std::size_t place = table.place_of(task.part);
        const CopyChunk& chunk = table.chunks[table.chunk_of(place)];
        if (chunk.generation != task.generation) return;
        loaded = table.parts[place].stored;
        may_age = may_age || table.parts[place].may_age;
        loaded.snapshot = chunk.snapshot;
        loaded.settled_lsn = chunk.settled_lsn;
    }
    const std::shared_ptr<const TableLoad> load = load_of(table);
    const std::string select = table.is_whole() ? select_rows_sql(*load, loaded.pages)
                                                : select_rows_sql(*load, loaded.range);
    target().execute("BEGIN" + limit_sql(task, "lock_timeout"));
    CountedPart counted(shared_.progress, table.progress_number);
    const auto on_piece = [&](std::uint64_t rows, std::uint64_t bytes) {
        shared_.rate_limit.take(bytes, stop_);
        counted.add(rows, bytes);
        check_age(task, may_age);
    };
    const LoadedRows rows = load_rows(*load, select, reading(), target(), on_piece, stop_);
    loaded.rows = rows.rows;
    loaded.bytes = rows.bytes;
    target().execute(catalog_.mark_loaded_sql(loaded));
    if (commit_part(task, loaded)) {
        counted.keep();
    } else {
        target().execute("ROLLBACK");
    }
}

bool CopyWorker::commit_part(const CopyTask& task, const StoredChunk& loaded) {
    CopyTable& table = *task.table;
    {
        const std::lock_guard lock(tables_.mutex);
        const std::size_t number = table.chunk_of(table.place_of(task.part));
        if (table.chunks.empty() || table.chunks[number].generation != task.generation)
            return false;
        ++table.chunks[number].committing;
    }
    bool is_committed = true;
    std::optional<Error> failure;
    try {
        target().execute("COMMIT");
    } catch (const Error& error) {
        failure = error;
        is_committed = was_committed(loaded);
    }
    const std::lock_guard lock(tables_.mutex);
    const std::size_t place = table.place_of(task.part);
    const std::size_t number = table.chunk_of(place);
    CopyChunk& chunk = table.chunks[number];
    --chunk.committing;
    if (is_committed) {
        table.parts[place].stored = loaded;
        table.parts[place].is_loaded = true;
        const bool is_whole_chunk =
            std::all_of(table.parts.begin(), table.parts.end(), [&](const CopyPart& part) {
                return part.is_loaded || (!table.is_whole() && &part != &table.parts[place]);
            });
        if (is_whole_chunk) chunk.state = State::loaded;
    } else if (!table.is_whole()) {
        tables_.reset(table, number);
    }
    tables_.note_change();
    if (!is_committed) throw *failure;
    return true;
}

// The answer to a COMMIT was lost: the row that it wrote is asked, behind it, as long as it takes.
bool CopyWorker::was_committed(const StoredChunk& loaded) {
    while (true) {
        try {
            target_.reset();
            const auto snapshot = target().query_value(
                "SELECT snapshot FROM walpack.copy_chunk WHERE pipeline = $1 "
                "AND table_oid = $2::pg_catalog.oid AND chunk = $3::pg_catalog.int4 FOR UPDATE",
                {options_.pipeline, std::to_string(loaded.table_oid),
                 std::to_string(loaded.number)});
            return snapshot == loaded.snapshot->to_string();
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::connection) throw;
            pause(kOfferDelayMax, stop_);
        }
    }
}

void CopyWorker::build(const CopyTask& task) {
    const PostDataItem& item = task.build->item;
    log::info("making {}", item.description);
    PostData post_data(target(), options_.pipeline);
    const auto started = Clock::now();
    const auto refusal = post_data.make(item, target());
    if (refusal) {
        log::error("the target refused {}: {}", item.description, *refusal);
    } else {
        log::info("made {} in {:.1f} s", item.description,
                  std::chrono::duration<double>(Clock::now() - started).count());
    }
    const std::lock_guard lock(tables_.mutex);
    task.build->is_done = true;
}

void CopyWorker::finish(CopyTable& table) {
    target().execute("ANALYZE " + table.mapping->table->sql_name());
    target().execute(catalog_.finish_table_sql(table.stored.oid));
    const std::lock_guard lock(tables_.mutex);
    table.stored.state = TableState::ready;
    shared_.progress.set_state(table.progress_number, TableCopyState::done);
    log::info("the copy of {} is complete", table.published->relation->qualified_name());
    tables_.note_change();
}

}  // namespace walpack
