// The publisher is not held up: it shuts down while the consumer lags, its walsender lives through
// a transaction that takes longer than its patience, its WAL goes although this database is idle.
#include <csignal>

#include "e2e/fault_scenario.h"

namespace walpack::e2e {
namespace {

constexpr milliseconds kShutdownLimit = seconds(20);

class FaultPublisher : public FaultScenario {
  protected:
    std::string confirmed() {
        return source().value(
            "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE "
            "slot_name = " +
            literal(slot()));
    }
    void expect_source_stops() {
        const auto begin = Clock::now();
        source_cluster().stop("fast");
        EXPECT_LT(Clock::now() - begin, kShutdownLimit);
        source_cluster().start();
    }
    void wait_for_lock() {
        wait_until("the consumer waits for the lock", seconds(20), [&] {
            return target().number("SELECT count(*)" + of_consumer() +
                                   " AND wait_event_type = 'Lock'") > 0;
        });
    }
};

// The walsender waits until all is confirmed, which it cannot be.
TEST_F(FaultPublisher, StopsWhileTheTargetIsLocked) {
    start_streaming();
    Session blocker = new_target_session();
    blocker.execute("BEGIN; LOCK TABLE moves IN ACCESS EXCLUSIVE MODE");
    source().execute("INSERT INTO moves (f, t) VALUES (1, 1)");
    wait_for_lock();
    expect_source_stops();
    blocker.execute("ROLLBACK");
    expect_healed();
}

// Nothing is read any more, so not even the request for a confirmation.
TEST_F(FaultPublisher, StopsWhileTheLogIsFull) {
    consumer().set("log_bytes_max", "\"1MB\"");
    start_streaming();
    Session blocker = new_target_session();
    blocker.execute("BEGIN; LOCK TABLE moves IN ACCESS EXCLUSIVE MODE");
    source().execute("INSERT INTO moves (f, t) SELECT g, g FROM generate_series(1, 300000) g");
    wait_for_lock();
    expect_source_stops();
    blocker.execute("ROLLBACK");
    expect_healed();
}

TEST_F(FaultPublisher, StopsWhileTheConsumerLags) {
    start_under_load();
    source().execute("INSERT INTO moves (f, t) SELECT g, g FROM generate_series(1, 300000) g");
    expect_source_stops();
    expect_healed();
}

TEST_F(FaultPublisher, StopsWhileTheTargetIsAway) {
    start_streaming();
    target_cluster().stop("fast");
    source().execute("INSERT INTO moves (f, t) VALUES (1, 1)");
    wait_for_retry();
    expect_source_stops();
    target_cluster().start();
    expect_healed();
}

// Each row costs the target more than the walsender's patience allows for all of them.
TEST_F(FaultPublisher, AMillionRowsForASlowTargetOutliveTheWalsendersPatience) {
    source().execute("ALTER DATABASE " + source_database() + " SET wal_sender_timeout = '5s'");
    consumer().set("log_bytes_max", "\"4MB\"");
    start_streaming();
    const pid_t before = walsender();
    source().execute("INSERT INTO moves (f, t) SELECT g, g FROM generate_series(1, 1000000) g");
    Session blocker = new_target_session();
    blocker.execute("BEGIN; LOCK TABLE moves IN ACCESS EXCLUSIVE MODE");
    std::this_thread::sleep_for(seconds(7));
    blocker.execute("ROLLBACK");
    catch_up();
    EXPECT_EQ(walsender(), before) << "the walsender was replaced";
    expect_healed();
}

// While the source decodes what it does not send, it would say nothing without a limit of its own.
TEST_F(FaultPublisher, AWalsenderWithoutPatienceOfItsOwnHasThatOfTheConsumer) {
    source().execute("ALTER DATABASE " + source_database() + " SET wal_sender_timeout = 0");
    consumer().set("status_interval", "\"1s\"");
    consumer().set("receive_timeout", "\"2s\"");
    start_streaming();
    const pid_t before = walsender();
    ASSERT_EQ(::kill(consumer().pid(), SIGSTOP), 0);
    wait_until("the walsender ends", seconds(20), [&] {
        return source().number("SELECT count(*) FROM pg_stat_activity WHERE pid = " +
                               std::to_string(before)) == 0;
    });
    ASSERT_EQ(::kill(consumer().pid(), SIGCONT), 0);
    expect_healed();
}

// WAL of all databases is in one stream: what another one writes would be kept for ever.
TEST_F(FaultPublisher, AnIdleDatabaseBesideABusyOneConfirmsItsWal) {
    start_streaming();
    Session other(source_cluster().conninfo("postgres"));
    const std::string before = confirmed();
    other.execute(
        "CREATE TABLE busy AS SELECT g, repeat('x', 100) FROM generate_series(1, 50000) g");
    const std::string written = other.value("SELECT pg_current_wal_lsn()");
    other.execute("DROP TABLE busy");
    wait_until("the confirmed position passes what the other one wrote", seconds(10), [&] {
        return source().value("SELECT " + literal(confirmed()) +
                              "::pg_lsn >= " + literal(written)) == "t";
    });
    EXPECT_NE(confirmed(), before);
    expect_healed();
}

}  // namespace
}  // namespace walpack::e2e
