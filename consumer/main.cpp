// argv -> sub-command -> exit code; the last place that catches.
//
// Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong. systemd's unit
// relies on 2: such an error does not go away by starting again.
#include <cstdio>
#include <exception>
#include <string>

#include "base/error.h"
#include "cli/command.h"
#include "cli/command_line.h"

int main(int argc, char** argv) {
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
