#include "apply/target_transaction.h"

#include <utility>

#include "base/check.h"

namespace walpack {
namespace {

constexpr const char* kBegin = "walpack_begin";
constexpr const char* kDefer = "walpack_defer";
constexpr const char* kAdvance = "walpack_advance";
constexpr const char* kDurable = "walpack_durable";
constexpr const char* kCommit = "walpack_commit";

}  // namespace

TargetTransaction::TargetTransaction(InFlight& in_flight, const Progress& progress,
                                     const TargetSession& session)
    : in_flight_(in_flight), progress_(progress), defers_constraints_(!session.is_replica_role) {
    in_flight_.send_prepare(kBegin, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    in_flight_.send_prepare(kAdvance, progress.advance_sql());
    in_flight_.send_prepare(kDurable, "SET LOCAL synchronous_commit = " + session.durable_commit);
    in_flight_.send_prepare(kCommit, "COMMIT");
    // Where foreign keys are checked, the source may have deferred them.
    if (defers_constraints_) in_flight_.send_prepare(kDefer, "SET CONSTRAINTS ALL DEFERRED");
    in_flight_.send_sync();
}

void TargetTransaction::send(const char* statement, SentStatement sent) {
    in_flight_.send_prepared(statement, parameters_, std::move(sent));
    parameters_.clear();
}

void TargetTransaction::begin(bool is_implicit) {
    WALPACK_CHECK(!is_open_);
    is_open_ = true;
    // SET CONSTRAINTS is for a transaction block.
    is_implicit_ = is_implicit && !defers_constraints_;
    if (is_implicit_) return;
    send(kBegin, {.doing = "begin a transaction"});
    if (defers_constraints_) send(kDefer, {.doing = "defer constraints"});
}

void TargetTransaction::finish(const Group& group) {
    const Lsn from = group.from;
    const Lsn end = group.end;
    const bool durable = group.is_durable;
    const bool is_checked = group.is_checked;
    WALPACK_CHECK(is_open_ && end >= from);
    WALPACK_CHECK(!is_implicit_ || (is_checked && !durable));
    parameters_.add_text(end.to_string());
    parameters_.add_text(from.to_string());
    if (progress_.watches_quarantine()) {
        const auto version = progress_.quarantine_version();
        version ? parameters_.add_text(std::to_string(*version)) : parameters_.add_null();
    }
    if (progress_.notes_origin()) parameters_.add_text(std::to_string(group.last_commit_time));
    send(kAdvance, {.expected = Expected::position, .doing = "move the position"});
    if (durable) send(kDurable, {.doing = "make a commit durable"});
    if (!is_checked) in_flight_.drain();
    is_open_ = false;
    SentStatement commit{.expected = Expected::commit, .doing = "commit", .commit_lsn = end};
    if (is_implicit_) {
        commit.expected = Expected::commit_at_sync;
        in_flight_.send_sync(std::move(commit));
    } else {
        send(kCommit, std::move(commit));
        in_flight_.send_sync();
    }
    in_flight_.flush();
}

}  // namespace walpack
