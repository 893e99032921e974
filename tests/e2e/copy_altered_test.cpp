// A table that is not the same any more when the rest of it is copied: the column that it is cut
// by, its name, its place in the publication, or a session of an earlier run that still commits.
#include "support/loaded_chunks.h"
#include "support/scenario.h"
#include "support/writers.h"

namespace walpack::e2e {
namespace {

constexpr int kRows = 10'000;  // 2 MB

class CopyAltered : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        consumer().set("copy_chunk_bytes", "\"128kB\"");
        consumer().set("copy_rate_limit", "\"700kB\"");
        consumer().set("copy_workers", "1");
        consumer().set("retry_delay_min", "\"50ms\"");
    }

    // Table t with the expression over g as its key.
    void make(const std::string& type, const std::string& key) {
        on_both("CREATE TABLE t (id " + type +
                " PRIMARY KEY, k int NOT NULL, n int NOT NULL DEFAULT 0, v text)");
        source().execute("INSERT INTO t SELECT " + key +
                         ", g, 0, repeat('t', 200) FROM "
                         "generate_series(1, " +
                         std::to_string(kRows) + ") g; ANALYZE");
    }

    void wait_for_chunks(std::int64_t count) {
        wait_until("chunks are loaded", seconds(30),
                   [&] { return count_loaded_chunks(target(), "t") >= count; });
    }

    void start_and_copy_a_part() {
        consumer().init();
        consumer().start();
        wait_for_chunks(3);
    }

    void change_rows() {
        source().execute(
            "UPDATE t SET n = n + 1 WHERE k % 3 = 0; DELETE FROM t WHERE k % 7 = 0; "
            "UPDATE t SET n = n + 1 WHERE k % 5 = 0");
    }

    void make_filtered() {
        make("int", "g");
        source().execute("CREATE PUBLICATION " + slot() + " FOR TABLE mark, t WHERE (k % 2 = 0)");
    }

    void alter_filter() {
        source().execute("ALTER PUBLICATION " + slot() + " SET TABLE mark, t WHERE (k % 4 < 3)");
        source().execute(
            "INSERT INTO t SELECT g, g, 0, 'new' FROM generate_series(20001, 20100) g");
    }

    void expect_filtered() {
        wait_until_copied();
        catch_up();
        const std::string sum =
            "SELECT count(*) || ' ' || sum(id) || ' ' || sum(k) FROM t WHERE k % 4 < 3";
        EXPECT_EQ(target().value(sum), source().value(sum));
        EXPECT_EQ(target().value("SELECT count(*) FROM t WHERE k % 4 = 3"), "0");
        EXPECT_TRUE(contains(consumer().log(), "is published otherwise now"));
    }

    void expect_equal_in_the_end() {
        wait_until_copied();
        catch_up();
        expect_equal();
    }
};

TEST_F(CopyAltered, AKeyOfAnotherTypeBeginsTheTableAgain) {
    make("int", "g");
    start_and_copy_a_part();
    on_both("ALTER TABLE t ALTER id TYPE bigint");
    change_rows();
    expect_equal_in_the_end();
    EXPECT_TRUE(contains(consumer().log(), "was cut by a column that is another one now"));
}

TEST_F(CopyAltered, AKeyOfAnotherTypeWhileNobodyLooksBeginsTheTableAgain) {
    make("int", "g");
    start_and_copy_a_part();
    consumer().kill();
    on_both("ALTER TABLE t ALTER id TYPE bigint");
    change_rows();
    consumer().start();
    change_rows();
    expect_equal_in_the_end();
    EXPECT_TRUE(contains(consumer().log(), "was cut by a column that is another one now"));
}

// Values that were apart may be one, in the range of a chunk that is there already.
TEST_F(CopyAltered, AKeyOfAnotherModifierBeginsTheTableAgain) {
    make("numeric(12,1)", "g + 0.2");
    start_and_copy_a_part();
    on_both("ALTER TABLE t ALTER id TYPE numeric(12,0)");
    change_rows();
    expect_equal_in_the_end();
    EXPECT_TRUE(contains(consumer().log(), "was cut by a column that is another one now"));
}

// What was published from then on alone is in no change, and chunks that were read would lack it.
TEST_F(CopyAltered, AFilterThatIsAlteredBeginsTheTableAgain) {
    make_filtered();
    start_and_copy_a_part();
    alter_filter();
    expect_filtered();
}

TEST_F(CopyAltered, AFilterThatIsAlteredWhileNobodyLooksBeginsTheTableAgain) {
    make_filtered();
    start_and_copy_a_part();
    consumer().kill();
    alter_filter();
    consumer().start();
    expect_filtered();
}

// By what another publication says of another table nothing of this one becomes another.
TEST_F(CopyAltered, PublicationsThatDoNotHoldTheTableLeaveItsCopyAlone) {
    make("int", "g");
    on_both("CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE later (id int PRIMARY KEY)");
    source().execute("INSERT INTO later VALUES (1); CREATE PUBLICATION " + slot() +
                     " FOR TABLE mark, t; CREATE PUBLICATION other FOR TABLE other; "
                     "CREATE PUBLICATION later FOR TABLE later");
    consumer().set("publications", "[\"" + slot() + "\", \"other\"]");
    start_and_copy_a_part();
    source().execute("ALTER PUBLICATION other SET (publish = 'insert, delete')");
    wait_for_chunks(count_loaded_chunks(target(), "t") + 2);
    consumer().kill();
    consumer().set("publications", "[\"" + slot() + "\", \"other\", \"later\"]");
    consumer().start();
    wait_until_copied();
    catch_up();
    wait_until("the table that was published later is copied", seconds(90),
               [&] { return target().value("SELECT count(*) FROM later") == "1"; });
    expect_equal();
    EXPECT_FALSE(contains(consumer().log(), "is published otherwise now"));
    EXPECT_FALSE(contains(consumer().log(), "copied from the start")) << consumer().log();
}

// Its index has another order from then on, and with it the ranges that are read.
TEST_F(CopyAltered, AKeyOfAnotherCollationBeginsTheTableAgain) {
    make("text COLLATE \"C\"", "CASE g % 2 WHEN 0 THEN 'a' ELSE 'B' END || md5(g::text)");
    start_and_copy_a_part();
    on_both("ALTER TABLE t ALTER id TYPE text COLLATE \"und-x-icu\"");
    change_rows();
    expect_equal_in_the_end();
    EXPECT_TRUE(contains(consumer().log(), "was cut by a column that is another one now"));
}

TEST_F(CopyAltered, AKeyThatIsNoneAnyMoreBeginsTheTableAgain) {
    make("int", "g");
    start_and_copy_a_part();
    on_both("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (k)");
    change_rows();
    source().execute("UPDATE t SET id = -id WHERE k % 2 = 0");
    expect_equal_in_the_end();
}

// What the table was when its copy began says that it could be cut by the same column again.
TEST_F(CopyAltered, AKeyThatIsUniqueStillIsDescribedAnew) {
    make("int", "g");
    start_and_copy_a_part();
    Writers writers(source_conninfo(), 1, [](Random& random) {
        return "UPDATE t SET n = n + 1 WHERE k = " + std::to_string(random.between(1, kRows));
    });
    on_both("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (k), ADD UNIQUE (id)");
    wait_until_copied();
    EXPECT_EQ(writers.stop(), "");
    expect_equal_in_the_end();
}

TEST_F(CopyAltered, AColumnThatIsGoneBeginsTheTableAgain) {
    make("int", "g");
    start_and_copy_a_part();
    on_both("ALTER TABLE t DROP COLUMN id, ADD PRIMARY KEY (k)");
    change_rows();
    expect_equal_in_the_end();
}

TEST_F(CopyAltered, ATableThatIsRenamedOnBothSidesGoesOn) {
    make("int", "g");
    source().execute("CREATE PUBLICATION all_tables FOR ALL TABLES");
    consumer().set("publications", "[\"all_tables\"]");
    start_and_copy_a_part();
    const std::int64_t loaded = count_loaded_chunks(target(), "t");
    on_both("ALTER TABLE t RENAME TO renamed");
    source().execute("UPDATE renamed SET n = n + 1 WHERE k % 3 = 0");
    wait_until("its new name is noted", seconds(30),
               [&] { return count_loaded_chunks(target(), "renamed") >= loaded; });
    expect_equal_in_the_end();
}

// What is still to be made of its structure has the old name.
TEST_F(CopyAltered, ATableThatIsRenamedBeforeItsKeysAreMadeIsNamed) {
    make("int", "g");
    target().execute("DROP TABLE t");
    source().execute("CREATE PUBLICATION all_tables FOR ALL TABLES");
    consumer().set("publications", "[\"all_tables\"]");
    start_and_copy_a_part();
    on_both("ALTER TABLE t RENAME TO renamed");
    EXPECT_TRUE(contains(expect_refusal(seconds(30)), "renamed before its copy was complete"));
    on_both("ALTER TABLE renamed RENAME TO t");
    consumer().start();
    expect_equal_in_the_end();
    EXPECT_EQ(target().number("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass"), 1);
}

TEST_F(CopyAltered, ATableThatIsMadeAnewIsCopiedFromTheStart) {
    make("int", "g");
    source().execute("CREATE PUBLICATION all_tables FOR ALL TABLES");
    consumer().set("publications", "[\"all_tables\"]");
    start_and_copy_a_part();
    source().execute(
        "CREATE TABLE anew (LIKE t INCLUDING ALL); INSERT INTO anew SELECT id + 100, k, 7, v FROM "
        "t "
        "WHERE id % 2 = 0; DROP TABLE t; ALTER TABLE anew RENAME TO t");
    change_rows();
    expect_equal_in_the_end();
    EXPECT_TRUE(contains(consumer().log(), "was made anew"));
}

TEST_F(CopyAltered, ATableThatIsNotPublishedAnyMoreIsGivenUp) {
    make("int", "g");
    on_both("CREATE TABLE u (id int PRIMARY KEY, n int)");
    source().execute("INSERT INTO u SELECT g, 0 FROM generate_series(1, 1000) g");
    source().execute("CREATE PUBLICATION chosen FOR TABLE t, u, mark");
    consumer().set("publications", "[\"chosen\"]");
    start_and_copy_a_part();
    source().execute("ALTER PUBLICATION chosen DROP TABLE t; DROP TABLE t");
    wait_until("it is given up", seconds(30), [&] {
        return contains(consumer().log(), "\"public.t\" is not published any more");
    });
    source().execute("UPDATE u SET n = n + 1");
    target().execute("DROP TABLE t");
    expect_equal_in_the_end();
}

// What it has loaded is of a snapshot that does not see what was dropped for the next one.
TEST_F(CopyAltered, ASessionOfAKilledRunCannotCommitAnyMore) {
    make("int", "g");
    target().execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(4); RETURN NULL; END'; "
        "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW WHEN (NEW.k = 2000) EXECUTE FUNCTION wait(); "
        "ALTER TABLE t ENABLE ALWAYS TRIGGER wait");
    consumer().init();
    consumer().start();
    wait_until("a chunk is about to be committed", seconds(30), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = "
                   "'PgSleep' AND datname = current_database()") == 1;
    });
    consumer().kill();
    consumer().set("copy_rate_limit", "\"100MB\"");
    Writers writers(source_conninfo(), 1, [](Random& random) {
        return "UPDATE t SET n = n + 1 WHERE k = " + std::to_string(random.between(1900, 2100));
    });
    consumer().start();
    wait_until_copied();
    EXPECT_EQ(writers.stop(), "");
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
