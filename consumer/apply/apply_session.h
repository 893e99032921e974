// One connection that applies: it turns the steps of a group into statements, in one transaction.
//
// Steps of many rows go as array parameters, a few rows as prepared statements. Everything is sent
// through the bounded pipeline of InFlight; the judge given here sees every result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apply/change_set.h"
#include "apply/in_flight.h"
#include "apply/prepared_statements.h"
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
    void begin() { transaction_.begin(); }
    // `commit_lsn`: of the last source transaction that the step is from. `is_checked`: in the form
    // that checks itself; see can_be_checked().
    void send(const Step& step, Lsn commit_lsn, bool is_checked);
    // Lets the server begin at once.
    void flush();
    // As TargetTransaction::finish().
    void finish(Lsn from, Lsn end, bool durable, bool is_checked) {
        transaction_.finish(from, end, durable, is_checked);
    }
    // Reads every outstanding result.
    void drain() { in_flight_.drain(); }
    // Reads what has arrived; true when nothing is outstanding.
    bool take_arrived() { return in_flight_.take_arrived(); }
    // Rolls back, after an error.
    void abandon() { in_flight_.abandon(); }
    const SentCounts& counts() const { return counts_; }

  private:
    void send_rows(const Batch& batch, Lsn commit_lsn);
    std::size_t send_batch(const Batch& batch, std::size_t first, Lsn commit_lsn);
    std::size_t gather(const Batch& batch, std::size_t first);
    void send_step(const Batch& batch, Lsn commit_lsn);
    void send_step(const RowStep& row, Lsn commit_lsn);
    void send_step(const TruncateStep& truncate, Lsn commit_lsn);
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
    Parameters parameters_;
    SentCounts counts_;
    bool is_checked_ = false;  // of the step being sent
    std::vector<ArrayColumn> columns_;
    std::vector<int> parameter_of_cell_;
    std::vector<Cell> cells_;
};

}  // namespace walpack
