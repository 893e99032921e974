#include "log/log_removal.h"

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "log/log_directory.h"
#include "log/segment_reader.h"

namespace walpack {
namespace {

namespace fs = std::filesystem;

// Beside the segments; the service's own are there as well.
constexpr const char* kOtherFiles[] = {"state", "state.new", "timeline", "timeline.new", "lock"};

}  // namespace

std::optional<std::string> pipeline_of_log(const std::string& directory) {
    std::error_code error;
    if (!fs::is_directory(directory, error)) return std::nullopt;
    const LogDirectory folder(directory);
    for (const std::uint64_t number : folder.segments()) {
        SegmentReader reader(folder.log_path(number), number);
        if (const auto header = reader.read_header()) return header->identity.pipeline;
    }
    return std::nullopt;
}

bool remove_log(const std::string& directory) {
    std::error_code error;
    if (!fs::is_directory(directory, error)) return false;
    const LogDirectory folder(directory);
    for (const std::uint64_t number : folder.segments()) {
        if (const int failed = folder.remove(number); failed != 0)
            throw Error(ErrorKind::limit, file_error("remove", folder.log_path(number), failed));
    }
    for (const char* name : kOtherFiles) fs::remove(fs::path(directory) / name, error);
    fs::remove(directory, error);  // fails when something else is there
    return true;
}

}  // namespace walpack
