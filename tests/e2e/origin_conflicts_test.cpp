// Rows of the target that somebody else wrote: told apart from those of the pipeline, answered by
// policy and recorded; and never mixed up with those that are missing.
#include <thread>

#include "support/backlog.h"

namespace walpack::e2e {
namespace {

class OriginConflicts : public BacklogScenario {
  protected:
    void SetUp() override {
        BacklogScenario::SetUp();
        keep_commits(true);
        on_both(
            "CREATE TABLE stock (id int PRIMARY KEY, code text, v text, at timestamptz); "
            "CREATE TABLE whole (a int, v text); ALTER TABLE whole REPLICA IDENTITY FULL");
        source().execute(
            "INSERT INTO stock SELECT g, 'c' || g, 'old' FROM generate_series(1, 5) g; "
            "INSERT INTO whole SELECT g, 'old' FROM generate_series(1, 3) g");
    }
    void TearDown() override {
        keep_commits(false);
        BacklogScenario::TearDown();
    }

    // The initial copy and one transaction of the stream.
    void start(const std::string& policies) {
        consumer().set("conflict", "{ " + policies + " }");
        consumer().init();
        consumer().start();
        catch_up();
        source().execute("INSERT INTO stock VALUES (6, 'c6', 'old'), (7, 'c7', 'old')");
        catch_up();
    }
    std::string stock() {
        return target().value("SELECT string_agg(id || ':' || v, ' ' ORDER BY id) FROM stock");
    }
    std::string logged() {
        return target().value(
            "SELECT string_agg(kind || '/' || policy || '/' || outcome || ':' || "
            "COALESCE(local_row->>'v', '-'), ' ' ORDER BY id) FROM walpack.conflict_log");
    }
};

// Rows of the copy, of the stream, and of several sessions side by side are the pipeline's own.
TEST_F(OriginConflicts, OwnRowsAreNone) {
    consumer().set("apply_workers", "3");
    consumer().set("copy_workers", "3");
    start(R"(update_origin_differs = "error", delete_origin_differs = "error")");
    consumer().kill();
    consumer().start();
    for (int i = 0; i < 50; ++i) {
        source().execute("UPDATE stock SET v = 'n" + std::to_string(i) +
                         "'; UPDATE whole SET v = v || 'x'");
    }
    source().execute("DELETE FROM stock WHERE id = 3; DELETE FROM whole WHERE a = 2");
    expect_caught_up();
    EXPECT_EQ(target().number("SELECT count(*) FROM walpack.conflict_log"), 0);
}

TEST_F(OriginConflicts, AreLeftAloneWhereTheTargetWins) {
    start(R"(update_origin_differs = "keep", delete_origin_differs = "keep")");
    target().execute(
        "UPDATE stock SET v = 'local' WHERE id IN (1, 2, 6); "
        "UPDATE whole SET v = 'old' WHERE a = 1");
    source().execute(
        "UPDATE stock SET v = 'new' WHERE id IN (1, 3); UPDATE stock SET v = 'new' WHERE id = 6");
    source().execute("DELETE FROM stock WHERE id IN (2, 4)");
    source().execute("UPDATE whole SET v = 'new'; DELETE FROM whole WHERE a = 3");
    catch_up();
    EXPECT_EQ(stock(), "1:local 2:local 3:new 5:old 6:local 7:old");
    EXPECT_EQ(target().value("SELECT string_agg(a || v, ' ' ORDER BY a) FROM whole"), "1old 2new");
    EXPECT_EQ(logged(),
              "update_origin_differs/keep/kept:local update_origin_differs/keep/kept:local "
              "delete_origin_differs/keep/kept:local update_origin_differs/keep/kept:old");
}

TEST_F(OriginConflicts, AreOverwrittenAndRecordedWhereTheSourceWins) {
    start(R"(update_origin_differs = "apply", delete_origin_differs = "apply")");
    target().execute(
        "UPDATE stock SET v = 'local' WHERE id IN (1, 2); "
        "UPDATE stock SET code = 'mine' WHERE id = 5");
    source().execute("UPDATE stock SET v = 'new' WHERE id IN (1, 3)");
    source().execute("DELETE FROM stock WHERE id IN (2, 4)");
    source().execute("UPDATE stock SET id = 50 WHERE id = 5");
    expect_caught_up();
    EXPECT_EQ(logged(),
              "update_origin_differs/apply/applied:local delete_origin_differs/apply/applied:local "
              "update_origin_differs/apply/applied:old");
    // What was overwritten is the pipeline's own again.
    source().execute("UPDATE stock SET v = 'newer' WHERE id IN (1, 50)");
    expect_caught_up();
    EXPECT_EQ(target().number("SELECT count(*) FROM walpack.conflict_log"), 3);
}

TEST_F(OriginConflicts, StopWithTheRowNamedWhereTheyAreErrors) {
    start(R"(update_origin_differs = "error")");
    target().execute("UPDATE stock SET v = 'local' WHERE id = 4");
    source().execute("UPDATE stock SET v = 'new' WHERE id > 1");
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "met a row that another origin wrote"));
    EXPECT_TRUE(contains(log, "Key (id)=(4). Conflict update_origin_differs."));
    EXPECT_TRUE(names_an_lsn(log));
    EXPECT_EQ(stock(), "1:old 2:old 3:old 4:local 5:old 6:old 7:old");
    // Whose the row is: this makes it the pipeline's.
    consumer().set("conflict", R"({ update_origin_differs = "apply" })");
    consumer().start();
    expect_caught_up();
}

// The time of a row that the pipeline wrote is that of the source's commit.
TEST_F(OriginConflicts, TheNewestCommitWins) {
    start(R"(update_origin_differs = "newest", delete_origin_differs = "newest")");
    target().execute("UPDATE stock SET v = 'local' WHERE id IN (1, 2)");
    source().execute("UPDATE stock SET v = 'newer' WHERE id = 1");
    catch_up();
    EXPECT_EQ(target().value("SELECT v FROM stock WHERE id = 1"), "newer");
    stop();
    source().execute("UPDATE stock SET v = 'earlier' WHERE id = 2; DELETE FROM stock WHERE id = 1");
    target().execute("UPDATE stock SET v = 'later' WHERE id IN (1, 2)");
    consumer().start();
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(v, ' ') FROM stock WHERE id IN (1, 2)"),
              "later later");
}

TEST_F(OriginConflicts, AppliedRowsHaveTheTimeOfTheSourcesCommit) {
    consumer().set("grouping", "false");  // a group has one time
    start(R"(update_origin_differs = "newest")");
    stop();
    source().execute("UPDATE stock SET v = 'new' WHERE id = 1");
    std::this_thread::sleep_for(milliseconds(300));
    const std::string later = target().value("SELECT now()");
    consumer().start();
    expect_caught_up();
    EXPECT_EQ(target().value("SELECT pg_xact_commit_timestamp(xmin) < " + literal(later) +
                             " FROM stock WHERE id = 1"),
              "t");
}

TEST_F(OriginConflicts, AMissingRowIsStillMissing) {
    start(
        "update_origin_differs = \"apply\", delete_origin_differs = \"apply\", "
        "update_missing = \"keep\", delete_missing = \"keep\"");
    target().execute("DELETE FROM stock WHERE id IN (1, 2)");
    source().execute("UPDATE stock SET v = 'new' WHERE id IN (1, 3)");
    source().execute("DELETE FROM stock WHERE id IN (2, 4)");
    catch_up();
    EXPECT_EQ(stock(), "3:new 5:old 6:old 7:old");
    EXPECT_EQ(logged(), "update_missing/keep/skipped:- delete_missing/keep/skipped:-");
}

// What was written before anyone looked may well be the pipeline's.
TEST_F(OriginConflicts, RowsFromBeforeAreNone) {
    for (int round = 0; round < 2; ++round) {
        SCOPED_TRACE(round);
        round == 0 ? start("value = \"error\"") : consumer().start();
        source().execute("UPDATE stock SET v = 'plain'; UPDATE whole SET v = 'plain'");
        catch_up();
        stop();
        consumer().set("conflict", R"({ update_origin_differs = "error" })");
        consumer().start();
        source().execute("UPDATE stock SET v = 'watched' WHERE id <> 2; UPDATE whole SET v = 'w'");
        catch_up();
        stop();
        consumer().set("conflict", R"({ value = "error" })");
    }
    EXPECT_EQ(target().number("SELECT count(*) FROM pg_replication_origin WHERE roname LIKE "
                              "'walpack.%." +
                              pipeline() + ".%'"),
              4 + 2);  // workers of apply and of the copy, and three more
    consumer().set("conflict", R"({ update_origin_differs = "error" })");
    consumer().start();
    target().execute("UPDATE stock SET v = 'local' WHERE id = 2");
    source().execute("UPDATE stock SET v = 'last' WHERE id = 2");
    EXPECT_TRUE(contains(expect_refusal(), "met a row that another origin wrote"));
}

// What becomes of a row in a group is one DELETE otherwise, which nobody looks at here.
TEST_F(OriginConflicts, AnUpdateBeforeADeleteIsLookedAt) {
    start(R"(update_origin_differs = "error")");
    target().execute("UPDATE stock SET v = 'local' WHERE id = 1");
    source().execute(
        "BEGIN; UPDATE stock SET v = 'new' WHERE id = 1; DELETE FROM stock WHERE id = 1; COMMIT");
    EXPECT_TRUE(contains(expect_refusal(), "met a row that another origin wrote"));
}

// Not found for another reason than its origin.
TEST_F(OriginConflicts, ARowThatATriggerKeepsIsNotAnothersRow) {
    start(R"(update_origin_differs = "keep")");
    target().execute(
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
        "CREATE TRIGGER keep BEFORE UPDATE ON stock FOR EACH ROW EXECUTE FUNCTION keep(); "
        "ALTER TABLE stock ENABLE ALWAYS TRIGGER keep");
    source().execute("UPDATE stock SET v = 'new' WHERE id = 1");
    EXPECT_TRUE(contains(expect_refusal(), "Conflict update_missing."));
    EXPECT_EQ(target().number("SELECT count(*) FROM walpack.conflict_log"), 0);
}

TEST_F(OriginConflicts, ARowInQuarantineSaysWhyAndIsWrittenByARetry) {
    consumer().set("on_error", "\"quarantine\"");
    start(R"(update_origin_differs = "error")");
    target().execute("UPDATE stock SET v = 'local' WHERE id = 1");
    source().execute("UPDATE stock SET v = 'new' WHERE id IN (1, 2)");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(v, ' ' ORDER BY id) FROM stock WHERE id < 3"),
              "local new");
    EXPECT_EQ(target().value("SELECT kind || ': ' || message FROM walpack.quarantine"),
              "update_origin_differs: the row was written by another origin");
    const Finished retried = consumer().command("quarantine", {"retry", "--all"});
    EXPECT_EQ(retried.status, 0) << retried.output;
    source().execute("UPDATE stock SET v = v || '!' WHERE id IN (1, 2)");
    expect_caught_up();
}

// An INSERT that becomes an UPDATE of a local row is one conflict, not two.
TEST_F(OriginConflicts, AnInsertMeetsALocalRowOnce) {
    start(R"(update_origin_differs = "keep", insert_exists = "apply")");
    target().execute("INSERT INTO stock VALUES (30, 'x', 'local')");
    source().execute("INSERT INTO stock VALUES (30, 'y', 'new')");
    expect_caught_up();
    EXPECT_EQ(logged(), "insert_exists/apply/applied:local");
}

// Of one table only; the other's rows may be anyone's.
TEST_F(OriginConflicts, AreLookedForWhereTheyAreConfigured) {
    consumer().set("table", R"({ "public.stock" = { update_origin_differs = "keep" } })");
    consumer().init();
    consumer().start();
    catch_up();
    target().execute("UPDATE stock SET v = 'local'; UPDATE whole SET v = 'old'");
    source().execute(
        "UPDATE stock SET v = 'new'; UPDATE whole SET v = 'new'; DELETE FROM stock WHERE id = 1");
    catch_up();
    EXPECT_EQ(stock(), "2:local 3:local 4:local 5:local");
    EXPECT_EQ(target().value("SELECT string_agg(v, ' ') FROM whole"), "new new new");
}

TEST_F(OriginConflicts, NeedTheServersMemoryOfCommits) {
    keep_commits(false);
    consumer().init();
    consumer().set("conflict", R"({ update_origin_differs = "keep" })");
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "Set track_commit_timestamp = on at the target"));
}

TEST_F(OriginConflicts, NeedRoomOnTheServer) {
    consumer().set("copy_workers", "60");
    consumer().set("conflict", R"({ update_origin_differs = "keep" })");
    const Finished check = consumer().command("check");
    EXPECT_EQ(check.status, 1);
    EXPECT_TRUE(contains(check.output, "no room for 64 more replication origins"));
    EXPECT_TRUE(contains(check.output, "Set max_replication_slots = 64 or more"));
}

TEST_F(OriginConflicts, NeedARightThatIsNamed) {
    target().execute(
        "CREATE ROLE writer_of_origins LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO "
        "writer_of_origins; GRANT CREATE ON DATABASE " +
        target_database() + " TO writer_of_origins");
    consumer().set("target", toml_text(target_cluster().conninfo(target_database()) +
                                       " user=writer_of_origins"));
    consumer().set("create_schema", "false");
    consumer().set("conflict", R"({ update_origin_differs = "keep" })");
    const Finished check = consumer().command("check");
    EXPECT_EQ(check.status, 1);
    EXPECT_TRUE(contains(check.output, "the target role may not use replication origins"));
    const std::size_t start = check.output.find("GRANT EXECUTE ON FUNCTION");
    ASSERT_NE(start, std::string::npos);
    target().execute(check.output.substr(start, check.output.find(';', start) - start));
    consumer().init();
    consumer().start();
    expect_caught_up();
    EXPECT_EQ(consumer().terminate(seconds(20)), 0);
    const Finished dropped = consumer().command("drop", {});
    EXPECT_EQ(dropped.status, 0) << dropped.output;
    EXPECT_TRUE(contains(dropped.output, "replication origins on the target"));
    EXPECT_EQ(target().number("SELECT count(*) FROM pg_replication_origin WHERE roname LIKE "
                              "'walpack.%." +
                              pipeline() + ".%'"),
              0);
    target().execute("DROP OWNED BY writer_of_origins; DROP ROLE writer_of_origins");
}

}  // namespace
}  // namespace walpack::e2e
