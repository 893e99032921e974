// A temporary slot of the source at a consistent point, with the snapshot that belongs to it.
#pragma once

#include <memory>
#include <string>

#include "base/stop_request.h"
#include "pg/connection.h"
#include "pg/conninfo.h"
#include "pg/replication_connection.h"

namespace walpack {

struct ConsistentSlot {
    CreatedSlot created;
    // The slot lives as long as it, the exported snapshot until it does something else.
    std::unique_ptr<ReplicationConnection> session;
};

// Of the sessions that wait for one, by which they are found in pg_stat_activity.
std::string slot_application_name(const std::string& pipeline);

// With plugin walpack. Waits until every transaction that writes at the call has ended, and tells
// the log for which. `source` is an idle session of the same server.
ConsistentSlot open_consistent_slot(const Conninfo& conninfo, Connection& source,
                                    const std::string& pipeline, const StopRequest& stop);

}  // namespace walpack
