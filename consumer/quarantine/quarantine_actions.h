// What an operator does with rows in quarantine, on the target, whether the consumer runs or not.
//
// Each action is one transaction that holds the pipeline's progress row from its start to its end:
// the applying consumer cannot commit meanwhile, and what it decided by the state before it cannot
// commit afterwards (progress/progress.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pg/connection.h"
#include "quarantine/quarantine_table.h"

namespace walpack {

// Which rows are meant: one of the three.
struct HeldRowChoice {
    std::optional<std::uint64_t> id;
    std::optional<TableName> table;
    bool is_all = false;
};

struct RetryReport {
    struct Failure {
        std::uint64_t id = 0;
        TableName table;
        std::string sqlstate;
        std::string message;  // may hold values
    };
    std::uint64_t applied = 0;
    std::vector<Failure> failed;
    std::uint64_t waiting = 0;
};

class QuarantineActions {
  public:
    // `target` must outlive this object; its settings are changed.
    QuarantineActions(Connection& target, std::string pipeline);

    // Applies the rows and what waits for them, in the order of the stream, each by itself. One
    // that fails again stays, with its new message, and so does what waits for it.
    RetryReport retry(const HeldRowChoice& choice);
    // Puts values in the place of those that came; nullopt is NULL. Throws Error(config) where the
    // row has no such column or its key would change.
    void edit(std::uint64_t id, const std::map<std::string, std::optional<std::string>>& values);
    // Gives the rows up. What waits for them stays. Returns how many there were.
    std::uint64_t discard(const HeldRowChoice& choice);

  private:
    using Tables = std::map<TableName, std::shared_ptr<const TargetTable>>;

    void lock();
    HeldRow find(std::uint64_t id) const;
    std::vector<std::string> finding_columns(const HeldRow& row) const;
    Tables read_tables(const std::vector<HeldRow>& rows) const;
    std::string condition_of(const HeldRowChoice& choice) const;
    HeldKeys no_keys() const;
    RetryReport retry_again_and_again(const HeldRowChoice& choice);
    RetryReport retry_rows(const HeldRowChoice& choice);
    // Deferred ones; otherwise the transaction has failed.
    bool constraints_hold();
    // Whether it is applied now.
    bool retry_row(HeldRow& row, const std::shared_ptr<const TargetTable>& table,
                   const HeldKeys& remaining, RetryReport& report);
    // What the target's row holds now, for who waits for it.
    void look_again(HeldRow& row, const std::shared_ptr<const TargetTable>& table,
                    const HeldKeys& earlier);
    void wait_again();

    Connection& target_;
    std::string pipeline_;
    QuarantineTable table_;
    bool is_replica_role_ = false;
};

}  // namespace walpack
