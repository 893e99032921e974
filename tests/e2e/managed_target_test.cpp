// Ordinary roles at both ends, as managed databases give them: the target's may not switch triggers
// off, the source's may only replicate and read.
#include <chrono>

#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class ManagedTarget : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        reader_ = "reader_" + pipeline();
        on_both(
            "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (id int PRIMARY "
            "KEY, parent_id int NOT NULL REFERENCES parent ON DELETE CASCADE)");
        target().execute(
            "CREATE TABLE audit (n serial, what text); "
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO public.audit (what) VALUES (TG_OP); RETURN NULL; END $$; "
            "CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON parent "
            "FOR EACH ROW EXECUTE FUNCTION note()");
    }

    // After the databases, with all that the role owns in them.
    void TearDown() override {
        Scenario::TearDown();
        Session(source_cluster().conninfo("postgres")).execute("DROP ROLE IF EXISTS " + reader_);
    }

    static std::string as_role(const Cluster& cluster, const std::string& role,
                               const std::string& database) {
        return toml_text("host=" + cluster.folder() + " port=" + std::to_string(cluster.port()) +
                         " user=" + role + " dbname=" + database);
    }

    void use_table_owner() { Scenario::use_table_owner({"parent", "child", "audit"}); }

    void change() {
        source().execute(
            "INSERT INTO parent SELECT g, 'v' FROM generate_series(1, 20) g; "
            "INSERT INTO child SELECT g * 10, g FROM generate_series(1, 20) g");
        source().execute(
            "BEGIN; INSERT INTO parent VALUES (100, 'p'); INSERT INTO child VALUES "
            "(1, 100), (2, 100); UPDATE child SET parent_id = 1 WHERE id = 1; COMMIT");
        source().execute("UPDATE parent SET v = 'changed' WHERE id < 5");
        source().execute(
            "DELETE FROM child WHERE parent_id = 20; DELETE FROM parent WHERE id = 20");
    }

    static int occurrences(const std::string& text, const std::string& part) {
        int count = 0;
        for (std::size_t at = text.find(part); at != std::string::npos;
             at = text.find(part, at + 1)) {
            ++count;
        }
        return count;
    }

    std::string reader_;
};

// It would give each applied row the target's own time.
TEST_F(ManagedTarget, TriggersThatAreMadeThereWaitForTheSwitchOver) {
    source().execute(
        "CREATE TABLE stamped (id int PRIMARY KEY, at text); "
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "NEW.at := current_database() || clock_timestamp(); RETURN NEW; END $$; "
        "CREATE TRIGGER \"On Update\" BEFORE INSERT OR UPDATE ON stamped "
        "FOR EACH ROW EXECUTE FUNCTION stamp(); "
        "INSERT INTO stamped SELECT generate_series(1, 10)");
    use_table_owner();
    target().execute("GRANT CREATE ON SCHEMA public TO " + table_owner());
    consumer().init();
    consumer().start();
    wait_until_copied();
    source().execute("UPDATE stamped SET id = id + 100; INSERT INTO stamped VALUES (1)");
    catch_up();
    expect_equal();
    const std::string enabling = "ALTER TABLE public.stamped ENABLE TRIGGER \"On Update\";";
    EXPECT_TRUE(contains(consumer().command("status").output,
                         "made and disabled, as it would fire for applied rows"));
    EXPECT_TRUE(contains(consumer().command("status").output, enabling));
    stop_consumer();
    target().execute(enabling);
    EXPECT_EQ(target().value("SELECT tgenabled FROM pg_trigger WHERE tgrelid = "
                             "'stamped'::regclass"),
              "O");
    target().execute("REVOKE CREATE ON SCHEMA public FROM " + table_owner());
}

TEST_F(ManagedTarget, ForcedRowSecurityIsFoundBeforeTheTableIsMade) {
    source().execute(
        "CREATE TABLE guarded (id int PRIMARY KEY); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; "
        "ALTER TABLE guarded FORCE ROW LEVEL SECURITY");
    use_table_owner();
    target().execute("GRANT CREATE ON SCHEMA public TO " + table_owner());
    const Finished init = consumer().command("init");
    EXPECT_NE(init.status, 0);
    EXPECT_TRUE(contains(init.output, "forced on owners too"));
    EXPECT_TRUE(contains(init.output, "public.guarded"));
    EXPECT_TRUE(contains(init.output, "ALTER ROLE \"" + table_owner() + "\" BYPASSRLS;"));
    target().execute("REVOKE CREATE ON SCHEMA public FROM " + table_owner());
}

TEST_F(ManagedTarget, ConflictsAreAnsweredWhereForeignKeysFire) {
    use_table_owner();
    consumer().set("conflict",
                   "{ insert_exists = \"apply\", delete_missing = \"keep\", value = \"keep\" }");
    source().execute("INSERT INTO parent SELECT g, 'v' FROM generate_series(1, 5) g");
    consumer().init();
    consumer().start();
    catch_up();
    target().execute(
        "INSERT INTO parent VALUES (50, 'local'); INSERT INTO child VALUES (51, 50); "
        "DELETE FROM parent WHERE id IN (3, 4)");
    source().execute("INSERT INTO parent VALUES (50, 'new')");
    source().execute("INSERT INTO child VALUES (30, 3), (20, 2)");
    source().execute("DELETE FROM parent WHERE id = 4");
    catch_up();
    EXPECT_EQ(target().value("SELECT v FROM parent WHERE id = 50"), "new");
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM child"), "20 51");
    EXPECT_EQ(target().value("SELECT string_agg(kind || '/' || sqlstate, ' ' ORDER BY id) "
                             "FROM walpack.conflict_log"),
              "insert_exists/23505 value/23503 delete_missing/");
}

TEST_F(ManagedTarget, TableOwnerAppliesInOrderWithTriggersAndForeignKeysFiring) {
    use_table_owner();
    source().execute(
        "INSERT INTO parent SELECT -g, 'copied' FROM generate_series(1, 5) g; "
        "INSERT INTO child SELECT -g, -g FROM generate_series(1, 5) g");
    consumer().init();
    consumer().start();
    wait_until_streaming();
    change();
    catch_up();
    expect_equal();
    EXPECT_EQ(target().value("SELECT string_agg(what || count, ' ' ORDER BY what) FROM "
                             "(SELECT what, count(*) FROM audit GROUP BY what) a"),
              "DELETE1 INSERT26 UPDATE9");
    EXPECT_EQ(occurrences(consumer().log(), "session_replication_role"), 1);
}

// All of it is one snapshot's, read by one session.
TEST_F(ManagedTarget, TheCopyHoldsTheRateThatItMay) {
    use_table_owner();
    source().execute(
        "INSERT INTO parent SELECT g, repeat('v', 1000) FROM generate_series(1, 2000) g");
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().init();
    const auto started = std::chrono::steady_clock::now();
    consumer().start();
    wait_until_copied();
    EXPECT_GT(std::chrono::steady_clock::now() - started, milliseconds(1500));
    EXPECT_TRUE(contains(consumer().log(), "copied under one snapshot, by one session"));
    catch_up();
    expect_equal();
}

// Nobody sees a row of it before it is complete.
TEST_F(ManagedTarget, StatusShowsHowFarTheCopyIs) {
    use_table_owner();
    source().execute(
        "INSERT INTO parent SELECT g, repeat('v', 1000) FROM generate_series(1, 4000) g; ANALYZE");
    consumer().set("copy_rate_limit", "\"600kB\"");
    consumer().init();
    consumer().start();
    std::string shown;
    wait_until("speed and time left are shown", seconds(30), [&] {
        shown = consumer().command("status").output;
        return contains(shown, "s left");
    });
    EXPECT_TRUE(contains(shown, "public.parent                  copying, ")) << shown;
    EXPECT_TRUE(contains(shown, "kB/s, about ")) << shown;
    EXPECT_TRUE(contains(shown, "public.child                   waiting, 0 rows")) << shown;
    EXPECT_TRUE(contains(shown, "0 of 3 done")) << shown;
    EXPECT_TRUE(contains(shown, "initial copy  running")) << shown;
    wait_until_copied();
    EXPECT_TRUE(contains(consumer().command("status").output, "initial copy  complete"));
    EXPECT_EQ(target().value("SELECT count(*) FROM parent"), "4000");
}

TEST_F(ManagedTarget, SuperuserKeepsTriggersAndForeignKeysQuiet) {
    consumer().init();
    consumer().start();
    wait_until_streaming();
    change();
    catch_up();
    expect_equal();
    EXPECT_EQ(target().value("SELECT count(*) FROM audit"), "0");
}

TEST_F(ManagedTarget, SourceRoleNeedsOnlyReplicationAndSelect) {
    use_table_owner();
    source().execute("CREATE PUBLICATION ready FOR TABLE parent, child, mark; CREATE ROLE " +
                     reader_ + " LOGIN REPLICATION; GRANT SELECT ON parent, child, mark TO " +
                     reader_);
    source().execute("INSERT INTO parent VALUES (-1, 'copied')");
    consumer().set("source", as_role(source_cluster(), reader_, source_database()));
    consumer().set("publications", "[\"ready\"]");
    consumer().init();
    consumer().start();
    wait_until_streaming();
    change();
    catch_up();
    expect_equal();
    consumer().kill();
    EXPECT_EQ(consumer().command("drop").status, 0);
    EXPECT_EQ(source().value("SELECT count(*) FROM pg_publication WHERE pubname = 'ready'"), "1");
}

TEST_F(ManagedTarget, ATruncateThatAForeignKeyForbidsIsNotHalfApplied) {
    use_table_owner();
    consumer().init();
    consumer().start();
    wait_until_streaming();
    change();
    source().execute("TRUNCATE parent CASCADE");
    catch_up();
    expect_equal();
}

TEST_F(ManagedTarget, MissingPrivilegesAreNamed) {
    use_table_owner();
    target().execute("ALTER TABLE child OWNER TO postgres");
    const Finished init = consumer().command("init");
    if (init.status != 0) {
        EXPECT_TRUE(contains(init.output, "child"));
        return;
    }
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "child"));
}

TEST_F(ManagedTarget, ItsOwnerHasRowsHeldAndRetriesThemUnderForeignKeys) {
    use_table_owner();
    consumer().set("on_error", toml_text("quarantine"));
    target().execute("ALTER TABLE parent ADD CONSTRAINT good CHECK (v <> 'bad')");
    consumer().init();
    consumer().start();
    catch_up();
    source().execute("INSERT INTO parent VALUES (1, 'bad'), (2, 'ok')");
    source().execute("INSERT INTO child VALUES (10, 1), (11, 1), (20, 2)");
    source().execute("DELETE FROM child WHERE id = 11");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ') FROM child"), "20");
    EXPECT_EQ(target().value("SELECT string_agg(COALESCE(behind::text, '-'), ' ' ORDER BY id) "
                             "FROM walpack.quarantine"),
              "- 1 1 3");
    target().execute("ALTER TABLE parent DROP CONSTRAINT good");
    const Finished retried = consumer().command("quarantine", {"retry", "--all"});
    EXPECT_EQ(retried.status, 0) << retried.output;
    EXPECT_EQ(source().value("SELECT string_agg(c::text, ' ' ORDER BY id) FROM child c"),
              target().value("SELECT string_agg(c::text, ' ' ORDER BY id) FROM child c"));
    EXPECT_EQ(target().value("SELECT DISTINCT done_by FROM walpack.quarantine_history"),
              table_owner());
}

// Its rows would have to go first, and take those that point to them along.
TEST_F(ManagedTarget, ATableThatForeignKeysPointToIsNotCopiedAgain) {
    use_table_owner();
    source().execute("INSERT INTO parent SELECT g, 'v' FROM generate_series(201, 205) g");
    source().execute("INSERT INTO child SELECT g, g FROM generate_series(201, 205) g");
    consumer().init();
    consumer().start();
    catch_up();
    const Finished again = consumer().command("recopy", {"public.parent"});
    EXPECT_NE(again.status, 0);
    EXPECT_TRUE(contains(again.output, "checks its foreign keys")) << again.output;
    // The same when it is asked for by other means.
    target().execute(
        "UPDATE walpack.copy_table SET state = 'requested' WHERE table_name = 'parent'");
    wait_until("it is refused", seconds(20), [&] {
        return target().value("SELECT state FROM walpack.copy_table WHERE table_name = 'parent'") ==
               "ready";
    });
    change();
    catch_up();
    expect_equal();
}

TEST_F(ManagedTarget, ATableThatIsPublishedLaterIsCopied) {
    use_table_owner();
    consumer().set("tables", "[\"public.parent\", \"public.child\", \"public.mark\"]");
    consumer().init();
    consumer().start();
    catch_up();
    on_both("CREATE TABLE late (id int PRIMARY KEY, n int)");
    target().execute("ALTER TABLE late OWNER TO " + table_owner());
    source().execute("INSERT INTO late SELECT g, g FROM generate_series(1, 10) g");
    source().execute("ALTER PUBLICATION " + slot() + " ADD TABLE late");
    source().execute("INSERT INTO late VALUES (11, 1)");
    wait_until("its rows are there", seconds(30),
               [&] { return target().number("SELECT count(*) FROM late") == 11; });
    change();
    catch_up();
    expect_equal();
}

TEST_F(ManagedTarget, AnIdentityColumnBesideTheKeyOfAReferencedTableIsLeftAlone) {
    on_both(
        "CREATE TABLE coded (code text PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, v int); "
        "CREATE TABLE kid (id int PRIMARY KEY, code text REFERENCES coded ON DELETE CASCADE)");
    Scenario::use_table_owner({"parent", "child", "audit", "coded", "kid"});
    source().execute(
        "INSERT INTO coded (code, v) SELECT 'code ' || g, 0 FROM generate_series(1, 40) g; "
        "INSERT INTO kid SELECT g, 'code ' || g FROM generate_series(1, 40) g");
    consumer().init();
    consumer().start();
    catch_up();
    source().execute("UPDATE coded SET v = 1 WHERE code = 'code 1'");
    source().execute("UPDATE coded SET v = 2 WHERE code > 'code 2'");
    catch_up();
    expect_equal();
    EXPECT_EQ(target().value("SELECT count(*) FROM kid"), "40");
    source().execute("UPDATE coded SET n = DEFAULT WHERE code = 'code 3'");
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "update of \"public.coded\" changes a GENERATED ALWAYS AS IDENTITY"));
    EXPECT_TRUE(contains(log, "GENERATED BY DEFAULT"));
    EXPECT_EQ(target().value("SELECT count(*) FROM kid"), "40");
}

}  // namespace
}  // namespace walpack::e2e
