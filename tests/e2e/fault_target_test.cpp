// The target cannot take what comes: no disk, no connection, no time, no write access. It is tried
// again until it can, and nobody takes it for a fault of the rows.
#include <fstream>

#include "e2e/fault_scenario.h"
#include "support/small_disk.h"
#include "support/writers.h"

namespace walpack::e2e {
namespace {

class FaultTarget : public FaultScenario {
  protected:
    void TearDown() override {
        FaultScenario::TearDown();
        Session admin(target_cluster().conninfo("postgres"));
        admin.execute("DROP ROLE IF EXISTS limited");
        admin.execute("DROP TABLESPACE IF EXISTS small");
    }

    // Neither the row nor its group was blamed on the way.
    void expect_no_blame() {
        EXPECT_FALSE(contains(consumer().log(), "row by row"));
        EXPECT_FALSE(contains(consumer().log(), "conflict"));
    }
    void terminate_sessions() {
        target().execute("SELECT count(pg_terminate_backend(pid))" + of_consumer());
    }
};

TEST_F(FaultTarget, AFullDiskIsWaitedFor) {
    SmallDisk disk(8);
    if (!disk.is_mounted()) GTEST_SKIP() << "mounting is not permitted";
    Session(target_cluster().conninfo("postgres"))
        .execute("CREATE TABLESPACE small LOCATION " + literal(disk.folder()));
    on_both("CREATE TABLE large (id int PRIMARY KEY, v text)");
    target().execute("ALTER TABLE large SET TABLESPACE small");
    start_under_load();
    disk.fill();
    source().execute(
        "INSERT INTO large SELECT g, repeat('x', 500) FROM generate_series(1, 2000) g");
    wait_for_log("No space left on device");
    wait_for_retry();
    transfers().let_pass(50);
    EXPECT_EQ(target().value("SELECT count(*) FROM large"), "0");
    disk.make_room();
    expect_healed();
    expect_no_blame();
}

TEST_F(FaultTarget, NoFreeConnectionIsWaitedFor) {
    target().execute(
        "CREATE ROLE limited LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO limited; "
        "GRANT CREATE ON DATABASE " +
        target_database() + " TO limited");
    consumer().set("target", as_role(target_cluster(), "limited", target_database()));
    start_under_load();
    target().execute("ALTER ROLE limited CONNECTION LIMIT 0");
    terminate_sessions();
    wait_for_log("too many connections");
    transfers().let_pass(50);
    // Enough for one session of two: what was opened must be given back.
    target().execute("ALTER ROLE limited CONNECTION LIMIT 1");
    transfers().let_pass(50);
    target().execute("ALTER ROLE limited CONNECTION LIMIT -1");
    expect_healed();
    expect_no_blame();
}

TEST_F(FaultTarget, TimeLimitsOfTheDatabaseDoNotApply) {
    for (const char* limit : {"statement_timeout", "lock_timeout",
                              "idle_in_transaction_session_timeout", "idle_session_timeout"}) {
        target().execute("ALTER DATABASE " + target_database() + " SET " + limit + " = '500ms'");
    }
    start_streaming();
    Session blocker = new_target_session();
    blocker.execute("SET idle_in_transaction_session_timeout = 0");
    blocker.execute("BEGIN; LOCK TABLE moves IN ACCESS EXCLUSIVE MODE");
    source().execute("INSERT INTO moves (f, t) VALUES (1, 1)");
    std::this_thread::sleep_for(seconds(2));
    blocker.execute("ROLLBACK");
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
}

TEST_F(FaultTarget, AStricterIsolationOfTheDatabaseDoesNotApply) {
    target().execute("ALTER DATABASE " + target_database() +
                     " SET default_transaction_isolation = 'serializable'");
    start_under_load();
    // Would not be serializable with the transfers: reads all, writes what they read.
    Writers local(target_conninfo(), 1, [](Random&) {
        return "CREATE TEMP TABLE IF NOT EXISTS seen (n bigint); "
               "INSERT INTO seen SELECT sum(balance) FROM public.accounts";
    });
    transfers().let_pass(200);
    EXPECT_EQ(local.stop(), "");
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
}

// By whoever administers the target.
TEST_F(FaultTarget, ACancelledStatementIsRepeated) {
    start_under_load();
    Session blocker = new_target_session();
    blocker.execute("BEGIN; LOCK TABLE moves IN ACCESS EXCLUSIVE MODE");
    wait_until("a waiting statement is cancelled", seconds(20), [&] {
        return target().number("SELECT count(pg_cancel_backend(pid))" + of_consumer() +
                               " AND wait_event_type = 'Lock'") > 0;
    });
    wait_for_retry();
    blocker.execute("ROLLBACK");
    expect_healed();
    expect_no_blame();
}

TEST_F(FaultTarget, ATransactionKilledWhileItIsIdleIsRepeated) {
    start_under_load();
    for (int round = 0; round < 5; ++round) {
        transfers().let_pass(20);
        terminate_sessions();
    }
    expect_healed();
    expect_no_blame();
}

TEST_F(FaultTarget, ATargetTurnedReadOnlyIsWaitedFor) {
    start_under_load();
    target_cluster().stop("fast");
    const std::string signal = target_cluster().folder() + "/data/standby.signal";
    std::ofstream(signal).close();
    target_cluster().start();
    wait_for_log("is a standby");
    wait_for_retry();
    transfers().let_pass(50);
    EXPECT_TRUE(consumer().is_running());
    target().execute("SELECT pg_promote()");
    expect_healed();
    expect_no_blame();
}

// What PostgreSQL tells of itself, and not of a row: a trigger says it in place of the server,
// where that cannot be brought to it at will.
struct State {
    const char* name;
    const char* sqlstate;
};

class FaultTargetState : public FaultTarget, public testing::WithParamInterface<State> {};

TEST_P(FaultTargetState, IsTriedAgainUntilItIsOver) {
    target().execute(
        "CREATE TABLE fault (state text); "
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE state text; BEGIN "
        "SELECT f.state INTO state FROM public.fault f; "
        "IF FOUND THEN RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'made up'; END IF; "
        "RETURN NEW; END $$; "
        "CREATE TRIGGER fail BEFORE INSERT ON moves FOR EACH ROW EXECUTE FUNCTION fail(); "
        "ALTER TABLE moves ENABLE ALWAYS TRIGGER fail");
    start_under_load();
    target().execute("INSERT INTO fault VALUES (" + literal(GetParam().sqlstate) + ")");
    wait_for_retry();
    transfers().let_pass(20);
    EXPECT_TRUE(consumer().is_running());
    target().execute("DELETE FROM fault");
    expect_healed();
    expect_no_blame();
}

INSTANTIATE_TEST_SUITE_P(
    States, FaultTargetState,
    testing::Values(State{"DiskFull", "53100"}, State{"OutOfMemory", "53200"},
                    State{"SerializationFailure", "40001"}, State{"Deadlock", "40P01"},
                    State{"LockNotAvailable", "55P03"}, State{"StatementTimeout", "57014"},
                    State{"InputOutputError", "58030"}),
    [](const testing::TestParamInfo<State>& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace walpack::e2e
