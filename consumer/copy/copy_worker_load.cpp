// How a worker loads: a snapshot that the stream agrees with, rows under it, and a COMMIT whose
// outcome is known.
#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/sqlstate.h"
#include "base/text.h"
#include "copy/accepted_rows.h"
#include "copy/copy_sessions.h"
#include "copy/copy_worker.h"
#include "copy/deferred_constraints.h"
#include "copy/source_rows.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;
using State = CopyChunk::State;

constexpr std::chrono::milliseconds kAskAgain{500};
constexpr std::chrono::milliseconds kPartLook{100};
constexpr std::chrono::milliseconds kFlushLook{5};
constexpr std::chrono::milliseconds kFlushedByItself{50};
constexpr std::chrono::milliseconds kFlushAgain{1000};

// What a part has added to the progress, taken back unless it is kept.
class CountedPart {
  public:
    CountedPart(CopyProgress& progress, std::size_t table) : progress_(progress), table_(table) {}
    ~CountedPart() {
        if (!is_kept_) start_over();
    }
    CountedPart(const CountedPart&) = delete;
    CountedPart& operator=(const CountedPart&) = delete;

    void add(std::uint64_t rows, std::uint64_t bytes) {
        rows_ += rows;
        bytes_ += bytes;
        progress_.add(table_, rows, bytes);
    }
    void start_over() {
        progress_.take_back(table_, std::exchange(rows_, 0), std::exchange(bytes_, 0));
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

bool CopyWorker::join_snapshot(const CopyTask& task) {
    std::string name;
    {
        const std::lock_guard lock(tables_.mutex);
        name = task.table->exported_snapshot;
    }
    if (name.empty()) return false;
    // Locked by itself: the owner may be gone, and with it the lock that forbids a rewrite. Whoever
    // waits for a stronger lock waits for the owner, who waits for us: so there is no waiting
    // behind them, and the part is given back.
    reading().execute(
        "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; "
        "SET LOCAL lock_timeout = '1s'");  // for the indexes, as of a REINDEX
    lock_rows(*load_of(*task.table)->published, " NOWAIT");
    try {
        reading().execute("SET TRANSACTION SNAPSHOT " + quote_literal(name));
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::connection || error.kind() == ErrorKind::cancelled) throw;
        reading().execute("ROLLBACK");
        pause(kPartLook, stop_);
        return false;  // it ended meanwhile
    }
    return true;
}

void CopyWorker::load(CopyTask& task) {
    has_warned_ = false;
    task.table->is_whole() ? load_whole(task) : load_chunk(task);
}

void CopyWorker::load_chunk(const CopyTask& task) {
    try {
        if (!open_snapshot(task)) return;
        load_part(task);
    } catch (const Error& error) {
        give_up(task);
        const bool is_locked = error.sqlstate() == kLockNotAvailable;
        if (error.kind() != ErrorKind::connection || is_locked || !is_too_old()) throw;
        disconnect();  // either may still be within COPY
        cut(task);
        return;
    }
    reading().execute("ROLLBACK");
}

// Who has the snapshot keeps it until every part is there: others may be about to join it, or give
// their part up.
void CopyWorker::load_whole(CopyTask& task) {
    CopyTable& table = *task.table;
    const bool is_owner = is_waiting(task);
    try {
        if (is_owner ? !open_snapshot(task) : !join_snapshot(task)) return;
        if (is_owner && table.parts.size() > 1) export_snapshot(task);
        do {
            load_part(task);
        } while (next_part(task, is_owner));
        if (is_owner) forget_snapshot(task);
        reading().execute("ROLLBACK");
    } catch (const Error&) {
        if (is_owner) lose_snapshot(task);
        throw;
    }
}

bool CopyWorker::is_waiting(const CopyTask& task) {
    const std::lock_guard lock(tables_.mutex);
    return task.table->chunks.front().state == State::waiting;
}

void CopyWorker::export_snapshot(const CopyTask& task) {
    const auto name = reading().query_value("SELECT pg_catalog.pg_export_snapshot()");
    const std::lock_guard lock(tables_.mutex);
    if (task.table->chunks.front().generation != task.generation) return;
    task.table->exported_snapshot = name.value_or("");
    tables_.note_change();
}

void CopyWorker::forget_snapshot(const CopyTask& task) {
    const std::lock_guard lock(tables_.mutex);
    if (task.table->chunks.front().generation == task.generation)
        task.table->exported_snapshot.clear();
}

// The task goes on with another part, if there is one to be read under its snapshot. The owner of
// the snapshot waits for one while others have parts in hand.
bool CopyWorker::next_part(CopyTask& task, bool is_owner) {
    CopyTable& table = *task.table;
    std::unique_lock lock(tables_.mutex);
    while (table.chunks.front().generation == task.generation) {
        bool is_complete = true;
        for (std::size_t part = 0; part < table.parts.size(); ++part) {
            if (table.parts[part].is_loaded) continue;
            is_complete = false;
            if (table.parts[part].is_taken) continue;
            table.parts[table.place_of(task.part)].is_taken = false;
            table.parts[part].is_taken = true;
            task.part = table.parts[part].stored.number;
            return true;
        }
        if (is_complete || !is_owner) return false;
        stop_.throw_if_requested();
        tables_.changed.wait_for(lock, kPartLook);
    }
    return false;
}

// What was not read under it never can be: the table begins again, from nothing.
void CopyWorker::lose_snapshot(const CopyTask& task) {
    CopyTable& table = *task.table;
    std::unique_lock lock(tables_.mutex);
    CopyChunk& chunk = table.chunks.front();
    // The last part may be on its way.
    while (chunk.committing > 0 && !tables_.failure && !stop_.requested())
        tables_.changed.wait_for(lock, kPartLook);
    if (tables_.failure || chunk.generation != task.generation) return;
    if (chunk.state == State::asking) return tables_.reset(table, 0);
    if (chunk.state != State::loading) return;
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
    require_as_described(*load->published);
    const std::string select = table.is_whole() ? select_rows_sql(*load, loaded.pages)
                                                : select_rows_sql(*load, loaded.range);
    begin_writing(task);
    CountedPart counted(shared_.progress, table.progress_number);
    TakenCopyRows taken(options_.refused_rows);
    const auto on_piece = [&](std::uint64_t rows, std::uint64_t bytes) {
        shared_.rate_limit.take(bytes, stop_);
        counted.add(rows, bytes);
        check_age(task, may_age);
    };
    const bool may_leave_out = !load->copy_in_sql.empty() && taken.takes(load->published->name());
    read_by_pages(*load);
    LoadedRows rows = load_rows(*load, select, reading(), target(), on_piece, stop_);
    if (!rows.refusal && may_leave_out)
        rows.refusal = refusal_of_deferred(target(), *load->mapping);
    if (rows.refusal) {
        if (!may_leave_out) throw *rows.refusal;
        log::info("{}; its part of the table is loaded without such rows", rows.refusal->message());
        target().execute("ROLLBACK");
        counted.start_over();
        begin_writing(task);
        check_at_once(target());
        const auto on_refused = [&](RefusedCopyRow row) {
            row.settled_lsn = loaded.settled_lsn;
            taken.take(row, target());
        };
        rows = load_accepted_rows(*load, select, reading(), target(), on_piece, on_refused, stop_);
    }
    wait_until_flushed(loaded.settled_lsn);
    loaded.rows = rows.rows;
    loaded.bytes = rows.bytes;
    if (!catalog_.mark_loaded(target(), loaded)) {
        // By the session of an earlier attempt, whose COMMIT was on its way.
        throw Error(ErrorKind::repeat,
                    fmt::format("a chunk of {} was loaded meanwhile; what is there is read again",
                                load->published->relation->qualified_name()));
    }
    if (commit_part(task, loaded, taken)) {
        counted.keep();
    } else {
        target().execute("ROLLBACK");
    }
}

// What a snapshot sees may be on the source's disk later, or never if the source crashes first:
// then other transactions get its numbers, and their changes would count as seen.
void CopyWorker::wait_until_flushed(Lsn lsn) {
    auto deadline = Clock::now() + kFlushedByItself;
    while (!is_flushed(reading(), lsn)) {
        pause(kFlushLook, stop_);
        if (Clock::now() < deadline) continue;
        deadline = Clock::now() + kFlushAgain;
        try {
            flush_source(options_.source, stop_);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::cancelled) throw;
            // It is a matter of a moment without.
            log::debug("could not have the source's WAL flushed: {}", error.message());
        }
    }
}

void CopyWorker::begin_writing(const CopyTask& task) {
    target().execute(begin_copy_sql(options_.pipeline) + limit_sql(task, "lock_timeout"));
    if (options_.origins != nullptr) target().execute(ReplicationOrigins::reset_sql());
}

bool CopyWorker::commit_part(const CopyTask& task, const StoredChunk& loaded,
                             const TakenCopyRows& taken) {
    CopyTable& table = *task.table;
    {
        const std::lock_guard lock(tables_.mutex);
        const std::size_t number = table.chunk_of(table.place_of(task.part));
        if (table.chunks.empty() || table.chunks[number].generation != task.generation)
            return false;
        ++table.chunks[number].committing;
    }
    std::optional<Error> failure;
    const bool is_committed = commit(loaded, failure);
    if (is_committed) taken.note_committed();
    const std::lock_guard lock(tables_.mutex);
    const std::size_t place = table.place_of(task.part);
    const std::size_t number = table.chunk_of(place);
    CopyChunk& chunk = table.chunks[number];
    --chunk.committing;
    tables_.note_change();
    // When it was reset meanwhile its rows go with the table's.
    const bool is_ours = chunk.generation == task.generation;
    if (is_ours && is_committed) {
        note_loaded(table, place, loaded);
    } else if (is_ours && !table.is_whole()) {
        tables_.reset(table, number);
    }
    if (!is_committed) throw *failure;
    return is_ours;
}

// For the owner of the mutex.
void CopyWorker::note_loaded(CopyTable& table, std::size_t place, const StoredChunk& loaded) {
    table.parts[place].stored = loaded;
    table.parts[place].is_loaded = true;
    const bool is_whole_chunk =
        !table.is_whole() || std::all_of(table.parts.begin(), table.parts.end(),
                                         [](const CopyPart& each) { return each.is_loaded; });
    if (is_whole_chunk) table.chunks[table.chunk_of(place)].state = State::loaded;
}

// Whether the chunk is on the target; `failure` when the answer was another one.
bool CopyWorker::commit(const StoredChunk& loaded, std::optional<Error>& failure) {
    try {
        target().execute("COMMIT");
        return true;
    } catch (const Error& error) {
        failure = error;
    }
    try {
        return was_committed(loaded);
    } catch (const Error&) {
        // Nobody knows what becomes of the chunk's changes: who waits for it must not do so for
        // ever.
        const std::lock_guard lock(tables_.mutex);
        if (!tables_.failure) tables_.failure = std::current_exception();
        tables_.changed.notify_all();
        throw;
    }
}

// The answer to a COMMIT was lost: the row that it wrote is asked, behind it, as long as it takes.
bool CopyWorker::was_committed(const StoredChunk& loaded) {
    while (true) {
        try {
            // The transaction that is still open here ends with the session's own connection.
            Connection asking(options_.target, stop_, kCopyApplicationName);
            const auto snapshot = asking.query_value(
                "SELECT snapshot FROM walpack.copy_chunk WHERE pipeline = $1 "
                "AND table_oid = $2::pg_catalog.oid AND chunk = $3::pg_catalog.int4 FOR UPDATE",
                {options_.pipeline, std::to_string(loaded.table_oid),
                 std::to_string(loaded.number)});
            return snapshot == loaded.snapshot->to_string();
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::connection) throw;
            pause(kAskAgain, stop_);
        }
    }
}

}  // namespace walpack
