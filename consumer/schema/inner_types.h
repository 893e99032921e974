// Types inside of a column's type: the fields of composites, and the domains that arrays, ranges
// and composites hold. Such values come as text, or in a form that only a type of the same name
// understands, so the mapping of columns does not look inside; what the target has there could
// change values in silence.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "pg/connection.h"

namespace walpack {

// Of types that both ends have by the same name: what does not take every value as it is (see
// schema/column_fit.h), a line each. The oids are those of the columns' types, below all domains.
std::vector<std::string> inner_type_problems(Connection& source,
                                             const std::set<std::uint32_t>& source_types,
                                             Connection& target,
                                             const std::set<std::uint32_t>& target_types);

}  // namespace walpack
