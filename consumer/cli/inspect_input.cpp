#include "cli/inspect_input.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "base/error.h"
#include "cli/inspect.h"

namespace walpack {

int inspect_input(const Invocation& invocation) {
    // Buffers of their own: otherwise every byte would be a call of its own.
    std::ios::sync_with_stdio(false);
    const std::string& path = invocation.argument;
    if (path.empty() || path == "-") return run_inspect(std::cin, std::cout);
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw Error(ErrorKind::config,
                    fmt::format("could not read \"{}\": {}", path, std::strerror(errno)));
    }
    return run_inspect(file, std::cout);
}

}  // namespace walpack
