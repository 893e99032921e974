// What only deferred constraints refuse, at the commit: the rows to blame are found, and answered
// as any other that the target does not take.
#include "support/backlog.h"

namespace walpack::e2e {
namespace {

class RefusedAtCommit : public BacklogScenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both(
            "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (id int PRIMARY "
            "KEY, parent_id int CONSTRAINT of_parent REFERENCES parent DEFERRABLE INITIALLY "
            "DEFERRED, v int); CREATE TABLE place (id int PRIMARY KEY, pos int CONSTRAINT one_each "
            "UNIQUE DEFERRABLE INITIALLY DEFERRED)");
        source().execute("INSERT INTO parent SELECT g, 'v' FROM generate_series(1, 10) g");
        use_table_owner({"parent", "child", "place"});
        consumer().set("on_error", toml_text("quarantine"));
    }

    void start() {
        consumer().init();
        consumer().start();
        catch_up();
    }
    std::string held(const std::string& what) {
        return target().value("SELECT string_agg(" + what +
                              ", ' ' ORDER BY id) FROM walpack.quarantine");
    }
    void expect_all_retried() {
        const Finished retried = consumer().command("quarantine", {"retry", "--all"});
        EXPECT_EQ(retried.status, 0) << retried.output;
        EXPECT_EQ(target().value("SELECT count(*) FROM walpack.quarantine"), "0");
        expect_equal();
    }
};

TEST_F(RefusedAtCommit, RowsWithoutTheirParentAreHeldAndEverythingElseArrives) {
    start();
    target().execute("DELETE FROM parent WHERE id = 7");
    source().execute(
        "BEGIN; INSERT INTO child SELECT g, g % 20, 0 FROM generate_series(21, 300) g WHERE "
        "g % 20 BETWEEN 1 AND 6; INSERT INTO child VALUES (1, 11, 0), (2, 7, 0), (3, 7, 0); "
        "INSERT INTO parent VALUES (11, 'after its child'); UPDATE child SET v = 1 WHERE id IN "
        "(1, 2); COMMIT");
    catch_up();
    source().execute("UPDATE child SET v = v + 1 WHERE id < 4");
    catch_up();
    EXPECT_EQ(held("concat_ws('/', kind, sqlstate, constraint_name, behind)"),
              "value/23503/of_parent value/23503/of_parent ///1 ///3 ///2");
    EXPECT_EQ(target().value("SELECT count(*) || ' ' || (SELECT v FROM child WHERE id = 1) FROM "
                             "child"),
              "85 2");
    EXPECT_FALSE(consumer().has_given_up());
    target().execute("INSERT INTO parent VALUES (7, 'v')");
    expect_all_retried();
}

TEST_F(RefusedAtCommit, AGroupOfTransactionsLosesOnlyTheRow) {
    copy_and_stop();
    target().execute("DELETE FROM parent WHERE id = 3");
    each_in_transaction(200, "INSERT INTO child VALUES (i, CASE i WHEN 77 THEN 3 ELSE 4 END, i)");
    consumer().start();
    catch_up();
    EXPECT_EQ(held("sqlstate"), "23503");
    EXPECT_EQ(target().value("SELECT count(*) FROM child"), "199");
    target().execute("INSERT INTO parent VALUES (3, 'v')");
    expect_all_retried();
}

TEST_F(RefusedAtCommit, AFewAmongThousandsAreFound) {
    start();
    target().execute("DELETE FROM parent WHERE id = 7");
    source().execute(
        "INSERT INTO child SELECT g, CASE WHEN g IN (17, 1500, 1501, 2999) THEN 7 ELSE 6 END, g "
        "FROM generate_series(1, 3000) g");
    catch_up(seconds(120));
    EXPECT_EQ(held("sqlstate"), "23503 23503 23503 23503");
    EXPECT_EQ(target().value("SELECT count(*) FROM child"), "2996");
    target().execute("INSERT INTO parent VALUES (7, 'v')");
    expect_all_retried();
}

TEST_F(RefusedAtCommit, ADeletedParentOfALocalChildIsHeld) {
    start();
    target().execute("INSERT INTO child VALUES (1000, 5, 0)");
    source().execute("BEGIN; DELETE FROM parent WHERE id IN (4, 5, 6); COMMIT");
    catch_up();
    EXPECT_EQ(held("change || '/' || constraint_name"), "delete_key/of_parent");
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM parent"),
              "1 2 3 5 7 8 9 10");
    target().execute("DELETE FROM child WHERE id = 1000");
    expect_all_retried();
}

// What comes behind it in a table with such a constraint waits, as before: its values are not told
// apart.
TEST_F(RefusedAtCommit, WhereValuesAreSwappedTheOneToBlameIsFound) {
    source().execute("INSERT INTO place SELECT g, g FROM generate_series(1, 50) g");
    start();
    target().execute("INSERT INTO place VALUES (1000, 500)");
    source().execute(
        "BEGIN; UPDATE place SET pos = 0 WHERE id = 1; UPDATE place SET pos = 1 WHERE id = 2; "
        "UPDATE place SET pos = 500 WHERE id = 20; UPDATE place SET pos = 2 WHERE id = 1; COMMIT");
    catch_up();
    EXPECT_EQ(held("sqlstate || '/' || constraint_name"), "23505/one_each /");
    EXPECT_EQ(target().value("SELECT string_agg(pos::text, ' ' ORDER BY id) FROM place WHERE id "
                             "IN (1, 2, 20)"),
              "0 1 20");
    target().execute("DELETE FROM place WHERE id = 1000");
    expect_all_retried();
}

// Two of them wait for the third, or are refused because that one is held.
TEST_F(RefusedAtCommit, WhatIsRefusedOnlyAsARowIsHeldIsHeldToo) {
    source().execute("INSERT INTO place SELECT g, g FROM generate_series(1, 50) g");
    start();
    target().execute("INSERT INTO place VALUES (1000, 500)");
    source().execute(
        "BEGIN; UPDATE place SET pos = 2 WHERE id = 1; UPDATE place SET pos = 500 WHERE id = 20; "
        "UPDATE place SET pos = 1 WHERE id = 2; INSERT INTO parent VALUES (20, 'p'); COMMIT");
    catch_up();
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.quarantine"), "3");
    EXPECT_EQ(target().value("SELECT count(*) FROM parent WHERE id = 20"), "1");
    target().execute("DELETE FROM place WHERE id = 1000");
    expect_all_retried();
}

TEST_F(RefusedAtCommit, ARowThatIsRefusedTwiceIsHeldWithItsLaterChange) {
    target().execute("ALTER TABLE child ADD CONSTRAINT small CHECK (v < 10)");
    start();
    target().execute("DELETE FROM parent WHERE id = 7");
    source().execute(
        "BEGIN; INSERT INTO child VALUES (1, 7, 0), (2, 6, 0); UPDATE child SET v = v + 20; "
        "UPDATE child SET v = 5; COMMIT");
    catch_up();
    EXPECT_EQ(held("sqlstate || '/' || constraint_name"), "23503/of_parent / 23514/small / /");
    target().execute("INSERT INTO parent VALUES (7, 'v'); ALTER TABLE child DROP CONSTRAINT small");
    expect_all_retried();
}

TEST_F(RefusedAtCommit, ARetryLeavesTheRowsThatAreStillRefused) {
    start();
    target().execute("DELETE FROM parent WHERE id IN (7, 8)");
    source().execute("INSERT INTO child VALUES (1, 6, 0), (2, 7, 0), (3, 8, 0)");
    catch_up();
    EXPECT_EQ(held("sqlstate"), "23503 23503");
    target().execute("INSERT INTO parent VALUES (8, 'v')");
    const Finished retried = consumer().command("quarantine", {"retry", "--all"});
    EXPECT_NE(retried.status, 0) << retried.output;
    EXPECT_EQ(held("sqlstate || '/' || constraint_name"), "23503/of_parent");
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM child"), "1 3");
    target().execute("INSERT INTO parent VALUES (7, 'v')");
    expect_all_retried();
}

TEST_F(RefusedAtCommit, IsFoundAgainWhereTheTargetWentAwayMeanwhile) {
    copy_and_stop();
    target().execute("DELETE FROM parent WHERE id = 3");
    each_in_transaction(50,
                        "INSERT INTO child SELECT i * 10 + g, CASE WHEN i % 10 = 0 AND g = 5 "
                        "THEN 3 ELSE 4 END, i FROM generate_series(1, 9) g");
    consumer().start();
    for (int i = 0; i < 4; ++i) {
        std::this_thread::sleep_for(milliseconds(150));
        (void)target().try_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE "
            "'walpack%'");
    }
    catch_up();
    EXPECT_EQ(held("sqlstate"), "23503 23503 23503 23503 23503");
    EXPECT_EQ(target().value("SELECT count(*) FROM child"), "445");
    target().execute("INSERT INTO parent VALUES (3, 'v')");
    expect_all_retried();
}

TEST_F(RefusedAtCommit, ItsPolicyMayLeaveTheRowOut) {
    consumer().set("on_error", toml_text("error"));
    consumer().set("conflict", "{ value = \"keep\" }");
    start();
    target().execute("DELETE FROM parent WHERE id = 7");
    source().execute("INSERT INTO child VALUES (1, 6, 0), (2, 7, 0), (3, 8, 0)");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM child"), "1 3");
    EXPECT_EQ(target().value("SELECT string_agg(concat_ws(' ', kind, policy, sqlstate, "
                             "remote_row->>'id'), ', ') FROM walpack.conflict_log"),
              "value keep 23503 2");
}

TEST_F(RefusedAtCommit, TheRowForWhichATriggerMissesATableIsHeld) {
    target().execute(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO "
        "public.noted VALUES (NEW.id); RETURN NULL; END'; CREATE CONSTRAINT TRIGGER note AFTER "
        "INSERT ON parent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id = 17) EXECUTE "
        "FUNCTION note(); ALTER TABLE parent ENABLE ALWAYS TRIGGER note");
    start();
    source().execute("INSERT INTO parent SELECT g, 'v' FROM generate_series(11, 20) g");
    catch_up();
    EXPECT_EQ(held("concat_ws('/', kind, sqlstate)"), "value/42P01");
    EXPECT_EQ(target().value("SELECT count(*) FROM parent"), "19");
    target().execute("DROP TRIGGER note ON parent");
    expect_all_retried();
}

TEST_F(RefusedAtCommit, WithoutAPolicyTheRowIsNamed) {
    consumer().set("on_error", toml_text("error"));
    start();
    target().execute("DELETE FROM parent WHERE id = 7");
    source().execute("INSERT INTO child VALUES (1, 6, 0)");
    source().execute("INSERT INTO child VALUES (2, 7, 0), (3, 8, 0)");
    const std::string log = expect_refusal(seconds(60));
    EXPECT_TRUE(contains(log, "insert into \"public.child\" is refused at the commit")) << log;
    EXPECT_TRUE(contains(log, "Key (id)=(2).")) << log;
    EXPECT_TRUE(contains(log, "Constraint \"of_parent\"")) << log;
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ') FROM child"), "1");
    target().execute("INSERT INTO parent VALUES (7, 'v')");
    consumer().start();
    expect_caught_up();
}

}  // namespace
}  // namespace walpack::e2e
