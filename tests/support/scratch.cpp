#include "support/scratch.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace walpack::e2e {
namespace {

// $1 is the folder, $2 the script that knows how to end a cluster. The watcher outlives a Ctrl-C.
constexpr const char* kWatcher =
    "trap '' INT TERM HUP; read -r _; "
    "for port in \"$1\"/*/port; do [ -e \"$port\" ] && bash \"$2\" destroy \"${port%/port}\"; "
    "done; "
    "[ -n \"$KEEP\" ] || rm -rf \"$1\"";

void start_watcher(const std::string& folder) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    const pid_t pid = fork();
    if (pid < 0) throw std::runtime_error("fork failed");
    if (pid == 0) {
        setsid();
        dup2(ends[0], STDIN_FILENO);
        const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execlp("bash", "bash", "-c", kWatcher, "watcher", folder.c_str(),
               WALPACK_SOURCE_DIR "/.ci/server.sh", nullptr);
        _exit(127);
    }
    close(ends[0]);  // the other end stays open until this process ends
}

std::string make_folder() {
    const char* base = std::getenv("TMPDIR");
    std::string name = std::string(base != nullptr ? base : "/tmp") + "/walpack_test.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error(name + ": " + std::strerror(errno));
    }
    chmod(name.c_str(), 0755);  // servers may run as another user
    if (std::getenv("KEEP") != nullptr) std::printf("logs stay in %s\n", name.c_str());
    start_watcher(name);
    return name;
}

}  // namespace

const std::string& scratch_folder() {
    static const std::string folder = make_folder();
    return folder;
}

std::string new_scratch_path(const std::string& suffix) {
    static std::atomic<int> count{0};
    return scratch_folder() + "/" + std::to_string(++count) + "." + suffix;
}

}  // namespace walpack::e2e
