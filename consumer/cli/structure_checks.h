// Preflight of the structure transfer: whether init can make the published tables that the target
// lacks.
#pragma once

#include <vector>

#include "base/stop_request.h"
#include "cli/preflight.h"
#include "config/config.h"
#include "pg/connection.h"

namespace walpack {

// Whether the copy, which has begun, knows the table.
bool is_known(const Preflight& preflight, const TableName& table);

// Which of the missing tables init makes: those whose rows will come. One that was copied, or is
// being copied, would miss them; so would any where rows are not copied.
std::vector<TableName> tables_to_make(const Config& config, const Preflight& preflight,
                                      std::vector<TableName> missing);

// Nothing is found when no table is missing.
void check_structure_transfer(Connection& source, Connection& target, const Config& config,
                              const StopRequest& stop, Preflight& preflight);

}  // namespace walpack
