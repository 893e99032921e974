#include "service/copy_stream.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

// Between two looks at what the workers have done.
constexpr std::chrono::milliseconds kWorkInterval{10};
constexpr std::chrono::milliseconds kIdleWait{100};

}  // namespace

CopyStream::CopyStream(Applier& applier, CopyTables& tables, const CopyCatalog& catalog,
                       CopyJob& job, Lsn resume_from, Lsn position, std::uint64_t backlog_bytes_max,
                       const StopRequest& abort)
    : applier_(applier),
      job_(job),
      gate_(tables, catalog, resume_from, position, abort),
      backlog_bytes_max_(backlog_bytes_max),
      abort_(abort) {
    applier_.set_on_group_closing([this] {
        std::vector<CommandStep> commands;
        for (std::string& sql : gate_.closing_sql())
            commands.push_back({std::move(sql), "note what was not applied", nullptr});
        return commands;
    });
}

void CopyStream::begin(const Begin& begin) {
    gate_.begin(begin);
    applier_.begin(begin);
}

void CopyStream::commit(const Commit& commit) {
    applier_.commit(commit);
    gate_.note_stream_at(commit.end_lsn);
}

void CopyStream::change(const RowChange& change) {
    gate_.change(change, *this);
    // One transaction may be larger than all memory.
    gate_.limit_backlog(2 * backlog_bytes_max_, *this);
}

void CopyStream::truncate(const Truncate& truncate) {
    gate_.truncate(truncate, *this);
}

void CopyStream::apply_kept(const RowChange& change, Lsn commit_lsn) {
    applier_.add_change(change, commit_lsn);
}

void CopyStream::command(std::string sql, const char* doing) {
    applier_.add_command({std::move(sql), doing, nullptr});
}

void CopyStream::delete_rows(std::string sql, const char* doing, DeletedRows deleted) {
    applier_.add_command(
        {std::move(sql), doing, std::make_shared<const DeletedRows>(std::move(deleted))});
}

void CopyStream::note_idle(Lsn wal_end) {
    gate_.note_stream_at(wal_end);
    idle_at_ = wal_end;
}

std::chrono::milliseconds CopyStream::idle_wait_max() const {
    return job_.is_complete() ? kIdleWait : kWorkInterval;
}

void CopyStream::work(const StopRequest& stop) {
    if (Clock::now() - worked_ < kWorkInterval) return;
    work_once();
    while (gate_.is_full(backlog_bytes_max_) && !stop.requested()) {
        abort_.throw_if_requested();
        gate_.stop_asking_ahead();
        // Chunks that were taken back are loaded again only when that is committed.
        applier_.commit_group();
        std::this_thread::sleep_for(kWorkInterval);
        work_once();
    }
}

// Kept changes hold the slot back until they are applied, and must be on the target's disk when
// they do not any more.
void CopyStream::work_once() {
    worked_ = Clock::now();
    job_.throw_if_failed();
    if (gate_.work(applier_.position(), applier_.applied_lsn(), *this)) applier_.commit_group(true);
    // Tables wait for the stream to pass their snapshots: then idle progress matters at once.
    if (gate_.is_settling() && !applier_.has_open_group()) applier_.advance_idle(idle_at_, true);
}

Lsn CopyStream::confirmable(Lsn durable) {
    // What is kept from now on lies behind `durable`: only a later one asks for a new answer at
    // once.
    const auto now = Clock::now();
    if (durable == confirmable_of_ && now - confirmable_at_ < kWorkInterval) return confirmable_;
    const auto floor = gate_.floor(durable);
    confirmable_ = floor ? std::min(*floor, durable) : durable;
    confirmable_of_ = durable;
    confirmable_at_ = now;
    return confirmable_;
}

}  // namespace walpack
