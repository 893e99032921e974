// The wall clock jumps, by a day in either direction, as a virtual machine's does that was paused
// or whose time was wrong. All waits of the consumer go by the steady clock.
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "e2e/fault_scenario.h"
#include "support/scratch.h"

namespace walpack::e2e {
namespace {

class FaultClock : public FaultScenario {
  protected:
    void SetUp() override {
        FaultScenario::SetUp();
        clock_ = new_scratch_path("clock");
        set_clock("0");
    }

    void TearDown() override {
        set_clock("0");
        FaultScenario::TearDown();
    }

    // Replaced at once, as it may be read at any moment.
    void set_clock(const std::string& seconds) {
        const std::string next = clock_ + ".next";
        std::ofstream(next) << seconds;
        std::rename(next.c_str(), clock_.c_str());
    }

    std::string clock_;
};

TEST_F(FaultClock, JumpsOfTheConsumersClockChangeNothing) {
    consumer().set_environment("LD_PRELOAD", WALPACK_CLOCK_JUMP);
    consumer().set_environment("ASAN_OPTIONS", "verify_asan_link_order=0");
    consumer().set_environment("WALPACK_TEST_CLOCK", clock_);
    consumer().set("receive_timeout", "\"2s\"");
    set_clock("86400");
    const Finished tomorrow = run_command(
        {{"date", "+%s"}, {{"LD_PRELOAD", WALPACK_CLOCK_JUMP}, {"WALPACK_TEST_CLOCK", clock_}}});
    ASSERT_GT(std::atol(tomorrow.output.c_str()), std::time(nullptr) + 80000);
    set_clock("0");
    start_under_load();
    for (const char* jump : {"86400", "-86400", "7", "-7", "0"}) {
        SCOPED_TRACE(jump);
        set_clock(jump);
        transfers().let_pass(100);
        // Longer than the interval of status messages.
        std::this_thread::sleep_for(milliseconds(1200));
    }
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
}

// A walsender measures its patience by the wall clock, so it may give the consumer up.
TEST_F(FaultClock, JumpsOfThePublishersClockHeal) {
    source_cluster().stop("fast");
    setenv("LD_PRELOAD", WALPACK_CLOCK_JUMP, 1);
    setenv("WALPACK_TEST_CLOCK", clock_.c_str(), 1);
    source_cluster().start();
    unsetenv("LD_PRELOAD");
    unsetenv("WALPACK_TEST_CLOCK");
    start_under_load();
    for (const char* jump : {"86400", "-86400", "0"}) {
        SCOPED_TRACE(jump);
        const std::string earlier = source().value("SELECT now()");
        set_clock(jump);
        EXPECT_EQ(source().value("SELECT abs(extract(epoch FROM now() - " + literal(earlier) +
                                 ")) > 80000"),
                  "t");
        transfers().let_pass(100);
        std::this_thread::sleep_for(milliseconds(1200));
    }
    expect_healed();
    source_cluster().stop("fast");
    source_cluster().start();
}

}  // namespace
}  // namespace walpack::e2e
