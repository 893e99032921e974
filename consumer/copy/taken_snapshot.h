// The snapshot of a session's transaction, told by transactions of the stream.
#pragma once

#include <cstdint>
#include <optional>

#include "copy/source_snapshot.h"
#include "model/lsn.h"
#include "pg/connection.h"

namespace walpack {

struct TakenSnapshot {
    SourceSnapshot snapshot;
    // As pg_current_snapshot() tells it. What it does not see, no snapshot of that moment does; a
    // standby's leaves out what is running.
    SourceSnapshot outline;
    // Every transaction that it sees ends at or before it.
    Lsn settled_lsn;
};

// Begins a REPEATABLE READ transaction, which reads. `preparation` is executed in it before the
// snapshot: empty, or statements that take none (SET LOCAL, LOCK), each after a semicolon. nullopt
// when a standby replayed WAL, or was promoted, while the snapshot was taken; the transaction is
// open then as well.
std::optional<TakenSnapshot> begin_with_snapshot(Connection& source,
                                                 const std::string& preparation);

// Whether the snapshot, under which the session reads, certainly does not see the transaction: it
// began behind it, or has not ended even now. False where that cannot be told.
bool is_certainly_unseen(Connection& source, const TakenSnapshot& taken, std::uint32_t xid);

// Whether a crash of the source would leave what lies before.
bool is_flushed(Connection& source, Lsn lsn);
// Has everything flushed that the source has written until now, by a session of its own.
void flush_source(const Conninfo& source, const StopRequest& stop);

// Of a primary, where it is by itself, not in a transaction: what is committed and seen by
// everybody.
SourceSnapshot newest_snapshot(Connection& source);

}  // namespace walpack
