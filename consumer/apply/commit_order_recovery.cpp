// How a CommitOrder goes on after an error. The target's progress row says what is committed, as it
// does after a crash: answers that were on their way are not needed.
#include <utility>

#include <fmt/format.h>

#include "apply/commit_order.h"
#include "base/check.h"
#include "base/error.h"

namespace walpack {

bool CommitOrder::can_recover() const {
    for (const Group& group : groups_) {
        if (group.is_committed || group.rows == 0) continue;
        // One that moves no position leaves no trace of its commit.
        const bool is_uncertain = group.is_commit_sent && group.from == group.end;
        if (group.kept == nullptr || is_uncertain) return false;
    }
    return true;
}

std::deque<Group> CommitOrder::recover(
    const std::function<std::unique_ptr<Connection>()>& connect) {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        const SentCounts counts = sessions_[i]->counts();
        earlier_counts_.statements += counts.statements;
        earlier_counts_.rows += counts.rows;
        earlier_counts_.batches += counts.batches;
        earlier_counts_.batch_rows += counts.batch_rows;
        const auto waited = sessions_[i]->connection().waited();
        std::unique_ptr<Connection> connection = sessions_[i]->release();
        sessions_[i].reset();
        if (connection == nullptr) {
            connection = connect();
            earlier_waited_ += waited;
        }
        sessions_[i] = make_session(std::move(connection), i);
        if (!encoding_.empty()) sessions_[i]->set_client_encoding(encoding_);
    }
    is_watched_ = false;
    const std::optional<ProgressRow> row = progress_.read();
    if (!row) throw Error(ErrorKind::connection, "the position is not on the target any more");
    take_committed(row->applied_lsn);
    return std::exchange(groups_, {});
}

void CommitOrder::take_committed(Lsn position) {
    while (!groups_.empty() && groups_.front().is_commit_sent && groups_.front().end <= position) {
        const Group group = std::move(groups_.front());
        groups_.pop_front();
        note_committed(group);
    }
    if (!groups_.empty()) position_ = groups_.front().from;
    if (position_ == position) return;
    throw Error(ErrorKind::connection, fmt::format("the target is at {} in place of {}",
                                                   position.to_string(), position_.to_string()));
}

// Not as durable, whatever was asked: where COMMIT waits for a standby, a cancel ends that wait.
void CommitOrder::note_committed(const Group& group) {
    position_ = group.end;
    applied_ = group.end;
    if (on_group_committed) on_group_committed(group);
}

}  // namespace walpack
