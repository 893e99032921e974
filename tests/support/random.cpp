#include "support/random.h"

#include <cstdio>
#include <cstdlib>

namespace walpack::e2e {

std::uint64_t run_seed() {
    static const std::uint64_t seed = [] {
        const char* given = std::getenv("WALPACK_SEED");
        const std::uint64_t value =
            given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
        std::printf("seed: WALPACK_SEED=%llu\n", static_cast<unsigned long long>(value));
        std::fflush(stdout);
        return value;
    }();
    return seed;
}

Random Random::of_suite(std::uint64_t stream) {
    return {std::getenv("WALPACK_SEED") != nullptr ? run_seed() : 1, stream};
}

}  // namespace walpack::e2e
