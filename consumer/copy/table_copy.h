// One table: COPY out of the source's snapshot session into the target's open transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/stop_request.h"
#include "copy/chunk_load.h"
#include "copy/refused_copy_rows.h"
#include "model/lsn.h"
#include "pg/connection.h"
#include "schema/published_table.h"
#include "schema/target_table.h"

namespace walpack {

struct TableCopyResult {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
};

struct CopySessions {
    Connection& source;
    Connection& target;
    const StopRequest& stop;
    OnPiece on_piece;
    std::function<void()> on_restart;  // what the pieces of the table held is void
};

// The statement that reads, for a mapping without problems; copy_in_sql() writes. Text format, as
// columns may differ in type.
std::string copy_out_sql(const PublishedTable& published, const RelationMapping& mapping);

// Copies all published rows. Both sessions have the same client_encoding and pinned settings.
// Throws with the table named.
TableCopyResult copy_table(const PublishedTable& published, const RelationMapping& mapping,
                           const CopySessions& sessions);

struct LeftOutRows {
    TakenCopyRows& taken;
    Lsn settled_lsn;  // as RefusedCopyRow has it
    // Also rows that constraints refuse which are deferred, here and at the start. The table comes
    // after all that it references then.
    bool asks_deferred = false;
};

// The same, but rows that the target refuses are taken out, where they may be.
TableCopyResult copy_table(const PublishedTable& published, const RelationMapping& mapping,
                           const CopySessions& sessions, const LeftOutRows& left_out);

}  // namespace walpack
