// Is the source still what a position is of? After a promotion or a restore its system identifier
// is the same, but from some LSN on its WAL is another.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/lsn.h"
#include "pg/connection.h"
#include "pg/replication_connection.h"
#include "slot/timeline.h"

namespace walpack {

// Throws Error(connection) while it is a standby: neither its slots nor its position are what they
// will be once it is promoted.
void require_primary(Connection& source);

struct SourceHistory {
    std::uint64_t system_identifier = 0;
    std::uint32_t timeline = 0;
    Lsn flush_lsn;                   // the end of its WAL
    std::vector<TimelineEnd> ended;  // the timelines before this one
};

SourceHistory read_source_history(ReplicationConnection& replication);

// The source's timeline when `lsn` was written, if that is known.
struct KnownPosition {
    std::optional<std::uint32_t> timeline;
    Lsn lsn;
};

// Throws Error(config) when the source may lack a part of what was written up to the position. An
// invalid LSN is before everything.
void require_history(const SourceHistory& source, const KnownPosition& position);

}  // namespace walpack
