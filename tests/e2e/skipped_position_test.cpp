// A hole between the slot and the target's position is refused with its reason, never passed over.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class SkippedPosition : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY)");
        consumer().init();
        consumer().start();
        catch_up();
    }
    std::string confirmed() {
        return source().value(
            "SELECT confirmed_flush_lsn FROM pg_replication_slots "
            "WHERE slot_name = " +
            literal(slot()));
    }
};

TEST_F(SkippedPosition, ATargetFromAnOlderBackupIsRefused) {
    const std::string before = target().value("SELECT applied_lsn FROM walpack.progress");
    source().execute("INSERT INTO t SELECT generate_series(1, 10)");
    catch_up();
    wait_until("the slot is confirmed further", seconds(20), [&] {
        return source().value("SELECT " + literal(confirmed()) + "::pg_lsn > " + literal(before)) ==
               "t";
    });
    stop_consumer();
    // What restoring the backup does.
    target().execute("UPDATE walpack.progress SET applied_lsn = " + literal(before));
    target().execute("DELETE FROM t");
    consumer().start();
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, before));
    EXPECT_TRUE(contains(log, confirmed()));
    EXPECT_TRUE(contains(log, slot()));
    EXPECT_EQ(target().value("SELECT count(*) FROM t"), "0");
}

TEST_F(SkippedPosition, ASlotAdvancedBySomeoneElseIsRefused) {
    stop_consumer();
    source().execute("INSERT INTO t VALUES (1)");
    source().execute("SELECT pg_replication_slot_advance(" + literal(slot()) +
                     ", pg_current_wal_lsn())");
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "beyond"));
    EXPECT_EQ(target().value("SELECT count(*) FROM t"), "0");
}

TEST_F(SkippedPosition, ADroppedSlotIsNamed) {
    stop_consumer();
    source().execute("SELECT pg_drop_replication_slot(" + literal(slot()) + ")");
    consumer().start();
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, slot()));
    EXPECT_TRUE(contains(log, "does not exist"));
}

TEST_F(SkippedPosition, ASlotDroppedWhileRunningIsNamed) {
    wait_until("the slot is dropped", seconds(20), [&] {
        source().execute(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots "
            "WHERE slot_name = " +
            literal(slot()) + " AND active");
        try {
            source().execute("SELECT pg_drop_replication_slot(" + literal(slot()) + ")");
            return true;
        } catch (const SqlError&) {
            return false;
        }
    });
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, slot()));
    EXPECT_TRUE(contains(log, "does not exist"));
}

TEST_F(SkippedPosition, ASlotMadeAgainIsRefused) {
    stop_consumer();
    source().execute("SELECT pg_drop_replication_slot(" + literal(slot()) + ")");
    source().execute("INSERT INTO t VALUES (1)");
    source().execute("SELECT pg_create_logical_replication_slot(" + literal(slot()) +
                     ", 'walpack')");
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), slot()));
    EXPECT_EQ(target().value("SELECT count(*) FROM t"), "0");
}

TEST_F(SkippedPosition, ASlotOfAnotherPluginIsRefused) {
    stop_consumer();
    source().execute("SELECT pg_drop_replication_slot(" + literal(slot()) + ")");
    source().execute("SELECT pg_create_logical_replication_slot(" + literal(slot()) +
                     ", 'test_decoding')");
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "test_decoding"));
}

}  // namespace
}  // namespace walpack::e2e
