// Rows that a target refuses which checks foreign keys: there all tables are copied under one
// snapshot, in one transaction, and refused rows are put aside with those that refer to them.
#include "quarantine_scenario.h"

namespace walpack::e2e {
namespace {

class QuarantineSnapshotCopy : public QuarantineScenario {
  protected:
    // The child comes first by its name.
    void make_tables(const std::string& deferral) {
        on_both(
            "CREATE TABLE parent (id int PRIMARY KEY, v int, t text);"
            "CREATE TABLE child (id int PRIMARY KEY, parent_id int CONSTRAINT of_parent REFERENCES "
            "parent " +
            deferral +
            ", v int);"
            "CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree " +
            deferral + ", v int)");
        source().execute(
            "INSERT INTO parent SELECT g, CASE WHEN g % 500 = 7 THEN 1000 + g ELSE 1 END, "
            "repeat('x', 100) FROM generate_series(1, 3000) g; "
            "INSERT INTO child SELECT g, g % 3000 + 1, 1 FROM generate_series(1, 6000) g; "
            "INSERT INTO tree SELECT g, CASE WHEN g <= 2300 THEN g + 700 END, 1 "
            "FROM generate_series(1, 3000) g; "
            "UPDATE tree SET v = 1000 WHERE id = 2000; ANALYZE");
        use_table_owner({"parent", "child", "tree"});
    }
    void refuse_large(const std::string& table) {
        target().execute("ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (v < 1000)");
    }
    void accept_large(const std::string& table) {
        target().execute("ALTER TABLE " + table + " DROP CONSTRAINT small");
    }
    void expect_held(const std::string& expected) {
        catch_up();
        expect_running();
        EXPECT_TRUE(contains(consumer().log(), "all tables are copied under one snapshot"));
        EXPECT_EQ(target().value(
                      "SELECT string_agg(concat_ws(' ', table_name, sqlstate, n), ', ' ORDER BY "
                      "table_name, sqlstate) FROM (SELECT table_name, sqlstate, count(*) AS n FROM "
                      "walpack.quarantine GROUP BY 1, 2) counted"),
                  expected);
    }
};

TEST_F(QuarantineSnapshotCopy, ARefusedRowIsHeldWithThoseThatReferToIt) {
    make_tables("");
    refuse_large("parent");
    start();
    expect_held("child 23503 12, parent 23514 6");
    EXPECT_EQ(target().value("SELECT count(*) FROM child"), "5988");
    accept_large("parent");
    expect_all_retried();
}

TEST_F(QuarantineSnapshotCopy, ARowMayReferToOneOfItsTableThatComesLater) {
    make_tables("");
    refuse_large("tree");
    start();
    expect_held("tree 23503 2, tree 23514 1");
    EXPECT_EQ(held("string_agg(new_row ->> 'id', ' ' ORDER BY (new_row ->> 'id')::int)"),
              "600 1300 2000");
    accept_large("tree");
    expect_all_retried();
}

TEST_F(QuarantineSnapshotCopy, ForeignKeysThatAreDeferredHoldTheSameRows) {
    make_tables("DEFERRABLE INITIALLY DEFERRED");
    refuse_large("parent");
    refuse_large("tree");
    start();
    expect_held("child 23503 12, parent 23514 6, tree 23503 2, tree 23514 1");
    accept_large("parent");
    accept_large("tree");
    expect_all_retried();
}

TEST_F(QuarantineSnapshotCopy, WhatIsCopiedTwiceCountsOnce) {
    make_tables("DEFERRABLE INITIALLY DEFERRED");
    refuse_large("parent");
    refuse_large("tree");
    consumer().set("quarantine_max_rows", "21");
    start();
    expect_held("child 23503 12, parent 23514 6, tree 23503 2, tree 23514 1");
}

TEST_F(QuarantineSnapshotCopy, WhatTheStreamBringsForThemWaits) {
    make_tables("");
    refuse_large("parent");
    start();
    catch_up();
    source().execute("UPDATE child SET v = 2 WHERE parent_id IN (507, 508)");
    source().execute("INSERT INTO child VALUES (7001, 507, 1), (7002, 508, 1)");
    source().execute("DELETE FROM child WHERE parent_id = 7; DELETE FROM parent WHERE id = 7");
    source().execute("UPDATE parent SET v = 3 WHERE id = 1007");
    catch_up();
    expect_running();
    EXPECT_EQ(target().value("SELECT count(*) FROM child WHERE v = 2"), "2");
    EXPECT_EQ(target().value("SELECT count(*) FROM child WHERE id > 7000"), "1");
    EXPECT_EQ(held("count(*) FILTER (WHERE behind IS NOT NULL)"), "7");
    accept_large("parent");
    expect_all_retried();
}

TEST_F(QuarantineSnapshotCopy, KillsLeaveNothingHeldTwice) {
    make_tables("");
    refuse_large("parent");
    consumer().init();
    for (const int delay : {30, 60, 120, 250, 400}) {
        consumer().start();
        std::this_thread::sleep_for(milliseconds(delay));
        consumer().kill();
    }
    consumer().start();
    expect_held("child 23503 12, parent 23514 6");
    accept_large("parent");
    expect_all_retried();
}

TEST_F(QuarantineSnapshotCopy, AStopDoesNotWaitForConstraintsThatAreAskedForLong) {
    make_tables("");
    target().execute(
        "CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
        "PERFORM pg_sleep(60); RETURN NULL; END'; CREATE CONSTRAINT TRIGGER sleep AFTER INSERT ON "
        "tree DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION "
        "sleep()");
    start();
    wait_until("they are asked", seconds(20), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "
                   "query = 'SET CONSTRAINTS ALL IMMEDIATE' AND datname = current_database()") == 1;
    });
    EXPECT_EQ(consumer().terminate(seconds(30)), 0) << consumer().log();
    target().execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = " +
                     literal(table_owner()) + "; DROP TRIGGER sleep ON tree");
    consumer().start();
    catch_up();
    expect_equal();
}

TEST_F(QuarantineSnapshotCopy, TooManyStopTheCopyAndNothingOfItIsThere) {
    make_tables("");
    consumer().set("quarantine_max_rows", "3");
    refuse_large("parent");
    start();
    EXPECT_TRUE(contains(expect_refusal(seconds(60)),
                         "\"public.parent\" would be put into quarantine, which holds 3 rows"));
    EXPECT_EQ(held(), "0");
    EXPECT_EQ(target().value("SELECT count(*) FROM parent"), "0");
    accept_large("parent");
    consumer().start();
    catch_up();
    EXPECT_EQ(held(), "0");
    expect_equal();
}

TEST_F(QuarantineSnapshotCopy, ATableWhoseRowsAreNotHeldStopsIt) {
    make_tables("");
    consumer().set("table.\"public.child\".on_error", toml_text("error"));
    refuse_large("parent");
    start();
    EXPECT_TRUE(contains(expect_refusal(seconds(60)), "copy of \"public.child\" failed"));
}

// Which of them could go in without the others nobody can tell table by table.
TEST_F(QuarantineSnapshotCopy, TablesThatReferToEachOtherStopItAtTheCommit) {
    on_both(
        "CREATE TABLE a (id int PRIMARY KEY, b_id int, v int); CREATE TABLE b (id int PRIMARY KEY, "
        "a_id int REFERENCES a DEFERRABLE INITIALLY DEFERRED, v int); ALTER TABLE a ADD CONSTRAINT "
        "of_b FOREIGN KEY (b_id) REFERENCES b DEFERRABLE INITIALLY DEFERRED");
    source().execute(
        "BEGIN; INSERT INTO a SELECT g, g, g FROM generate_series(1, 100) g; "
        "INSERT INTO b SELECT g, g, g FROM generate_series(1, 100) g; COMMIT");
    use_table_owner({"a", "b"});
    target().execute("ALTER TABLE a ADD CONSTRAINT small CHECK (v < 50)");
    start();
    EXPECT_TRUE(contains(expect_refusal(seconds(60)), "violates foreign key constraint"));
    target().execute("ALTER TABLE a DROP CONSTRAINT small");
    consumer().start();
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
