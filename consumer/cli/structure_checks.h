// Preflight of the structure transfer: whether init can make the published tables that the target
// lacks.
#pragma once

#include "base/stop_request.h"
#include "cli/preflight.h"
#include "config/config.h"
#include "pg/connection.h"

namespace walpack {

// Whether init makes missing tables. Once the rows were copied, or when they are not to be, a table
// that is missing is a fault.
bool makes_missing_tables(const Config& config, const Preflight& preflight);

// Nothing is found when no table is missing.
void check_structure_transfer(Connection& source, Connection& target, const Config& config,
                              const StopRequest& stop, Preflight& preflight);

}  // namespace walpack
