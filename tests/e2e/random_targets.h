// Several targets on one slot under a random workload, an operator who does what is left to humans,
// and faults of whatever they stand on, several at once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "e2e/random_prepared.h"
#include "e2e/random_target.h"
#include "e2e/random_workload.h"
#include "support/proxy.h"
#include "support/random.h"
#include "support/scenario.h"
#include "support/small_disk.h"

namespace walpack::e2e {

class RandomTargets : public Scenario {
  protected:
    void SetUp() override;
    void TearDown() override;

    // All targets are copied, and watched.
    void begin();
    // Begins faults and ends them until then.
    void disturb(Clock::time_point end);
    // Nothing is disturbed any more; the workload has ended; every target is what it shall be.
    void heal();
    // The source's standby takes its place.
    void promote();
    void expect_nothing_left();

    bool is_long() const;
    // How often what happened; of each kind of fault that is possible here, also when never.
    const std::map<std::string, int>& counts() const { return counts_; }
    // Every fault had its turn at least so often.
    int rounds() const;
    std::int64_t committed() const { return committed_; }
    std::int64_t times_right() const;

  private:
    // One that goes on until it is ended.
    struct OpenFault {
        std::string name;
        const RandomTarget* of = nullptr;  // nullptr: of what all have in common
        bool is_silent = false;            // who asks, or waits for the consumer, may get no answer
        Clock::time_point until;
        std::function<bool()> end;  // false: it is to be tried again
    };
    struct Kind {
        const char* name;
        bool (RandomTargets::*begin)();  // false: not possible at this moment
    };
    // Those that are possible here.
    std::vector<Kind> kinds() const;

    // ---- faults: random_targets_faults.cpp
    bool kill_service();
    bool stop_service();
    bool reload_service();
    bool suspend_service();
    bool jump_clock();
    bool crash_source();
    bool crash_targets();
    bool end_sessions();
    bool suspend_backends();
    bool suspend_walsender();
    bool cut_line();
    bool freeze_line();
    bool lock_rows();
    bool lock_backwards();
    bool close_target();
    bool leave_target();
    bool copy_again();
    bool fill_log_disk();
    bool fill_target_disk();
    bool write_large();
    bool refuse_rows();
    bool refuse_for_ever();
    bool change_locally();

    // ---- their ends
    bool join(RandomTarget& target, bool& has_come);
    bool has_taken_back(RandomTarget& target, const std::string& accepting, bool& is_accepted);
    bool is_refused_row_over(const std::string& behind, std::size_t log_from);
    bool is_over_at(RandomTarget& target, const std::string& behind, std::size_t log_from);

    // ---- between them
    void begin_one();
    void end_faults(bool all);
    void open(OpenFault fault);
    bool is_open(const std::string& name) const;
    bool is_reachable(const RandomTarget& target) const;
    // nullptr when there is none.
    RandomTarget* pick(const std::function<bool(const RandomTarget&)>& fits);
    RandomTarget* pick();
    bool are_all_in() const;
    void operate(bool at_once);
    bool attempt(const std::function<bool()>& step);
    void suspend(const std::vector<Row>& pids);
    void note(const std::string& event);
    void count(const std::string& what) { ++counts_[what]; }

    void choose_settings();
    void write_entries();
    void set_clock(const std::string& seconds);
    Finished command(const std::string& name, const RandomTarget& target,
                     std::vector<std::string> flags = {});
    void hang_up();
    void start_workload();
    void stop_workload();
    void catch_up_all();
    void expect_all_equal();
    void show() const;
    static void start_servers();
    std::string source_of_service() const;
    // Where the workload writes now.
    std::string primary_conninfo() const;
    Session& primary();

    milliseconds short_time() { return milliseconds(random_.between(50, 1500)); }
    milliseconds long_time();

    Random random_ = Random::of_suite(21);
    std::optional<Proxy> to_source_{std::in_place, source_cluster().port()};
    std::optional<Cluster> standby_;
    std::unique_ptr<Session> promoted_;
    std::unique_ptr<SmallDisk> log_disk_;
    std::unique_ptr<SmallDisk> target_disk_;
    std::vector<std::unique_ptr<RandomTarget>> targets_;
    const RandomTarget* left_ = nullptr;  // out of the configuration
    std::unique_ptr<Consumer> service_;
    std::string clock_;
    std::unique_ptr<RandomWorkload> workload_;
    std::unique_ptr<RandomWorkload> refusable_workload_;
    std::unique_ptr<RandomPrepared> prepared_;
    std::vector<OpenFault> open_;
    std::set<std::string> released_;  // name of the target, and LSN
    int marks_ = 0;
    int refused_ = 0;
    std::int64_t committed_ = 0;
    std::map<std::string, int> counts_;
    Clock::time_point begun_ = Clock::now();
    std::vector<std::string> events_;
};

}  // namespace walpack::e2e
