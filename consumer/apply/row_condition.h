// The condition that finds the row of an UPDATE or DELETE.
#pragma once

#include <string>

#include "schema/target_table.h"

namespace walpack {

// By key: "c" = $1, with the type's own equality operator where it has one outside of pg_catalog.
// `qualifier` is put before the column's name: "w".
std::string key_equals(const TargetColumn& column, const std::string& parameter,
                       const std::string& qualifier = "");

// Exactly this value: for a row that only its whole content identifies. Types whose equality is
// coarser than their value (1.0 = 1.00, -0 = 0, citext, nondeterministic collations) or that have
// none (json, point) are compared by their text, beside that equality where there is one: whatever
// index of the column there is can be used. Not for NULL, which has a condition of its own, as
// IS NOT DISTINCT FROM uses no index.
std::string is_exactly(const TargetColumn& column, const std::string& parameter,
                       const std::string& qualifier = "");
std::string is_exactly_null(const TargetColumn& column, const std::string& qualifier = "");

}  // namespace walpack
