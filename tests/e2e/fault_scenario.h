// What the tests of faults stand on: money moves on the source all the time, its sum is watched on
// the target all the time, and in the end both are equal, nothing was given up and nothing is left.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/log_files.h"
#include "support/proxy.h"
#include "support/random.h"
#include "support/scenario.h"
#include "support/transfers.h"

namespace walpack::e2e {

class FaultScenario : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both(Transfers::kTables);
        source().execute(Transfers::kAccounts);
        consumer().set("retry_delay_min", "\"20ms\"");
    }

    void TearDown() override {
        transfers_.reset();
        watcher_.reset();
        Scenario::TearDown();
    }

    void start_streaming() {
        consumer().init();
        consumer().start();
        catch_up();
    }
    // Writing goes on beside the fault from here to expect_healed().
    void start_under_load() {
        start_streaming();
        transfers_.emplace(source_conninfo());
        watcher_.emplace(target_conninfo(), Transfers::kSum, Transfers::kExpectedSum);
        transfers_->let_pass(5);
    }
    Transfers& transfers() { return *transfers_; }

    void expect_healed() {
        if (transfers_) transfers_->stop();
        EXPECT_TRUE(consumer().is_running()) << "the consumer gave up";
        catch_up();
        if (watcher_) {
            EXPECT_EQ(watcher_->stop(), std::nullopt);
            EXPECT_GT(watcher_->times_right(), 0);
            EXPECT_GT(transfers_->committed(), 0);
        }
        expect_equal();
        expect_nothing_left();
    }

    // While it runs only what is its own, and nothing after it was removed.
    void expect_nothing_left() {
        for (Session* session : {&source(), &target()})
            EXPECT_EQ(session->value("SELECT count(*) FROM pg_prepared_xacts"), "0");
        EXPECT_EQ(slots(), "1");
        EXPECT_TRUE(
            holds_within(seconds(20), [&] { return files_left_in_log(log_directory()).empty(); }));
        stop_consumer();
        EXPECT_EQ(files_left_in_log(log_directory()), std::vector<std::string>{});
        const Finished drop = consumer().command("drop");
        EXPECT_EQ(drop.status, 0) << drop.output;
        EXPECT_FALSE(std::filesystem::exists(log_directory()));
        EXPECT_EQ(slots(), "0");
        EXPECT_EQ(source().value("SELECT count(*) FROM pg_publication"), "0");
        EXPECT_EQ(target().value("SELECT count(*) FROM pg_namespace WHERE nspname = 'walpack'"),
                  "0");
    }

    void wait_for_log(const std::string& text, milliseconds limit = seconds(20)) {
        wait_until("the log says \"" + text + "\"", limit, [&] {
            if (consumer().has_given_up()) throw std::runtime_error("the consumer has given up");
            return consumer().log().find(text) != std::string::npos;
        });
    }
    void wait_for_retry() { wait_for_log("trying again"); }

    // Through a proxy, which reads what it carries.
    static std::string over(const Proxy& proxy, const std::string& database) {
        return toml_text("host=127.0.0.1 port=" + std::to_string(proxy.port()) +
                         " user=postgres dbname=" + database +
                         " sslmode=disable gssencmode=disable");
    }
    static std::string as_role(const Cluster& cluster, const std::string& role,
                               const std::string& database) {
        return toml_text("host=127.0.0.1 port=" + std::to_string(cluster.port()) + " user=" + role +
                         " dbname=" + database);
    }

    // Of the server process that serves this pipeline's slot; 0 while there is none.
    pid_t walsender() {
        return static_cast<pid_t>(source().number(
            "SELECT active_pid FROM pg_replication_slots WHERE slot_name = " + literal(slot())));
    }
    // Of the consumer's sessions on the target.
    std::string of_consumer() const {
        return " FROM pg_stat_activity WHERE application_name = " +
               literal("walpack_" + pipeline());
    }

  private:
    std::string slots() {
        return source().value("SELECT count(*) FROM pg_replication_slots WHERE database = " +
                              literal(source_database()));
    }

    std::optional<Transfers> transfers_;
    std::optional<Watcher> watcher_;
};

}  // namespace walpack::e2e
