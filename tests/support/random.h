// Chance that can be repeated: one seed per run, printed, set again by WALPACK_SEED.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace walpack::e2e {

// The seed of this run; printed when it is first asked for.
std::uint64_t run_seed();

class Random {
  public:
    // A stream of its own for each (test, session), so that threads do not share one.
    explicit Random(std::uint64_t stream) : Random(run_seed(), stream) {}
    // The same in every run in which no seed is given.
    static Random of_suite(std::uint64_t stream);

    std::int64_t between(std::int64_t low, std::int64_t high) {
        return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
    }
    // Of one of so many, from 0.
    std::size_t index(std::size_t count) {
        return std::uniform_int_distribution<std::size_t>(0, count - 1)(engine_);
    }
    bool chance(double probability) { return std::bernoulli_distribution(probability)(engine_); }
    template <typename T>
    const T& pick(const std::vector<T>& from) {
        return from[index(from.size())];
    }

  private:
    Random(std::uint64_t seed, std::uint64_t stream) : engine_(seed * 1000003 + stream) {}

    std::mt19937_64 engine_;
};

}  // namespace walpack::e2e
