// Three targets on one slot, each with other settings, and every fault by a seed, several at once:
// what RandomFaults has, on one of the targets or on what they share, and what only several
// targets, an operator and a human's decision bring about. In the end each target is equal to the
// source by its selection, the sum was right on each at every moment, and nothing is left.
//
// Short by default; WALPACK_SOAK_SECONDS makes it long (`make soak`): it has a third of that time.
#include "e2e/random_targets.h"

#include <cstdio>

namespace walpack::e2e {
namespace {

TEST_F(RandomTargets, EverythingHealsAndAllTargetsAreEqual) {
    const seconds time = soak_time(3, seconds(10));
    begin();
    disturb(Clock::now() + time);
    if (HasFailure()) return;
    heal();
    if (HasFailure()) return;
    promote();
    if (HasFailure()) return;
    expect_nothing_left();
    std::printf("%lld transactions committed, sum seen %lld times, %d rounds of all faults\n",
                static_cast<long long>(committed()), static_cast<long long>(times_right()),
                rounds());
    for (const auto& [what, times] : counts()) std::printf("%6d  %s\n", times, what.c_str());
    // So many kinds take their time.
    if (time < seconds(600)) return;
    for (const auto& [what, times] : counts()) EXPECT_GT(times, 0) << what;
}

}  // namespace
}  // namespace walpack::e2e
