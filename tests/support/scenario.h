// What every end-to-end test stands on: a source and a target database of its own on the shared
// clusters, a consumer configured for them, and the two questions of every scenario: has the
// target caught up, and are both equal?
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "support/cluster.h"
#include "support/compare.h"
#include "support/consumer.h"
#include "support/session.h"
#include "support/wait.h"

namespace walpack::e2e {

// CREATE DATABASE options.
struct DatabaseOptions {
    std::string source = "";
    std::string target = "";
};

class Scenario : public ::testing::Test {
  protected:
    explicit Scenario(DatabaseOptions options = {});
    void SetUp() override;
    void TearDown() override;

    // As superuser. They connect again after a fault.
    Session& source() { return *source_; }
    Session& target() { return *target_; }
    Session new_source_session() const { return Session(source_conninfo()); }
    Session new_target_session() const { return Session(target_conninfo()); }
    void on_both(const std::string& sql);

    const std::string& source_database() const { return source_database_; }
    const std::string& target_database() const { return target_database_; }
    std::string source_conninfo() const { return source_cluster().conninfo(source_database_); }
    std::string target_conninfo() const { return target_cluster().conninfo(target_database_); }

    const std::string& pipeline() const { return pipeline_; }
    std::string slot() const { return "walpack_" + pipeline_; }
    // Made on first use with source_conninfo() and target_conninfo(). It ends with an error that
    // needs a human, unless stopped_retry_delay is set.
    Consumer& consumer();
    std::string log_directory();
    void set_log_directory(const std::string& path);

    // Applies as a role that owns these tables of the target and no more, as managed databases give
    // it: it may not set session_replication_role, so triggers and foreign keys fire.
    void use_table_owner(const std::vector<std::string>& tables);
    std::string table_owner() const { return "owner_" + pipeline_; }

    // Whether the target keeps when, and by whom, a transaction was committed.
    static void keep_commits(bool is_kept);

    // Commits a mark on the source and waits until the target has it and the initial copy is
    // complete: since commits arrive in order, everything committed before has arrived as well.
    void catch_up(milliseconds limit = seconds(60));
    [[nodiscard]] bool catches_up(milliseconds limit);
    void expect_equal();
    void wait_until_copied(milliseconds limit = seconds(60));
    void wait_until_streaming(milliseconds limit = seconds(20));
    // SIGTERM; on return the source has noticed as well, and the slot is free.
    void stop_consumer();
    // The consumer ends by itself, with an error; returns its log.
    std::string expect_refusal(milliseconds limit = seconds(20));

  private:
    bool is_copied();
    bool has_position();
    void drop_slots();
    void drop_database(Cluster& cluster, const std::string& name);

    DatabaseOptions options_;
    std::string pipeline_;
    std::string source_database_;
    std::string target_database_;
    std::unique_ptr<Session> source_;
    std::unique_ptr<Session> target_;
    std::unique_ptr<Consumer> consumer_;
    std::string log_directory_;
    int marks_ = 0;
};

// A thread that asks the target the same question all the time: the answer must always be
// `expected`, or empty text (a table without rows, or a server that cannot be reached) before it
// was seen for the first time and while a server is down.
class Watcher {
  public:
    Watcher(std::string conninfo, std::string question, std::string expected);
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // How often the expected answer came, and the first other answer.
    std::int64_t times_right() const { return times_right_; }
    std::optional<std::string> stop();

  private:
    void watch();

    std::string conninfo_;
    std::string question_;
    std::string expected_;
    std::atomic<bool> is_stopping_{false};
    std::atomic<std::int64_t> times_right_{0};
    std::optional<std::string> wrong_;
    std::thread thread_;
};

// Text contains text, with a message that shows both.
::testing::AssertionResult contains(const std::string& text, const std::string& part);
// The same for some LSN.
::testing::AssertionResult names_an_lsn(const std::string& text);

}  // namespace walpack::e2e
