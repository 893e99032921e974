// A slot that does not hold any more what the target needs is refused, with the reason and the
// commands that heal it. (SkippedPosition: dropped, advanced, made again, of another plugin.)
#include "e2e/fault_scenario.h"

namespace walpack::e2e {
namespace {

class FaultSlot : public FaultScenario {
  protected:
    void TearDown() override {
        FaultScenario::TearDown();
        Session admin(source_cluster().conninfo("postgres"));
        admin.execute("ALTER SYSTEM RESET max_slot_wal_keep_size");
        admin.execute("SELECT pg_reload_conf()");
    }

    // Writes more WAL than may be kept, until the slot has lost what it needs.
    void lose_slot() {
        Session admin(source_cluster().conninfo("postgres"));
        admin.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
        admin.execute("SELECT pg_reload_conf()");
        wait_until("the slot is lost", seconds(30), [&] {
            source().execute("INSERT INTO moves (f, t) SELECT g, g FROM generate_series(1, 100) g");
            source().execute("SELECT pg_switch_wal()");
            source().execute("CHECKPOINT");
            return source().value("SELECT wal_status FROM pg_replication_slots WHERE slot_name = " +
                                  literal(slot())) == "lost";
        });
    }

    void expect_start_over(const std::string& log) {
        EXPECT_TRUE(contains(log, slot()));
        for (const char* command : {"walpack drop", "walpack init", "walpack run"})
            EXPECT_TRUE(contains(log, command));
    }

    // What the message says heals it.
    void start_over() {
        const Finished drop = consumer().command("drop");
        EXPECT_EQ(drop.status, 0) << drop.output;
        target().execute("TRUNCATE accounts, moves, mark");
        consumer().clear_log();
        consumer().init();
        consumer().start();
        expect_healed();
    }
};

TEST_F(FaultSlot, InvalidatedWhileTheConsumerWasAway) {
    start_streaming();
    stop_consumer();
    lose_slot();
    const std::string before = target().value("SELECT count(*) FROM moves");
    consumer().start();
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "max_slot_wal_keep_size"));
    expect_start_over(log);
    EXPECT_EQ(target().value("SELECT count(*) FROM moves"), before);
    EXPECT_TRUE(contains(consumer().command("check").output, "lost"));
    EXPECT_TRUE(contains(consumer().command("status").output, "lost"));
    start_over();
}

// The server ends the stream of a consumer that lags too far.
TEST_F(FaultSlot, InvalidatedWhileTheConsumerLags) {
    start_streaming();
    Session blocker = new_target_session();
    blocker.execute("BEGIN; LOCK TABLE moves IN ACCESS EXCLUSIVE MODE");
    lose_slot();
    blocker.execute("ROLLBACK");
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "max_slot_wal_keep_size"));
    expect_start_over(log);
    start_over();
}

TEST_F(FaultSlot, DroppedAndMadeAgainIsHealedByStartingOver) {
    start_streaming();
    stop_consumer();
    source().execute("SELECT pg_drop_replication_slot(" + literal(slot()) + ")");
    source().execute("INSERT INTO moves (f, t) VALUES (1, 1)");
    source().execute("SELECT pg_create_logical_replication_slot(" + literal(slot()) +
                     ", 'walpack')");
    consumer().start();
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "beyond"));
    expect_start_over(log);
    start_over();
}

// Reads what is the pipeline's, which looks healthy until the next start.
TEST_F(FaultSlot, ReadBySomeoneElseIsRefused) {
    start_streaming();
    stop_consumer();
    source().execute("INSERT INTO moves (f, t) VALUES (1, 1)");
    source().execute("SELECT count(*) FROM pg_logical_slot_get_binary_changes(" + literal(slot()) +
                     ", NULL, NULL, 'publication_names', '\"walpack_" + pipeline() + "\"')");
    consumer().start();
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "beyond"));
    expect_start_over(log);
    start_over();
}

// As init of an older version made it.
TEST_F(FaultSlot, TheTimelineIsKeptInATableOfAnOlderVersionToo) {
    start_streaming();
    stop_consumer();
    target().execute("ALTER TABLE walpack.progress DROP COLUMN timeline");
    consumer().start();
    catch_up();
    EXPECT_EQ(target().value("SELECT timeline FROM walpack.progress"), "1");
    expect_healed();
}

}  // namespace
}  // namespace walpack::e2e
