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
constexpr std::chrono::milliseconds kOfferDelayMax{500};
constexpr std::chrono::seconds kReportInterval{5};
// The stream goes on beside the first ones.
constexpr int kTriesBeforeQuiet = 6;
constexpr std::chrono::milliseconds kQuietDelay{5};
// A standby replays without a pause: there is nothing but to try often.
constexpr std::chrono::milliseconds kStandbyDelayMax{20};

// The stream stands still, for a while, as long as it lives.
class QuietWish {
  public:
    explicit QuietWish(CopyTables& tables) : tables_(tables) { add(1); }
    ~QuietWish() { add(-1); }
    QuietWish(const QuietWish&) = delete;
    QuietWish& operator=(const QuietWish&) = delete;

  private:
    void add(int number) {
        const std::lock_guard lock(tables_.mutex);
        tables_.quiet_wishes += number;
    }

    CopyTables& tables_;
};

}  // namespace

CopyWorker::Answer CopyWorker::offer(const CopyTask& task,
                                     const std::optional<TakenSnapshot>& taken,
                                     Clock::time_point asked_at) {
    const std::lock_guard lock(tables_.mutex);
    CopyTable& table = *task.table;
    CopyChunk& chunk = table.chunks[table.chunk_of(table.place_of(task.part))];
    const bool is_ours = chunk.generation == task.generation && chunk.state == State::waiting;
    if (!is_ours) return Answer::too_late;
    if (!taken || !tables_.admits(table, taken->snapshot, asked_at)) return Answer::too_old;
    chunk.state = State::loading;
    chunk.snapshot = taken->snapshot;
    chunk.settled_lsn = taken->settled_lsn;
    tables_.note_change();
    return Answer::accepted;
}

// False when the chunk was reset meanwhile.
bool CopyWorker::open_snapshot(const CopyTask& task) {
    auto delay = kOfferDelayMin;
    auto reported = Clock::now();
    std::optional<QuietWish> quiet;
    for (int tries = 1;; ++tries) {
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
            log::info("waiting for a snapshot that sees what the stream has brought already");
        }
        if (tries == kTriesBeforeQuiet) quiet.emplace(tables_);
        stop_.throw_if_requested();
        std::this_thread::sleep_for(quiet ? kQuietDelay : delay);
        delay = std::min(delay * 2, is_standby ? kStandbyDelayMax : kOfferDelayMax);
    }
}

}  // namespace walpack
