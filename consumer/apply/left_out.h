// Which rows a transaction has to do without, when it is refused as a whole and the rest of it need
// not be.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace walpack {

// By number of the row, from 0: whether it is left out.
using LeftOut = std::vector<bool>;

// As few of the rows as halving finds (Zeller, Hildebrandt: "Simplifying and Isolating
// Failure-Inducing Input", 2002, applied to what is left out): none of them can be put back by
// itself, of a few no two can, and where one alone is enough it is that one. `guess` has a place
// for each row; with none of them left out it does not fit, as is known. `fits` tries the rows that
// are not left out. nullopt when it does not even fit with nothing, or more than `tries_max` tries
// would be needed.
std::optional<LeftOut> find_left_out(const LeftOut& guess,
                                     const std::function<bool(const LeftOut&)>& fits,
                                     std::size_t tries_max);

}  // namespace walpack
