// Before a stream begins: whether the target has what the policies for conflicts need.
#pragma once

#include "apply/conflict_policy.h"
#include "pg/connection.h"

namespace walpack {

// Makes walpack.conflict_log where it is missing and policies would write to it. Throws
// Error(config) when rows cannot be written there, or a policy needs times of commit that the
// target does not keep. Outside of a transaction.
void set_up_conflicts(Connection& target, const ConflictPolicies& policies);

}  // namespace walpack
