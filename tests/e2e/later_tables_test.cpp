// Tables that are published after the copy and that the target lacks: init makes them, run copies
// them, and what belongs to them is made behind their rows.
#include <string>

#include "support/scenario.h"
#include "support/writers.h"

namespace walpack::e2e {
namespace {

// Indexes, constraints, triggers and grants of the tables.
constexpr const char* kBelongings = R"(
SELECT string_agg(format('%s: %s %s', c.relname, c.relacl, (
    SELECT string_agg(what, ', ' ORDER BY what) FROM (
        SELECT format('%s %s', x.relname, i.indisvalid) AS what FROM pg_index i
            JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid
        UNION ALL SELECT format('%s %s', conname, convalidated) FROM pg_constraint
            WHERE conrelid = c.oid
        UNION ALL SELECT format('%s %s', tgname, tgenabled) FROM pg_trigger
            WHERE tgrelid = c.oid AND NOT tgisinternal
        UNION ALL SELECT obj_description(c.oid, 'pg_class')) belongings)), E'\n' ORDER BY c.relname)
FROM pg_class c WHERE c.relnamespace = 'app'::regnamespace AND c.relkind IN ('r', 'p'))";

constexpr const char* kLater = R"(
CREATE TYPE app.mood AS ENUM ('sad', 'ok');
CREATE FUNCTION app.next_note() RETURNS text LANGUAGE sql AS $$ SELECT 'note' $$;
CREATE TABLE app.later (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int CHECK (n > 0), mood app.mood,
    note text DEFAULT app.next_note(), first int REFERENCES app.first, UNIQUE (n, mood));
CREATE INDEX later_note ON app.later (note);
CREATE TRIGGER later_note BEFORE INSERT ON app.later FOR EACH ROW EXECUTE FUNCTION app.nothing();
GRANT SELECT ON app.later TO PUBLIC;
COMMENT ON TABLE app.later IS 'it came later';
INSERT INTO app.later (n, mood, first) SELECT g, 'ok', g % 100 + 1 FROM generate_series(1, 3000) g;
)";

class LaterTables : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        source().execute(
            "CREATE SCHEMA app; CREATE FUNCTION app.nothing() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN NEW; END $$; "
            "CREATE TABLE app.first (id int PRIMARY KEY, n int); "
            "CREATE TRIGGER first_note BEFORE INSERT ON app.first FOR EACH ROW "
            "EXECUTE FUNCTION app.nothing(); "
            "CREATE TABLE app.part (id int, day int, n int, PRIMARY KEY (id, day)) "
            "PARTITION BY RANGE (day); "
            "CREATE TABLE app.part_1 PARTITION OF app.part FOR VALUES FROM (0) TO (10); "
            "CREATE INDEX part_n ON app.part (n); "
            "INSERT INTO app.first SELECT g, g FROM generate_series(1, 200) g; "
            "INSERT INTO app.part SELECT g, g % 10, g FROM generate_series(1, 200) g");
        EXPECT_EQ(init().status, 0);
        consumer().start();
        catch_up();
    }

    Finished init() { return consumer().command("init"); }
    void wait_until_built() {
        wait_until("all is made", seconds(60), [this] {
            return target().value("SELECT count(*) FROM walpack.post_data WHERE state <> 'done'") ==
                       "0" &&
                   target().value(
                       "SELECT count(*) FROM walpack.copy_table WHERE state <> 'ready'") == "0";
        });
    }
    void expect_the_same() {
        catch_up();
        expect_equal();
        EXPECT_EQ(target().value(kBelongings), source().value(kBelongings));
    }
    std::string items_of_others() {
        return target().value(
            "SELECT string_agg(format('%s %s %s', number, description, state), '; ' ORDER BY "
            "number) "
            "FROM walpack.post_data WHERE table_name <> 'later' AND table_name <> 'part_2'");
    }
};

// In the order in which a DBA would do it.
TEST_F(LaterTables, AreMadeByInitAndCopiedByARunningPipeline) {
    Writers writers(source_conninfo(), 2, [](Random& random) {
        return "UPDATE app.first SET n = n + 1 WHERE id = " +
               std::to_string(random.between(1, 200));
    });
    const std::string others = items_of_others();
    source().execute(kLater);
    const Finished made = init();
    EXPECT_EQ(made.status, 0) << made.output;
    EXPECT_TRUE(contains(made.output, "made 1 table on the target")) << made.output;
    EXPECT_TRUE(contains(made.output, "copies them within a minute")) << made.output;
    source().execute("INSERT INTO app.later (n, mood, first) VALUES (9999, 'sad', 1)");
    wait_until("its rows are there", seconds(90), [this] {
        return target().value("SELECT to_regclass('app.later')") != "" &&
               target().number("SELECT count(*) FROM app.later") == 3001;
    });
    wait_until_built();
    EXPECT_EQ(writers.stop(), "");
    expect_the_same();
    EXPECT_EQ(items_of_others(), others);
}

// A restart of run in between: nothing may be made before the rows are there.
TEST_F(LaterTables, AreCopiedBeforeTheirKeysAreMadeByAPipelineThatWasStopped) {
    stop_consumer();
    source().execute(kLater);
    EXPECT_EQ(init().status, 0);
    EXPECT_EQ(
        target().value("SELECT count(*) FROM pg_index WHERE indrelid = 'app.later'::regclass"),
        "0");
    consumer().start();
    source().execute("UPDATE app.later SET note = 'changed' WHERE id <= 100");
    wait_until("its rows are there", seconds(90),
               [this] { return target().number("SELECT count(*) FROM app.later") == 3000; });
    wait_until_built();
    expect_the_same();
    // By ranges, as no other unique index was there.
    EXPECT_TRUE(contains(consumer().log(), "range of column \"id\""));
}

TEST_F(LaterTables, ThatAreLeftOutAreCopiedSoonAfterInitHasMadeThem) {
    source().execute(kLater);
    source().execute("INSERT INTO app.later (n, mood, first) VALUES (9999, 'sad', 1)");
    wait_until("it is left out", seconds(30), [this] {
        return contains(consumer().log(), "\"app.later\" is published and cannot be copied yet");
    });
    EXPECT_EQ(init().status, 0);
    wait_until("its rows are there", seconds(30),
               [this] { return target().number("SELECT count(*) FROM app.later") == 3001; });
    wait_until_built();
    expect_the_same();
}

// It would get the stream, and miss the rows that were copied.
TEST_F(LaterTables, ThatWereCopiedAndAreGoneAreNotMade) {
    stop_consumer();
    target().execute("DROP TABLE app.first");
    source().execute(kLater);
    const Finished refused = init();
    EXPECT_EQ(refused.status, 1);
    EXPECT_TRUE(contains(refused.output, "1 published table missing that were there before"))
        << refused.output;
    EXPECT_EQ(target().value("SELECT to_regclass('app.later')"), "");
    target().execute("CREATE TABLE app.first (id int PRIMARY KEY, n int)");
    EXPECT_EQ(init().status, 0);
    EXPECT_EQ(consumer().command("recopy", {"app.first"}).status, 0);
    consumer().start();
    wait_until("its rows are there", seconds(90), [this] {
        return target().number("SELECT count(*) FROM app.later") == 3000 &&
               target().number("SELECT count(*) FROM app.first") == 200;
    });
    wait_until_built();
    catch_up();
    expect_equal();
}

// Attached behind its rows, it has what the root's indexes ask for.
TEST_F(LaterTables, ThatArePartitionsOfAnOldRootAreAttachedBehindTheirRows) {
    source().execute(
        "CREATE TABLE app.part_2 PARTITION OF app.part FOR VALUES FROM (10) TO (20); "
        "INSERT INTO app.part SELECT g, 10 + g % 10, g FROM generate_series(1, 500) g");
    EXPECT_EQ(init().status, 0);
    wait_until("its rows are there", seconds(90), [this] {
        return target().value("SELECT to_regclass('app.part_2')") != "" &&
               target().number("SELECT count(*) FROM app.part_2") == 500;
    });
    wait_until_built();
    expect_the_same();
    EXPECT_EQ(target().value("SELECT count(*) FROM app.part"), "700");
    EXPECT_EQ(
        target().value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'app.part'::regclass"),
        "2");
}

// Only one of them is written, so the other one joins later: until then there is nothing to refer
// to.
TEST_F(LaterTables, ThatReferToOneThatJoinsLaterWaitForIt) {
    source().execute(
        "CREATE TABLE app.parent (id int PRIMARY KEY); "
        "CREATE TABLE app.child (id int PRIMARY KEY, parent int REFERENCES app.parent); "
        "INSERT INTO app.parent SELECT g FROM generate_series(1, 100) g; "
        "INSERT INTO app.child SELECT g, g FROM generate_series(1, 100) g");
    EXPECT_EQ(init().status, 0);
    source().execute("INSERT INTO app.child VALUES (101, 1)");
    wait_until("its rows are there", seconds(90),
               [this] { return target().number("SELECT count(*) FROM app.child") == 101; });
    stop_consumer();
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.post_data WHERE state = 'refused'"),
              "0");
    consumer().start();  // looks at all at once
    wait_until("the others are there", seconds(90),
               [this] { return target().number("SELECT count(*) FROM app.parent") == 100; });
    wait_until_built();
    expect_the_same();
}

// What others lack is theirs.
TEST_F(LaterTables, BringNothingToTablesThatAreThere) {
    target().execute("DROP TRIGGER first_note ON app.first; DROP INDEX app.part_n");
    source().execute(kLater);
    EXPECT_EQ(init().status, 0);
    wait_until("its rows are there", seconds(90),
               [this] { return target().number("SELECT count(*) FROM app.later") == 3000; });
    wait_until_built();
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_trigger WHERE tgname = 'first_note'"), "0");
    EXPECT_EQ(target().value("SELECT to_regclass('app.part_n')"), "");
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
