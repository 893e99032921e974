// What a running copy tells of its speed, beside walpack.copy: walpack.copy_activity, a row per
// pipeline.
//
// The copy writes it about every second in transactions of its own, `walpack status` reads it.
// Nothing is decided by it, so it does not wait for the target's disk.
#pragma once

#include <optional>
#include <string>

#include "copy/copy_progress.h"
#include "pg/connection.h"

namespace walpack {

struct ReportedCopy {
    // Some or all tables, without chunks. And the speed and the part that is copied, which are of
    // all tables.
    CopyFigures figures;
    double seconds_ago = 0;
};

// Harmless when it exists. Under lock_schema().
void create_copy_activity_table(Connection& target);
// Does nothing where there is no such table, or it may not be written, or is of an older version.
void write_copy_activity(Connection& target, const std::string& pipeline,
                         const CopyFigures& figures);
// nullopt when there is no table that may be read, or no row.
std::optional<ReportedCopy> read_copy_activity(Connection& target, const std::string& pipeline);

}  // namespace walpack
