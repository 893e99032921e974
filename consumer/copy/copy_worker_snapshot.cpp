// How a worker gets a snapshot that the stream agrees with.
#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "copy/copy_worker.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kOfferDelayMin{2};
constexpr std::chrono::milliseconds kOfferDelayMax{100};
constexpr std::chrono::seconds kReportInterval{5};
constexpr std::chrono::milliseconds kAskAhead{250};
// A standby replays without a pause: there is nothing but to try often.
constexpr std::chrono::milliseconds kStandbyDelayMax{20};

}  // namespace

// What comes until the snapshot is offered commits behind the one that is in doubt now.
void CopyWorker::settle_doubt(const CopyTask& task, TakenSnapshot& taken) {
    std::optional<std::uint32_t> doubtful;
    {
        const std::lock_guard lock(tables_.mutex);
        const CopyTable& table = *task.table;
        const CopyChunk& chunk = table.chunks[table.chunk_of(table.place_of(task.part))];
        if (chunk.asked) doubtful = chunk.asked->doubtful_for(taken.snapshot);
    }
    if (doubtful && is_certainly_unseen(reading(), taken, *doubtful)) taken.snapshot.settle_doubt();
}

CopyWorker::Answer CopyWorker::offer(const CopyTask& task,
                                     const std::optional<TakenSnapshot>& taken,
                                     Clock::time_point asked_at) {
    const std::lock_guard lock(tables_.mutex);
    CopyTable& table = *task.table;
    const std::size_t number = table.chunk_of(table.place_of(task.part));
    CopyChunk& chunk = table.chunks[number];
    const bool is_ours = chunk.generation == task.generation && chunk.wants_snapshot();
    if (!is_ours) return Answer::too_late;
    const bool is_taken = taken && tables_.begin_loading(table, number, taken->snapshot,
                                                         taken->settled_lsn, asked_at);
    if (is_taken) return Answer::accepted;
    tables_.ask(chunk);
    return Answer::too_old;
}

// False when the chunk was reset meanwhile. After an error the chunk is the caller's business.
bool CopyWorker::open_snapshot(const CopyTask& task) {
    auto delay = kOfferDelayMin;
    auto reported = Clock::now();
    auto asked_ahead = reported;
    while (true) {
        const auto asked_at = Clock::now();
        std::optional<TakenSnapshot> taken = begin_reading(task);
        snapshot_at_ = Clock::now();  // a lock may have been waited for before
        const bool is_standby = !taken || taken->snapshot.is_of_standby();
        if (std::exchange(reads_standby_, is_standby) && !is_standby)
            throw Error(ErrorKind::connection, "the standby that is read was promoted");
        if (taken) settle_doubt(task, *taken);
        const Answer answer = offer(task, taken, asked_at);
        if (answer == Answer::accepted) return true;
        reading().execute("ROLLBACK");
        if (answer == Answer::too_late) return false;
        if (Clock::now() - reported >= kReportInterval) {
            reported = Clock::now();
            log::info(
                "waiting for a snapshot that sees what the stream had brought when it was asked "
                "for");
        }
        if (Clock::now() - asked_ahead >= kAskAhead) {
            asked_ahead = Clock::now();
            const std::lock_guard lock(tables_.mutex);
            tables_.ask_ahead(*task.table);
        }
        stop_.throw_if_requested();
        std::this_thread::sleep_for(delay);
        delay = std::min(delay * 2, is_standby ? kStandbyDelayMax : kOfferDelayMax);
    }
}

}  // namespace walpack
