// Before a stream begins: whether the target has what the policies for conflicts need.
#pragma once

#include <memory>

#include "config/config.h"
#include "pg/connection.h"
#include "schema/replication_origins.h"

namespace walpack {

// Throws Error(config) when a policy needs something of the target that it does not keep or permit.
void require_for_conflicts(Connection& target, const Config& config);

// Makes walpack.conflict_log where it is missing and policies would write to it. Throws
// Error(config) when rows cannot be written there, or as require_for_conflicts() does. Outside of a
// transaction. Returns the origins that each session which writes rows must take; nullptr when none
// are told apart: then those of an earlier configuration go.
std::shared_ptr<const ReplicationOrigins> set_up_conflicts(Connection& target,
                                                           const Config& config);

// The same for a session of a command beside the service.
void take_origin(Connection& session, const Config& config);

}  // namespace walpack
