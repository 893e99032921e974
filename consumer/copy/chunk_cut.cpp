// The part of CopyWorker that keeps snapshots young: a chunk whose loading would take longer than
// snapshot_age_max is given up and cut in two, each of which is loaded under a snapshot of its own.
//
// The new ranges are stored first; the applying thread, which decides changes by them, then takes
// them over between two transactions (CopyTables::cut_parts).
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/sqlstate.h"
#include "copy/copy_worker.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kStoreDelay{500};

}  // namespace

// Whatever was read is rolled back. Where COMMIT was tried it has said already what came of it.
void CopyWorker::give_up(const CopyTask& task) {
    CopyTable& table = *task.table;
    const std::lock_guard lock(tables_.mutex);
    tables_.stop_asking_ahead(table);  // who knows when it is read again
    const std::size_t number = table.chunk_of(table.place_of(task.part));
    if (number >= table.chunks.size()) return;
    const CopyChunk& chunk = table.chunks[number];
    const bool is_ours =
        chunk.generation == task.generation &&
        (chunk.state == CopyChunk::State::loading || chunk.state == CopyChunk::State::asking);
    if (!is_ours) return;
    if (chunk.committing == 0) tables_.reset(table, number);
}

// The servers themselves give up what waits for longer: the source with its rows, the target for
// locks.
std::string CopyWorker::limit_sql(const CopyTask& task, const char* setting) {
    const std::lock_guard lock(tables_.mutex);
    const CopyTable& table = *task.table;
    const std::size_t place = table.place_of(task.part);
    const bool may_age =
        table.is_whole() || place == table.parts.size() || table.parts[place].may_age;
    if (may_age) return "";
    return fmt::format("; SET LOCAL {} = {}", setting, options_.snapshot_age_max.count());
}

bool CopyWorker::is_too_old() const {
    return snapshot_at_ && Clock::now() - *snapshot_at_ >= options_.snapshot_age_max;
}

void CopyWorker::check_age(const CopyTask& task, bool may_age) {
    if (!is_too_old()) return;
    if (!may_age)
        throw Error(ErrorKind::connection, "the snapshot of a chunk is as old as it may become");
    if (std::exchange(has_warned_, true)) return;
    log::warning(
        "the snapshot under which {} is read is older than snapshot_age_max, and the table cannot "
        "be cut further; vacuum of the source waits for it",
        load_of(*task.table)->published->relation->qualified_name());
}

void CopyWorker::cut(const CopyTask& task) {
    CopyTable& table = *task.table;
    StoredChunk upper;
    {
        const std::lock_guard lock(tables_.mutex);
        const std::size_t place = table.place_of(task.part);
        if (place == table.parts.size() || table.parts[place].is_loaded) return;
        upper = table.parts[place].stored;
        upper.number = table.new_number();
    }
    const std::shared_ptr<const TableLoad> made = load_of(table);
    auto bound = find_middle(*made, upper.range);
    if (bound) {
        log::info("loading a chunk of {} would take longer than snapshot_age_max, so it is cut",
                  made->published->relation->qualified_name());
        upper.range.from = std::move(bound);
        store_cut(task, upper);
        shared_.progress.add_chunk(table.progress_number);
    }
    const std::lock_guard lock(tables_.mutex);
    const std::size_t place = table.place_of(task.part);
    if (place == table.parts.size()) return;
    if (!bound) {
        table.parts[place].may_age = true;
    } else {
        table.parts[place].cut_off = std::move(upper);
    }
    tables_.note_change();
}

// The middle is no younger a snapshot's than a chunk: where it is not found in time there is none.
// The index alone may tell it. Of a comparison of rows the server estimates the first column alone:
// where that has few values it would read the whole table.
std::optional<KeyBound> CopyWorker::find_middle(const TableLoad& load, const KeyRange& range) {
    const char* const by_index =
        load.keys.size() > 1 ? "; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
                             : "";
    try {
        reading().execute(fmt::format("BEGIN READ ONLY; SET LOCAL statement_timeout = {}",
                                      options_.snapshot_age_max.count()) +
                          by_index);
        auto bound = middle_of(reading(), *load.published, load.key_attributes(), range);
        reading().execute("COMMIT");
        return bound;
    } catch (const Error& error) {
        if (error.sqlstate() != kQueryCanceled) throw;
        reading().execute("ROLLBACK");
        return std::nullopt;
    }
}

// Here and on the target the ranges must be the same, so a lost answer is asked for again.
void CopyWorker::store_cut(const CopyTask& task, const StoredChunk& upper) {
    while (true) {
        try {
            return catalog_.cut_chunk(target(), task.part, upper);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::connection) throw;
            disconnect();
            stop_.throw_if_requested();
            std::this_thread::sleep_for(kStoreDelay);
        }
    }
}

}  // namespace walpack
