// The foreign keys of the target, as what HeldKeys knows rows by.
#pragma once

#include <vector>

#include "pg/connection.h"
#include "quarantine/held_keys.h"

namespace walpack {

// Those that act do so in this very session, which has the role for it, or not.
std::vector<ForeignKey> read_foreign_keys(Connection& target);

}  // namespace walpack
