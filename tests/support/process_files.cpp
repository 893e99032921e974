#include "support/process_files.h"

#include <filesystem>
#include <fstream>

#include <sys/stat.h>

namespace walpack::e2e {

std::int64_t peak_resident_kilobytes(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    std::string line;
    while (std::getline(status, line)) {
        if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
    }
    return -1;
}

std::int64_t unnamed_file_bytes(pid_t pid, const std::string& folder) {
    std::int64_t bytes = 0;
    std::error_code gone;  // files come and go meanwhile
    const std::string fds = "/proc/" + std::to_string(pid) + "/fd";
    for (const auto& fd : std::filesystem::directory_iterator(fds, gone)) {
        const std::string name = std::filesystem::read_symlink(fd.path(), gone).string();
        struct stat file {};
        const bool is_unnamed = name.starts_with(folder + "/") && name.ends_with("(deleted)");
        if (is_unnamed && stat(fd.path().c_str(), &file) == 0) bytes += file.st_size;
    }
    return bytes;
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::ifstream stat(entry.path() / "stat");
        std::string line;
        std::getline(stat, line);
        // Behind the program's name, which may hold anything: the state, and the parent.
        const std::size_t name_end = line.rfind(") ");
        if (name_end == std::string::npos || line.size() < name_end + 5) continue;
        if (std::stoi(line.substr(name_end + 4)) == pid) children.push_back(std::stoi(name));
    }
    return children;
}

}  // namespace walpack::e2e
