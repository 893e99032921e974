// Applies a held row by itself, as the applier would have done.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "pg/connection.h"
#include "quarantine/held_row.h"

namespace walpack {

struct HeldRowFailure {
    std::string kind;
    std::string sqlstate;
    std::string message;
    std::string constraint;
    std::string column;
};

// Inside the open transaction of `target`, a session that was set up for a target with UTF-8 for
// client_encoding, under a savepoint: on a failure the transaction is as it was. `table`: nullptr
// where the target has none. Throws Error(connection) for what is not the row's fault.
std::optional<HeldRowFailure> apply_held_row(Connection& target, const HeldRow& row,
                                             std::shared_ptr<const TargetTable> table,
                                             bool is_replica_role);

}  // namespace walpack
