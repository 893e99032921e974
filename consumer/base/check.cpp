#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace walpack {

void check_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "walpack: broken invariant \"%s\" at %s:%d\n", expression, file, line);
    std::abort();
}

}  // namespace walpack
