#include "support/log_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

namespace walpack::e2e {

// Files may go while they are listed.
std::vector<std::string> files_left_in_log(const std::string& directory) {
    constexpr std::array<const char*, 3> kStay = {"lock", "state", "timeline"};
    std::vector<std::string> left;
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (std::ranges::find(kStay, name) == kStay.end()) left.push_back(name);
    }
    return left;
}

}  // namespace walpack::e2e
