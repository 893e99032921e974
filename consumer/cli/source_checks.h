// Preflight of the source server: version, settings, the right to replicate, room for slots.
#pragma once

#include "base/stop_request.h"
#include "cli/preflight.h"
#include "config/config.h"
#include "pg/connection.h"

namespace walpack {

void check_source_server(Connection& source, Preflight& preflight);

// Opens a replication connection, which proves the right to and the way in; takes the system
// identifier.
void check_replication_right(Connection& source, const Config& config, const StopRequest& stop,
                             Preflight& preflight);

// Reads the slot, and whether there is room for those that are still to be made.
void check_slot_room(Connection& source, const Config& config, Preflight& preflight);

// Whether slot and progress row belong together. Comes after both were read.
void check_slot_fits_progress(const Config& config, Preflight& preflight);

// What walpack does not carry: said once, before someone misses it.
void note_what_is_not_replicated(Connection& source, Preflight& preflight);

}  // namespace walpack
