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
using State = CopyChunk::State;

constexpr std::chrono::milliseconds kOfferDelayMin{2};
constexpr std::chrono::milliseconds kOfferDelayMax{100};
constexpr std::chrono::seconds kReportInterval{5};
constexpr std::chrono::milliseconds kAskAhead{250};
// Their changes are kept until they are taken up.
constexpr std::size_t kAskedAheadMax = 16;
// A standby replays without a pause: there is nothing but to try often.
constexpr std::chrono::milliseconds kStandbyDelayMax{20};

}  // namespace

CopyWorker::Answer CopyWorker::offer(const CopyTask& task,
                                     const std::optional<TakenSnapshot>& taken,
                                     Clock::time_point asked_at) {
    const std::lock_guard lock(tables_.mutex);
    CopyTable& table = *task.table;
    const std::size_t number = table.chunk_of(table.place_of(task.part));
    CopyChunk& chunk = table.chunks[number];
    const bool is_ours = chunk.generation == task.generation &&
                         (chunk.state == State::waiting || chunk.state == State::asking);
    if (!is_ours) return Answer::too_late;
    const bool is_taken = taken && tables_.begin_loading(table, number, taken->snapshot,
                                                         taken->settled_lsn, asked_at);
    if (is_taken) return Answer::accepted;
    tables_.ask(chunk);
    return Answer::too_old;
}

// Who waits for a standby would do so again for every chunk: the next ones ask in the same time,
// the more of them the longer it is.
void CopyWorker::ask_ahead(CopyTable& table) {
    const std::lock_guard lock(tables_.mutex);
    if (table.is_whole() || table.stored.state != TableState::copying) return;
    std::size_t asked = 0;
    for (std::size_t place = 0; place < table.parts.size() && asked < kAskedAheadMax; ++place) {
        const CopyPart& part = table.parts[place];
        CopyChunk& chunk = table.chunks[place];
        if (part.is_taken || part.cut_off) continue;
        if (chunk.state == State::waiting) return tables_.ask(chunk);
        if (chunk.state == State::asking) ++asked;
    }
}

// False when the chunk was reset meanwhile. After an error the chunk is the caller's business.
bool CopyWorker::open_snapshot(const CopyTask& task) {
    auto delay = kOfferDelayMin;
    auto reported = Clock::now();
    auto asked_ahead = reported;
    while (true) {
        const auto asked_at = Clock::now();
        const std::optional<TakenSnapshot> taken = begin_reading(task);
        snapshot_at_ = Clock::now();  // a lock may have been waited for before
        const bool is_standby = !taken || taken->snapshot.is_of_standby();
        if (std::exchange(reads_standby_, is_standby) && !is_standby)
            throw Error(ErrorKind::connection, "the standby that is read was promoted");
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
            ask_ahead(*task.table);
        }
        stop_.throw_if_requested();
        std::this_thread::sleep_for(delay);
        delay = std::min(delay * 2, is_standby ? kStandbyDelayMax : kOfferDelayMax);
    }
}

}  // namespace walpack
