// A process is stopped, as by a debugger, a frozen machine or an overcommitted one: nothing is
// closed, nothing answers. Beyond all timeouts, then it goes on as if nothing had been.
#include <csignal>
#include <memory>
#include <vector>

#include "e2e/fault_scenario.h"
#include "support/process_files.h"

namespace walpack::e2e {
namespace {

class FaultStopped : public FaultScenario {
  protected:
    // Goes on at the end of the scope, whatever the test says.
    class Stopped {
      public:
        explicit Stopped(pid_t pid) : pid_(pid) { ::kill(pid, SIGSTOP); }
        ~Stopped() { ::kill(pid_, SIGCONT); }
        Stopped(const Stopped&) = delete;
        Stopped& operator=(const Stopped&) = delete;

      private:
        pid_t pid_;
    };

    // The server with all its processes.
    class StoppedServer {
      public:
        explicit StoppedServer(const Cluster& cluster) {
            const pid_t postmaster =
                std::stoi(read_file(cluster.folder() + "/data/postmaster.pid"));
            stopped_.push_back(std::make_unique<Stopped>(postmaster));
            for (const pid_t child : children_of(postmaster))
                stopped_.push_back(std::make_unique<Stopped>(child));
        }
        std::size_t processes() const { return stopped_.size(); }

      private:
        std::vector<std::unique_ptr<Stopped>> stopped_;
    };

    void set_short_timeouts() {
        consumer().set("receive_timeout", "\"1s\"");
        consumer().set("status_interval", "\"200ms\"");
        source().execute("ALTER DATABASE " + source_database() + " SET wal_sender_timeout = '1s'");
    }
    // Reads the slot meanwhile: the retries cannot have it before it is gone.
    void wait_until_another_serves(pid_t before) {
        wait_until("another walsender serves the slot", seconds(20), [&] {
            const pid_t now = walsender();
            return now != 0 && now != before;
        });
    }
};

// The slot stays with it, so nothing can go on before it does.
TEST_F(FaultStopped, APublishersWalsenderIsGivenUpAndReplaced) {
    set_short_timeouts();
    start_under_load();
    const pid_t before = walsender();
    {
        const Stopped stopped(before);
        wait_for_log("silent for longer than");
        wait_for_log("trying again");
        transfers().let_pass(100);
    }
    wait_until_another_serves(before);
    expect_healed();
}

// New connections are taken by its kernel, and never answered.
TEST_F(FaultStopped, AWholePublisherIsGivenUpUntilItGoesOn) {
    set_short_timeouts();
    consumer().set("source", toml_text(source_conninfo() + " connect_timeout=1"));
    start_under_load();
    {
        const StoppedServer stopped(source_cluster());
        EXPECT_GT(stopped.processes(), 5U);
        wait_for_log("silent for longer than");
        wait_for_log("no answer in time");
    }
    transfers().let_pass(20);
    expect_healed();
}

TEST_F(FaultStopped, AWholeSubscriberOnlyDelays) {
    set_short_timeouts();
    start_under_load();
    {
        const StoppedServer stopped(target_cluster());
        EXPECT_GT(stopped.processes(), 5U);
        transfers().let_pass(100);
        std::this_thread::sleep_for(milliseconds(2500));
    }
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "trying again"))
        << "the source was not answered while the target was silent";
}

// Also where it holds the lock of the pipeline, and with a transaction open.
TEST_F(FaultStopped, ASubscribersBackendsOnlyDelay) {
    set_short_timeouts();
    start_under_load();
    const auto rows = target().rows("SELECT pid" + of_consumer());
    EXPECT_GE(rows.size(), 2U);
    for (const Row& row : rows) {
        const Stopped stopped(static_cast<pid_t>(std::stoi(*row[0])));
        transfers().let_pass(50);
        std::this_thread::sleep_for(milliseconds(1500));
    }
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "trying again"))
        << "the source was not answered while the target was silent";
}

TEST_F(FaultStopped, AConsumerFindsItsStreamGoneAndGoesOn) {
    set_short_timeouts();
    start_under_load();
    {
        const Stopped stopped(consumer().pid());
        wait_until("the publisher gives it up", seconds(20), [&] { return walsender() == 0; });
        transfers().let_pass(100);
    }
    wait_for_retry();
    expect_healed();
}

// What the other one could not know: it was not dead. It may not apply anything any more.
TEST_F(FaultStopped, AConsumerThatWasReplacedMeanwhileChangesNothing) {
    set_short_timeouts();
    start_under_load();
    Consumer replacement({{"pipeline", toml_text(pipeline())},
                          {"source", toml_text(source_conninfo())},
                          {"target", toml_text(target_conninfo())},
                          {"retry_delay_max", "\"500ms\""}});
    {
        const Stopped stopped(consumer().pid());
        wait_until("the publisher gives it up", seconds(20), [&] { return walsender() == 0; });
        target().execute("SELECT count(pg_terminate_backend(pid))" + of_consumer());
        replacement.start();
        EXPECT_TRUE(holds_within(seconds(20), [&] { return walsender() != 0; }))
            << replacement.log();
        transfers().let_pass(50);
    }
    transfers().let_pass(50);
    wait_for_retry();
    replacement.kill();
    expect_healed();
}

}  // namespace
}  // namespace walpack::e2e
