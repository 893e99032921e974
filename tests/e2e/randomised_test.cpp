// Everything at once, at random, by a seed: several writers, every type, every replica identity,
// a consumer that is killed again and again, and a reader who never sees a wrong sum.
//
// Once for every combination of the settings that decide how changes are combined. Short by
// default; WALPACK_SOAK_SECONDS makes it long (`make soak`): all combinations share a third of
// that time; random_faults_test.cpp and random_targets_test.cpp have the others.
#include <tuple>

#include "e2e/random_schema.h"
#include "e2e/random_workload.h"
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr int kWriters = 4;
constexpr int kCombinations = 16;

// Workers, grouping, batching, coalescing.
using Combination = std::tuple<int, bool, bool, bool>;

class Randomised : public Scenario, public ::testing::WithParamInterface<Combination> {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        const auto& [workers, grouping, batching, coalescing] = GetParam();
        consumer().set("apply_workers", std::to_string(workers));
        consumer().set("grouping", grouping ? "true" : "false");
        consumer().set("batching", batching ? "true" : "false");
        consumer().set("coalescing", coalescing ? "true" : "false");
        std::string everything = "CREATE TABLE everything (id bigint PRIMARY KEY";
        for (const TypedColumn& column : typed_columns()) {
            everything += ", " + column.name + " " + column.type;
        }
        on_both(kRandomSchema);
        on_both(everything + ")");
        source().execute(kRandomRows);
    }

    // Kills or stops the consumer at random moments until the time is over.
    int disturb(Random& random, Clock::time_point end) {
        int kills = 0;
        while (Clock::now() < end) {
            if (random.chance(0.6)) wait_until_streaming();  // else before it gets that far
            const milliseconds pause(random.between(50, 1500));
            const auto ended = consumer().wait_exit(pause);
            if (ended) {
                ADD_FAILURE() << "the consumer ended by itself with status " << *ended;
                return kills;
            }
            if (random.chance(0.75)) {
                consumer().kill();
            } else {
                EXPECT_EQ(consumer().terminate(), 0);
            }
            consumer().start();
            ++kills;
        }
        return kills;
    }
};

TEST_P(Randomised, ChangesArriveExactlyOnceWhileTheConsumerIsKilled) {
    Random random(1);
    const auto begin = Clock::now();
    RandomWorkload workload(source_conninfo(), kWriters);
    wait_until("the writers write", seconds(10), [&] { return workload.committed() > 100; });
    consumer().init();
    consumer().start();
    wait_until_copied();
    Watcher watcher(target_conninfo(), kInvariantQuestion, kInvariantAnswer);
    wait_until("the sum is seen", seconds(60), [&] { return watcher.times_right() > 0; });
    const auto copied = Clock::now();
    const int kills = disturb(random, Clock::now() + soak_time(3 * kCombinations, seconds(3)));
    EXPECT_EQ(workload.stop(), "");
    if (HasFailure()) return;
    const auto stopped = Clock::now();
    catch_up(seconds(120));
    const auto caught_up = Clock::now();
    EXPECT_EQ(watcher.stop(), std::nullopt);
    EXPECT_GT(watcher.times_right(), 0);
    expect_equal();
    const auto elapsed = [](Clock::time_point from, Clock::time_point to) {
        return std::chrono::duration<double>(to - from).count();
    };
    std::printf(
        "%lld transactions committed, %lld refused, consumer ended %d times, sum seen %lld "
        "times; copied after %.1f s, caught up in %.1f s\n",
        static_cast<long long>(workload.committed()), static_cast<long long>(workload.refused()),
        kills, static_cast<long long>(watcher.times_right()), elapsed(begin, copied),
        elapsed(stopped, caught_up));
}

std::string combination_name(const ::testing::TestParamInfo<Combination>& info) {
    const auto& [workers, grouping, batching, coalescing] = info.param;
    return std::to_string(workers) + (workers == 1 ? "Worker" : "Workers") +
           (grouping ? "Grouping" : "") + (batching ? "Batching" : "") +
           (coalescing ? "Coalescing" : "");
}

INSTANTIATE_TEST_SUITE_P(, Randomised,
                         ::testing::Combine(::testing::Values(1, 4), ::testing::Bool(),
                                            ::testing::Bool(), ::testing::Bool()),
                         combination_name);

}  // namespace
}  // namespace walpack::e2e
