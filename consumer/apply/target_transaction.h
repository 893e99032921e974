// The open transaction on the target, and the position that moves with it.
//
//   begin -> (rows) -> finish: progress row, all results read, COMMIT sent
//   or, implicit:      rows -> finish: progress row, sync
//
// Invariant: COMMIT is executed only when every result of the transaction is right. It is sent
// after they were read; or with them, where each wrong outcome is an error
// (RowStatement::checked_sql), behind which the server executes nothing up to the next sync: that
// saves an idle pipeline a round trip. The next transaction's statements may be on their way before
// the COMMIT is answered: should it fail, the next one cannot move the position, which is still the
// old one, and is never committed. This holds over several sessions as well: the progress row is
// locked from the moment its update was answered, so the next session's update waits for this
// COMMIT and then sees what came of it.
//
// Commits do not wait for the target's disk (synchronous_commit = off), except those that are asked
// to be durable; one of them makes everything before it durable as well, as WAL is flushed in
// order.
#pragma once

#include <string>

#include "apply/group.h"
#include "apply/in_flight.h"
#include "model/lsn.h"
#include "progress/progress.h"
#include "schema/target_session.h"

namespace walpack {

class TargetTransaction {
  public:
    // Prepares its statements; the first results come with those of the first transaction.
    TargetTransaction(InFlight& in_flight, const Progress& progress, const TargetSession& session);

    bool is_open() const { return is_open_; }
    // `is_implicit`: BEGIN and COMMIT are left out where the session allows it: up to a sync the
    // server runs what it is sent in one transaction. Only for a transaction that ends
    // checked, and not durable.
    void begin(bool is_implicit);
    // Ends the open transaction: moves the position from the group's `from` to its `end`. On return
    // COMMIT is on its way; with `is_durable` it waits for the target's disk. With `is_checked` no
    // result is awaited.
    void finish(const Group& group);

  private:
    void send(const char* statement, SentStatement sent);

    InFlight& in_flight_;
    const Progress& progress_;
    Parameters parameters_;
    bool defers_constraints_;
    bool is_open_ = false;
    bool is_implicit_ = false;
};

}  // namespace walpack
