// What tools for failover do with logical slots.
#pragma once

#include <string>

#include "support/cluster.h"

namespace walpack::e2e {

// The standby knows the slot from now on, at its position of this moment. It is stopped on return.
void carry_slot_over(const Cluster& primary, Cluster& standby, const std::string& slot);

}  // namespace walpack::e2e
