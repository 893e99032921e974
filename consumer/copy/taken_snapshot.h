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
    // Every transaction that it sees ends at or before it.
    Lsn settled_lsn;
};

// Begins a REPEATABLE READ transaction, which reads. `preparation` is executed in it before the
// snapshot: empty, or statements that take none (SET LOCAL, LOCK), each after a semicolon. nullopt
// when a standby replayed WAL, or was promoted, while the snapshot was taken; the transaction is
// open then as well.
std::optional<TakenSnapshot> begin_with_snapshot(Connection& source,
                                                 const std::string& preparation);

// Whether the source, which may be a standby, has replayed changes of the transaction and neither
// its commit nor its abort. False where that cannot be told.
bool is_in_progress(Connection& source, std::uint32_t xid);

// Whether a crash of the source would leave what lies before.
bool is_flushed(Connection& source, Lsn lsn);
// Has everything flushed that the source has written until now, by a session of its own.
void flush_source(const Conninfo& source, const StopRequest& stop);

// Of a primary, where it is by itself, not in a transaction: what is committed and seen by
// everybody.
SourceSnapshot newest_snapshot(Connection& source);

}  // namespace walpack
