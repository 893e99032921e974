// The folder that holds everything the tests make: clusters, configurations, logs.
//
// It and every cluster in it go away when the test program ends, however it ends: a watching shell
// sees the end of a pipe that only the test program holds open.
#pragma once

#include <string>

namespace walpack::e2e {

// Made on first use. KEEP=1 in the environment leaves logs (not servers) behind and prints where.
const std::string& scratch_folder();

// A new path in it, ending in `suffix`.
std::string new_scratch_path(const std::string& suffix);

}  // namespace walpack::e2e
