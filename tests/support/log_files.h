// What is left in the log's folder.
#pragma once

#include <string>
#include <vector>

namespace walpack::e2e {

// Names of the files there, without those that stay between two runs: lock, state and timeline
// (docs/operations.md). None when there is no folder.
std::vector<std::string> files_left_in_log(const std::string& directory);

}  // namespace walpack::e2e
