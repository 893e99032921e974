// The tables that a pipeline keeps in schema walpack of its target.
#pragma once

#include <string>

#include "pg/connection.h"

namespace walpack {

// Whether there is one of that name, of any kind and owner.
bool has_walpack_table(Connection& target, const std::string& name);

}  // namespace walpack
