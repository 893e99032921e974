// The snapshot of a session's transaction, told by transactions of the stream.
#pragma once

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

// Of a primary: of the transaction that is open, or of the statement. Of a standby: for a
// transaction that has executed nothing that needs a snapshot; nullopt when it replayed WAL while
// the snapshot was taken. `replayed_before`: replayed_lsn() from before the transaction began.
std::optional<TakenSnapshot> take_snapshot(Connection& source,
                                           const std::optional<Lsn>& replayed_before);

// What a standby has replayed; nullopt for a primary.
std::optional<Lsn> replayed_lsn(Connection& source);

// Whether a crash of the source would leave what lies before.
bool is_flushed(Connection& source, Lsn lsn);
// Has everything flushed that the source has written until now, by a session of its own.
void flush_source(const Conninfo& source, const StopRequest& stop);

// Of a primary, where it is by itself, not in a transaction: what is committed and seen by
// everybody.
SourceSnapshot newest_snapshot(Connection& source);

}  // namespace walpack
