// The settings of a session that writes to a target: the same for the initial copy and the stream.
//
// Everything that could change the meaning of a name or a value, interrupt us, or turn a plan
// against us is pinned, whatever the role, the database or the connection string set.
#pragma once

#include <string>

#include "pg/connection.h"

namespace walpack {

struct TargetSession {
    // session_replication_role = replica was permitted: ordinary triggers and foreign keys do not
    // fire.
    bool is_replica_role = false;
    // The value of synchronous_commit for commits that must be durable: what was configured for
    // the session, but at least "on". The session itself runs with "off".
    std::string durable_commit = "on";
};

// May be called again in the same session, outside of a transaction. Logs one warning per process
// when the replica role is not permitted.
TargetSession set_up_target_session(Connection& target);

// The same for a session that writes many rows, again and again.
TargetSession set_up_row_session(Connection& target);

}  // namespace walpack
