#include "copy/rate_limit.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

milliseconds time_of_four_threads(std::uint64_t bytes_per_second, std::uint64_t bytes_each) {
    RateLimit limit(bytes_per_second);
    StopRequest stop;
    const auto start = Clock::now();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            for (int piece = 0; piece < 10; ++piece) limit.take(bytes_each / 10, stop);
        });
    }
    for (std::thread& thread : threads) thread.join();
    return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
}

TEST(RateLimit, LetsEverythingPassWithoutARate) {
    RateLimit limit(0);
    StopRequest stop;
    const auto start = Clock::now();
    for (int piece = 0; piece < 1000; ++piece) limit.take(1ULL << 40, stop);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST(RateLimit, HoldsSeveralThreadsTogether) {
    // 400 kB at 1 MB/s, less what a bucket may have saved.
    EXPECT_GE(time_of_four_threads(1'000'000, 100'000), milliseconds(200));
}

TEST(RateLimit, LetsAPieceLargerThanTheBucketPass) {
    RateLimit limit(1'000'000);
    StopRequest stop;
    const auto start = Clock::now();
    limit.take(400'000, stop);
    EXPECT_GE(Clock::now() - start, milliseconds(190));
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(20));
}

TEST(RateLimit, EndsWaitingOnAStop) {
    RateLimit limit(1);
    StopRequest stop;
    std::thread stopper([&] {
        std::this_thread::sleep_for(milliseconds(20));
        stop.request();
    });
    EXPECT_THROW(limit.take(1'000'000'000, stop), Error);
    stopper.join();
}

TEST(RateLimit, RefusesWorkAfterAStopEvenWithoutARate) {
    RateLimit limit(0);
    StopRequest stop;
    stop.request();
    EXPECT_THROW(limit.take(1, stop), Error);
}

}  // namespace
}  // namespace walpack
