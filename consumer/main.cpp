// argv -> sub-command -> exit code; the last place that catches.
//
// Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong. systemd's unit
// relies on 2: such an error does not go away by starting again.
#include <cstdio>
#include <exception>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/error.h"
#include "cli/command.h"
#include "cli/command_line.h"

namespace {

// Groups of a few megabytes come and go. By default glibc gives their memory back each time and
// then pays for every page of it again.
void keep_freed_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

}  // namespace

int main(int argc, char** argv) {
    keep_freed_memory();
    try {
        return walpack::run_command_line(argc, argv);
    } catch (const walpack::Error& error) {
        std::fprintf(stderr, "%s\n", error.report().c_str());
        return error.kind() == walpack::ErrorKind::config ? walpack::kExitUsage
                                                          : walpack::kExitFailed;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ERROR:  %s\n", error.what());
        return walpack::kExitFailed;
    }
}
