// The initial copy: every published table under one snapshot, in one target transaction together
// with the position at which the stream takes over. So a crash at any moment leaves either nothing
// or everything.
//
// A temporary slot with plugin walpack exports a snapshot that sees exactly the transactions that
// committed before its consistent point; the stream from the permanent slot then starts at that
// LSN, and the server leaves out exactly those. The snapshot is imported into an ordinary
// REPEATABLE READ session, then the temporary slot goes.
//
// A table of which the target refuses a row is read once more under the same snapshot, row by row
// where it must be (table_copy.h), when refused rows may be put aside.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/stop_request.h"
#include "copy/refused_copy_rows.h"
#include "copy/snapshot_progress.h"
#include "model/lsn.h"
#include "pg/connection.h"
#include "pg/conninfo.h"
#include "progress/progress.h"
#include "schema/published_table.h"

namespace walpack {

struct InitialCopyOptions {
    Conninfo source;
    TableSelection selection;
    bool empties_tables = false;              // rows that a table has before are deleted
    std::uint64_t rate_limit = 0;             // bytes a second; 0: none
    RefusedCopyRows* refused_rows = nullptr;  // nullptr: a refused row ends the copy
    SnapshotProgressOptions progress;
};

struct InitialCopyResult {
    Lsn lsn;
    std::uint64_t tables = 0;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
};

// Copies and commits the position. The target tables must be empty (Error(schema) lists those that
// are not, before anything is written), unless they may be emptied. Checks the fit of all tables at
// once first.
InitialCopyResult run_initial_copy(const InitialCopyOptions& options, Connection& target,
                                   Progress& progress, const StopRequest& stop);

}  // namespace walpack
