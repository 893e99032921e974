// The order in which tables are filled where foreign keys are checked: referenced tables first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace walpack {

// Pairs of oids: the referencing table, the referenced one.
using References = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

// Indexes into `tables` (oids), each referenced table before those that reference it; otherwise in
// the order given. Within a cycle the order given decides: there only deferrable constraints help.
std::vector<std::size_t> referenced_first(const std::vector<std::uint32_t>& tables,
                                          const References& references);

}  // namespace walpack
