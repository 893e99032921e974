#include "apply/target_transaction.h"

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
                                     const TargetSession& session, Lsn from)
    : in_flight_(in_flight),
      defers_constraints_(!session.is_replica_role),
      position_(from),
      applied_(from) {
    in_flight_.send_prepare(kBegin, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    in_flight_.send_prepare(kAdvance, progress.advance_sql());
    in_flight_.send_prepare(kDurable, "SET LOCAL synchronous_commit = " + session.durable_commit);
    in_flight_.send_prepare(kCommit, "COMMIT");
    // Where foreign keys are checked, the source may have deferred them.
    if (defers_constraints_) in_flight_.send_prepare(kDefer, "SET CONSTRAINTS ALL DEFERRED");
    in_flight_.send_sync();
}

void TargetTransaction::send(const char* statement, Expected expected, const char* doing) {
    SentStatement sent;
    sent.expected = expected;
    sent.doing = doing;
    if (expected == Expected::commit) sent.commit_lsn = position_;
    in_flight_.send_prepared(statement, parameters_, std::move(sent));
}

void TargetTransaction::begin() {
    WALPACK_CHECK(!is_open_);
    parameters_.clear();
    send(kBegin, Expected::command, "begin a transaction");
    if (defers_constraints_) send(kDefer, Expected::command, "defer constraints");
    is_open_ = true;
}

void TargetTransaction::finish(Lsn end, bool durable) {
    WALPACK_CHECK(is_open_ && end >= position_);
    parameters_.clear();
    parameters_.add_text(end.to_string());
    parameters_.add_text(position_.to_string());
    send(kAdvance, Expected::position, "move the position");
    parameters_.clear();
    if (durable) send(kDurable, Expected::command, "make a commit durable");
    in_flight_.drain();
    WALPACK_CHECK(!pending_);
    pending_ = Pending{end, durable};
    position_ = end;
    is_open_ = false;
    send(kCommit, Expected::commit, "commit");
    in_flight_.send_sync();
    in_flight_.flush();
}

void TargetTransaction::settle() {
    if (pending_) in_flight_.drain();
    WALPACK_CHECK(!pending_);
}

void TargetTransaction::on_committed() {
    WALPACK_CHECK(pending_);
    applied_ = pending_->end;
    if (pending_->durable) durable_ = pending_->end;
    pending_.reset();
}

}  // namespace walpack
