// Preflight of the target's tables: do they exist, do the columns fit, may the role write them, are
// they empty when a copy is to come?
#pragma once

#include <string>

#include "cli/preflight.h"
#include "config/config.h"
#include "pg/connection.h"

namespace walpack {

// One finding per kind of fault with all tables it concerns, so that the fixes can be pasted.
// The source is asked for the types inside of its columns' types.
void check_target_tables(Connection& source, Connection& target, const Config& config,
                         Preflight& preflight);

}  // namespace walpack
