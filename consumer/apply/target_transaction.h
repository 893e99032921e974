// The open transaction on the target, and the position that moves with it.
//
//   begin -> (rows) -> finish: progress row, all results read, COMMIT sent -> settle: its result
//
// Invariants: COMMIT is sent only after every result of the transaction was read and found right;
// the result of a COMMIT is read before the next COMMIT is sent. In between the next transaction's
// statements may already be on their way: should the COMMIT fail, the next one cannot move the
// position and is never committed.
//
// Commits do not wait for the target's disk (synchronous_commit = off), except those that are asked
// to be durable; one of them makes everything before it durable as well, as WAL is flushed in
// order.
#pragma once

#include <optional>
#include <string>

#include "apply/in_flight.h"
#include "model/lsn.h"
#include "progress/progress.h"
#include "schema/target_session.h"

namespace walpack {

class TargetTransaction {
  public:
    // `from` is the position that the progress row holds now. Prepares its statements.
    TargetTransaction(InFlight& in_flight, const Progress& progress, const TargetSession& session,
                      Lsn from);

    bool is_open() const { return is_open_; }
    void begin();
    // Ends the open transaction at `end`. On return COMMIT is on its way.
    void finish(Lsn end, bool durable);
    // Waits for the result of a COMMIT on its way.
    void settle();
    // The judge saw the result of COMMIT.
    void on_committed();

    // Position after everything that was finished, whether settled or not.
    Lsn position() const { return position_; }
    Lsn applied() const { return applied_; }
    Lsn durable() const { return durable_; }

  private:
    void send(const char* statement, Expected expected, const char* doing);

    struct Pending {
        Lsn end;
        bool durable = false;
    };

    InFlight& in_flight_;
    Parameters parameters_;
    bool defers_constraints_;
    bool is_open_ = false;
    Lsn position_;
    Lsn applied_;
    Lsn durable_;
    std::optional<Pending> pending_;
};

}  // namespace walpack
