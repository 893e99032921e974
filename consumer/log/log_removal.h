// What is left of a log whose pipeline is given up.
#pragma once

#include <optional>
#include <string>

namespace walpack {

// Whose log it is; nullopt when nothing says so.
std::optional<std::string> pipeline_of_log(const std::string& directory);

// Removes the log's files, and the folder unless it holds something else. False when there was no
// folder. Throws Error(config) when a process uses it, Error(limit) when a file cannot be removed.
bool remove_log(const std::string& directory);

}  // namespace walpack
