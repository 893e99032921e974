// check(): our own broken invariants end the process, in release builds too. What comes from
// outside is never checked with it; that throws Error.
#pragma once

namespace walpack {

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace walpack

#define WALPACK_CHECK(expression) \
    ((expression) ? static_cast<void>(0) : ::walpack::check_failed(#expression, __FILE__, __LINE__))
