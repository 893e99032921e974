// What the target's row holds at the moment in which a change of it is taken out of the stream.
#pragma once

#include <string>
#include <vector>

#include "apply/refused_row.h"
#include "pg/connection.h"
#include "quarantine/held_row.h"

namespace walpack {

// The columns' values as text; NULL in all of them when there is no such row, nothing when the
// target could not be asked for it, as when its key cannot be stored there. Inside the open
// transaction of `session`, with a savepoint of its own.
HeldTuple find_target_row(const RefusedRow& row, const std::vector<std::string>& columns,
                          Connection& session);

}  // namespace walpack
