// Constraints that can be deferred, asked before the COMMIT: that would refuse all of its
// transaction and name no row.
#pragma once

#include <optional>

#include "base/error.h"
#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

// Inside the open transaction: what stands against the rows that were written in it, as
// copy_error() words it; nullopt when nothing does. From then on they are checked at the end of
// each statement. Throws what is no row's fault.
std::optional<Error> refusal_of_deferred(Connection& target, const RelationMapping& mapping);

// The same of all tables together.
std::optional<Error> refusal_of_deferred(Connection& target);

// Inside a transaction that has not written anything: checked at the end of each statement.
inline void check_at_once(Connection& target) {
    target.execute("SET CONSTRAINTS ALL IMMEDIATE");
}

}  // namespace walpack
