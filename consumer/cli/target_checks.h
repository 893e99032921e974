// Preflight of the target server: can it be written, may the schema walpack be made, does its
// encoding take the source's text?
#pragma once

#include "cli/preflight.h"
#include "config/config.h"
#include "pg/connection.h"

namespace walpack {

void check_target_server(Connection& target, Preflight& preflight);

// The right to make or use schema walpack; reads this pipeline's progress row.
void check_progress(Connection& target, const Config& config, Preflight& preflight);

// Whether the progress row is of this source and slot. Comes after both ends were asked.
void check_progress_fits_source(const Config& config, Preflight& preflight);

void check_replica_role(Connection& target, Preflight& preflight);

// What needs both connections: different databases, convertible encodings. False when both are one
// database: then nothing that is found of its tables may be answered with a fix.
bool check_both_ends(Connection& source, Connection& target, Preflight& preflight);

}  // namespace walpack
