// SIGTERM ends the consumer within seconds, whatever it is doing, and nothing is lost or repeated.
#include <atomic>
#include <thread>

#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr milliseconds kStopLimit = seconds(5);

class Shutdown : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id bigint PRIMARY KEY, v text)");
        consumer().init();
        consumer().start();
        wait_until_copied();
    }
    std::int64_t arrived() { return target().number("SELECT count(*) FROM t"); }
};

TEST_F(Shutdown, IsCleanWhenIdle) {
    catch_up();
    EXPECT_EQ(consumer().terminate(kStopLimit), 0);
    EXPECT_EQ(source().value("SELECT active FROM pg_replication_slots WHERE slot_name = " +
                             literal(slot())),
              "f");
}

TEST_F(Shutdown, IsCleanUnderLoad) {
    std::atomic<bool> is_stopping{false};
    std::thread writer([&] {
        Session session = new_source_session();
        for (int i = 0; !is_stopping; ++i) {
            session.execute("INSERT INTO t SELECT " + std::to_string(i) +
                            " * 10 + g, 'v' FROM generate_series(1, 10) g");
        }
    });
    wait_until("rows arrive", seconds(20), [&] { return arrived() > 100; });
    EXPECT_EQ(consumer().terminate(kStopLimit), 0);
    consumer().start();
    wait_until_streaming();
    is_stopping = true;
    writer.join();
    catch_up();
    expect_equal();
}

TEST_F(Shutdown, EndsWithinItsLimitWhileTheTargetIsLocked) {
    Session blocker = new_target_session();
    blocker.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
    source().execute("INSERT INTO t VALUES (1, 'waits')");
    wait_until("the consumer waits for the lock", seconds(20), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
                   "'Lock' AND datname = current_database()") > 0;
    });
    EXPECT_EQ(consumer().terminate(kStopLimit), 0);
    blocker.execute("ROLLBACK");
    consumer().start();
    catch_up();
    expect_equal();
}

TEST_F(Shutdown, EndsWithinItsLimitInsideABigTransaction) {
    source().execute("INSERT INTO t SELECT g, 'v' FROM generate_series(1, 300000) g");
    wait_until("the transaction is being applied", seconds(20), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "
                   "query ~* 'insert|copy' AND pid <> pg_backend_pid()") > 0;
    });
    EXPECT_EQ(consumer().terminate(kStopLimit), 0);
    const std::int64_t rows = arrived();
    EXPECT_TRUE(rows == 0 || rows == 300000) << rows;
    consumer().start();
    catch_up();
    expect_equal();
}

TEST_F(Shutdown, WorksWhileTheTargetIsAway) {
    target_cluster().stop("fast");
    wait_until("the loss is noticed", seconds(20),
               [&] { return consumer().log().find("trying again") != std::string::npos; });
    EXPECT_EQ(consumer().terminate(kStopLimit), 0);
    target_cluster().start();
}

TEST_F(Shutdown, TheSourceStopsCleanlyWhileTheConsumerIsIdle) {
    catch_up();
    const auto begin = Clock::now();
    source_cluster().stop("fast");
    EXPECT_LT(Clock::now() - begin, seconds(15));
    source_cluster().start();
    source().execute("INSERT INTO t VALUES (1, 'after')");
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
