#include "cli/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {

void print(std::string_view text) {
    const bool is_written =
        std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (is_written) return;
    throw Error(ErrorKind::limit,
                fmt::format("could not write to standard output: {}", std::strerror(errno)));
}

}  // namespace walpack
