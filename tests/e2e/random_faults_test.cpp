// Every fault by a seed, one after the other or several at once, under a random workload and a
// reader who never sees a wrong sum: processes killed and stopped, servers crashed and away, lines
// cut, rows locked, settings of the log changed between two starts.
//
// Short by default; WALPACK_SOAK_SECONDS makes it long (`make soak`): it has a third of that time.
#include "e2e/random_faults.h"

#include <csignal>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

#include "e2e/random_schema.h"
#include "e2e/random_workload.h"
#include "support/log_files.h"
#include "support/proxy.h"
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr int kWriters = 3;

class RandomFaults : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both(random_tables());
        source().execute(kRandomRows);
        consumer().set("source", toml_text(through(to_source_, source_database())));
        consumer().set("target", toml_text(through(to_target_, target_database())));
        consumer().set("retry_delay_max", "\"300ms\"");
    }

    // What may change between two starts.
    void choose_settings(Random& random) {
        choose_stream_settings(consumer(), random);
        consumer().set("apply_workers", random.chance(0.5) ? "1" : "3");
    }

    void write_large_transaction() { (void)source().try_execute(kLargeTransaction); }

    void restart(Random& random) {
        consumer().kill();
        choose_settings(random);
        consumer().start();
    }

    void stop_consumer_for(milliseconds time) {
        ::kill(consumer().pid(), SIGSTOP);
        std::this_thread::sleep_for(time);
        ::kill(consumer().pid(), SIGCONT);
    }

    static void crash(Cluster& cluster, milliseconds away) {
        cluster.crash();
        std::this_thread::sleep_for(away);
        cluster.start();
    }

    void lock_rows_for(milliseconds time) {
        Session session = new_target_session();
        if (session.try_execute("BEGIN; LOCK TABLE everything IN EXCLUSIVE MODE"))
            std::this_thread::sleep_for(time);
    }

    void freeze(Proxy& line, milliseconds time) {
        line.freeze(true);
        std::this_thread::sleep_for(time);
        line.freeze(false);
    }

    void one_fault(Random& random) {
        const milliseconds time(random.between(50, 1500));
        switch (random.between(0, 10)) {
            case 0:
            case 1:
                return restart(random);
            case 2:
                return stop_consumer_for(time);
            case 3:
                return crash(source_cluster(), time);
            case 4:
                return crash(target_cluster(), time);
            case 5:
                return lock_rows_for(time);
            case 6:
                return end_backends(random.chance(0.5) ? source() : target());
            case 7:
                return (random.chance(0.5) ? to_source_ : to_target_).cut();
            case 8:
                return freeze(random.chance(0.5) ? to_source_ : to_target_, time);
            case 9:
                return write_large_transaction();
            default:
                EXPECT_EQ(consumer().terminate(), 0);
                choose_settings(random);
                consumer().start();
        }
    }

    int disturb(Random& random, Clock::time_point end) {
        int faults = 0;
        while (Clock::now() < end && !consumer().has_given_up()) {
            if (random.chance(0.5)) {
                try {
                    wait_until_streaming();
                } catch (const SqlError&) {
                    // The server is away at this moment.
                }
            }
            std::this_thread::sleep_for(milliseconds(random.between(20, 1000)));
            one_fault(random);
            ++faults;
        }
        EXPECT_FALSE(consumer().has_given_up()) << consumer().log();
        return faults;
    }

    // One that is written only when it has to be; then all files go. On return the consumer has
    // stopped.
    void expect_log_is_emptied() {
        EXPECT_EQ(consumer().terminate(), 0);
        consumer().set("confirm", "\"applied\"");
        consumer().set("wal_budget", "\"1GB\"");
        consumer().start();
        catch_up();
        EXPECT_TRUE(
            holds_within(seconds(20), [&] { return files_left_in_log(log_directory()).empty(); }));
        stop_consumer();
        EXPECT_EQ(files_left_in_log(log_directory()), std::vector<std::string>{});
    }

    Proxy to_source_{source_cluster().port()};
    Proxy to_target_{target_cluster().port()};
};

TEST_F(RandomFaults, EverythingHealsAndBothSidesAreEqual) {
    Random random(11);
    RandomWorkload workload(source_conninfo(), kWriters);
    wait_until("the writers write", seconds(10), [&] { return workload.committed() > 100; });
    choose_settings(random);
    consumer().init();
    consumer().start();
    wait_until_copied();
    Watcher watcher(target_conninfo(), kInvariantQuestion, kInvariantAnswer);
    wait_until("the sum is seen", seconds(60), [&] { return watcher.times_right() > 0; });
    const int faults = disturb(random, Clock::now() + soak_time(3, seconds(15)));
    EXPECT_EQ(workload.stop(), "");
    if (HasFailure()) return;
    (void)source().try_execute("SELECT 1");  // connects again
    (void)target().try_execute("SELECT 1");
    catch_up(seconds(180));
    EXPECT_EQ(watcher.stop(), std::nullopt);
    expect_equal();
    expect_log_is_emptied();
    const Finished drop = consumer().command("drop");
    EXPECT_EQ(drop.status, 0) << drop.output;
    EXPECT_FALSE(std::filesystem::exists(log_directory()));
    EXPECT_EQ(target().number("SELECT count(*) FROM pg_prepared_xacts"), 0);
    EXPECT_EQ(target().number("SELECT count(*) FROM pg_namespace WHERE nspname = 'walpack'"), 0);
    EXPECT_EQ(source().number("SELECT count(*) FROM pg_replication_slots WHERE database = " +
                              literal(source_database())),
              0);
    std::printf("%lld transactions committed, %d faults, sum seen %lld times\n",
                static_cast<long long>(workload.committed()), faults,
                static_cast<long long>(watcher.times_right()));
}

}  // namespace
}  // namespace walpack::e2e
