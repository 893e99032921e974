// One connection that applies: it turns the steps of a group into statements, in one transaction.
//
// A few rows go as prepared statements, more as array parameters, all through the bounded pipeline
// of InFlight; many rows to insert go by COPY, for which the pipeline is left. The judge given here
// sees every result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/change_set.h"
#include "apply/copy_rows.h"
#include "apply/in_flight.h"
#include "apply/prepared_statements.h"
#include "apply/session_copy.h"
#include "apply/target_transaction.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "schema/target_session.h"

namespace walpack {

struct SentCounts {
    std::uint64_t statements = 0;
    std::uint64_t rows = 0;  // that the statements change
    std::uint64_t batches = 0;
    std::uint64_t batch_rows = 0;
};

class ApplySession {
  public:
    // Sets the session up and puts the connection into pipeline mode. `progress` only gives texts;
    // it must outlive this object.
    ApplySession(std::unique_ptr<Connection> target, const Progress& progress,
                 InFlight::Limits limits, InFlight::Judge judge);

    const TargetSession& settings() const { return settings_; }
    Connection& connection() { return *target_; }

    void set_client_encoding(const std::string& encoding);
    bool is_in_transaction() const { return transaction_.is_open(); }
    void begin(bool is_implicit) { transaction_.begin(is_implicit); }
    // Takes the step up, to be sent as the target takes it. `commit_lsn`: of the last source
    // transaction that it is from. `is_checked`: in the form that checks itself; see
    // can_be_checked().
    void add(Step step, Lsn commit_lsn, bool is_checked);
    // Sends what the target takes without waiting. To be called often, or the target runs dry.
    void pump();
    bool has_unsent() const { return !is_all_sent() || target_->unflushed() > 0; }
    // Sends everything, waiting where it must.
    void send_all();
    // As TargetTransaction::finish().
    void finish(const Group& group) {
        send_all();
        transaction_.finish(group);
    }
    // Reads every outstanding result.
    void drain() {
        send_all();
        in_flight_.drain();
    }
    // Reads what has arrived; true when nothing is outstanding.
    bool take_arrived() { return in_flight_.take_arrived() && is_all_sent(); }
    // Rolls back, after an error that the judge was told of.
    void abandon() { in_flight_.abandon(); }
    const SentCounts& counts() const { return counts_; }
    // Rolls back unless that was done, and gives the connection up, as good as new; nullptr when a
    // COPY is under way, which ends with the connection. Nothing else may be called afterwards.
    std::unique_ptr<Connection> release();

  private:
    struct WaitingStep {
        Step step;
        Lsn commit_lsn;
        bool is_checked = false;
        std::size_t sent_rows = 0;  // of a batch
    };

    bool is_all_sent() const { return waiting_.empty() && !copying_; }
    // Sends the first waiting step, or of a batch one statement, or of a COPY one piece. False when
    // the target must answer or read before that.
    bool send_next();
    bool send_copied();
    // Each returns whether the step is all sent.
    bool send_step(Batch& batch, WaitingStep& waiting);
    bool send_step(const RowStep& row, WaitingStep& waiting);
    bool send_step(const TruncateStep& truncate, WaitingStep& waiting);
    bool send_step(const CommandStep& command, WaitingStep& waiting);
    void send_rows(const Batch& batch, Lsn commit_lsn);
    std::size_t send_batch(const Batch& batch, std::size_t first, Lsn commit_lsn);
    void begin_copy(Batch batch, Lsn commit_lsn);
    void end_copy();
    std::size_t gather(const Batch& batch, std::size_t first);
    void send_row(const std::shared_ptr<const RowStatement>& statement, SentStatement sent);

    // The arrays under construction, one per parameter of a batch.
    struct ArrayColumn {
        std::string bytes;
        bool has_null = false;
    };

    std::unique_ptr<Connection> target_;
    TargetSession settings_;
    InFlight in_flight_;
    PreparedStatements statements_;
    TargetTransaction transaction_;
    SessionCopy copy_;
    Parameters parameters_;
    std::optional<CopyRows> copying_;
    Lsn copying_lsn_;
    std::deque<WaitingStep> waiting_;
    SentCounts counts_;
    bool is_checked_ = false;  // of the step being sent
    std::vector<ArrayColumn> columns_;
    std::vector<int> parameter_of_cell_;
    std::vector<Cell> cells_;
};

}  // namespace walpack
