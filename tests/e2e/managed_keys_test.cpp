// Foreign keys of a target whose role may not switch them off, where they say more about the order
// of statements than the source's changes do.
#include "support/backlog.h"

namespace walpack::e2e {
namespace {

class ManagedKeys : public BacklogScenario {
  protected:
    void make(const std::string& sql, const std::vector<std::string>& tables) {
        on_both(sql);
        use_table_owner(tables);
    }
};

// A constraint that is checked at the end of the transaction has something to check by then.
TEST_F(ManagedKeys, ATruncateComesBehindRowsOfADeferrableKey) {
    make(
        "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, "
        "parent_id int NOT NULL REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
        {"parent", "child"});
    copy_and_stop();
    source().execute(
        "INSERT INTO parent SELECT g FROM generate_series(1, 20) g; "
        "INSERT INTO child SELECT g, g FROM generate_series(1, 20) g");
    source().execute("TRUNCATE child");
    source().execute("INSERT INTO child SELECT g, g FROM generate_series(1, 20) g");
    source().execute("BEGIN; DELETE FROM child; DELETE FROM parent; COMMIT");
    source().execute("TRUNCATE parent, child");
    source().execute("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1)");
    expect_backlog_arrives();
    source().execute(
        "BEGIN; INSERT INTO child VALUES (2, 2); INSERT INTO parent VALUES (2); COMMIT");
    expect_caught_up();
}

// What is left to be checked is right only when the rows are gone.
TEST_F(ManagedKeys, ATruncateComesBehindTheDeleteOfWhatItsRowsReferTo) {
    make(
        "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, "
        "parent_id int NOT NULL REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
        {"parent", "child"});
    copy_and_stop();
    const std::string insert =
        "INSERT INTO parent SELECT g FROM generate_series(1, 20) g; "
        "INSERT INTO child SELECT g, g FROM generate_series(1, 20) g";
    const std::string truncate = "BEGIN; DELETE FROM parent; TRUNCATE child; COMMIT";
    source().execute(insert);
    expect_backlog_arrives();
    source().execute(truncate);
    expect_caught_up();
    stop();
    // With the rows in one group they are still to be checked, so it goes one by one.
    source().execute(insert);
    source().execute(truncate);
    source().execute("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1)");
    consumer().start();
    expect_caught_up();
}

// Each key is right when the statement ends, and no sooner.
TEST_F(ManagedKeys, RowsOfOneStatementMayReferToEachOther) {
    make("CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree)", {"tree"});
    copy_and_stop();
    for (const int rows : {2, 7, 50, 2500, 6000}) {
        const std::string last = std::to_string(rows);
        source().execute("INSERT INTO tree SELECT g, CASE g WHEN " + last +
                         " THEN NULL ELSE g + 1 END FROM generate_series(1, " + last + ") g");
        source().execute("UPDATE tree SET up = CASE id WHEN 1 THEN NULL ELSE id - 1 END");
        expect_backlog_arrives();
        stop();
        source().execute("DELETE FROM tree");
        expect_backlog_arrives();
        stop();
    }
}

// The target gives rows their new keys by itself, as the source did: the source's own changes of
// them do not find the old ones.
TEST_F(ManagedKeys, KeysThatTheTargetCascadesAreFound) {
    make(
        "CREATE TABLE orders (id int PRIMARY KEY, code text UNIQUE NOT NULL); "
        "CREATE TABLE line (order_id int REFERENCES orders ON UPDATE CASCADE, n int, v int "
        "DEFAULT 0, PRIMARY KEY (order_id, n)); "
        "CREATE TABLE part (order_id int, n int, k int, v int DEFAULT 0, "
        "PRIMARY KEY (order_id, n, k), FOREIGN KEY (order_id, n) REFERENCES line ON UPDATE "
        "CASCADE ON DELETE CASCADE); "
        "CREATE TABLE by_code (code text REFERENCES orders (code) ON UPDATE CASCADE, n int, "
        "big text, PRIMARY KEY (code, n)); "
        "CREATE TABLE whole (order_id int REFERENCES orders ON UPDATE CASCADE, n int, v int "
        "DEFAULT 0, PRIMARY KEY (order_id, n)); ALTER TABLE whole REPLICA IDENTITY FULL; "
        "CREATE TABLE heir (order_id int DEFAULT 0 REFERENCES orders ON DELETE SET DEFAULT ON "
        "UPDATE CASCADE, n int PRIMARY KEY, v int DEFAULT 0, UNIQUE (order_id, n)); "
        "CREATE TABLE taken (order_id int NOT NULL DEFAULT 0 REFERENCES orders ON DELETE SET "
        "DEFAULT, n int NOT NULL, v int DEFAULT 0, PRIMARY KEY (order_id, n))",
        {"orders", "line", "part", "by_code", "whole", "heir", "taken"});
    source().execute(
        "INSERT INTO orders SELECT g, 'c' || g FROM generate_series(0, 60) g; "
        "INSERT INTO line SELECT g, k FROM generate_series(1, 60) g, generate_series(1, 5) k; "
        "INSERT INTO part SELECT g, k, 7 FROM generate_series(1, 60) g, generate_series(1, 5) k; "
        "INSERT INTO by_code SELECT 'c' || g, k, (SELECT string_agg(md5(i::text), '') FROM "
        "generate_series(1, 200) i) FROM generate_series(1, 60) g, generate_series(1, 2) k; "
        "INSERT INTO whole SELECT g, k FROM generate_series(1, 60) g, generate_series(1, 5) k; "
        "INSERT INTO heir SELECT g, g FROM generate_series(1, 60) g; "
        "INSERT INTO taken VALUES (22, 22), (22, 23)");
    copy_and_stop();
    source().execute("UPDATE orders SET id = id + 1000 WHERE id BETWEEN 1 AND 10");
    source().execute(
        "UPDATE orders SET code = 'd' || id, id = id + 2000 WHERE id BETWEEN 11 AND 20");
    source().execute(
        "BEGIN; UPDATE line SET v = 1 WHERE order_id = 21; UPDATE orders SET id = 3021 WHERE id = "
        "21; UPDATE line SET v = 2 WHERE order_id = 3021; DELETE FROM line WHERE order_id = 3021 "
        "AND n = 1; UPDATE line SET n = n + 10 WHERE order_id = 3021; INSERT INTO line VALUES "
        "(3021, 1); UPDATE part SET v = 3 WHERE order_id = 3021; COMMIT");
    source().execute(
        "BEGIN; DELETE FROM part WHERE order_id = 22; DELETE FROM line WHERE order_id = 22; DELETE "
        "FROM by_code WHERE code = 'c22'; DELETE FROM whole WHERE order_id = 22; DELETE FROM "
        "orders WHERE id = 22; UPDATE heir SET v = 1 WHERE n = 22; UPDATE taken SET v = 1 WHERE n "
        "= 22; COMMIT");
    // To and fro, and along a chain in an order that never has two of a key.
    source().execute(
        "BEGIN; UPDATE orders SET id = 9000 WHERE id = 30; UPDATE orders SET id = 30 WHERE id = "
        "9000; UPDATE orders SET id = 9001 WHERE id = 31; UPDATE orders SET id = 31 WHERE id = 32; "
        "UPDATE orders SET id = 32 WHERE id = 9001; COMMIT");
    expect_backlog_arrives();
    source().execute("UPDATE orders SET id = id + 5000 WHERE id BETWEEN 40 AND 60");
    source().execute("UPDATE line SET v = v + 1; UPDATE whole SET v = v + 1");
    expect_caught_up();
    EXPECT_EQ(target().value("SELECT count(*) FROM line WHERE order_id > 5000"), "105");
    EXPECT_EQ(target().value("SELECT order_id || ' ' || v FROM taken WHERE n = 22"), "0 1");
}

// It is not the change's row then.
TEST_F(ManagedKeys, ARowThatHasTheNewKeyBesideTheOldOneIsNotTakenForIt) {
    make(
        "CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE line (order_id int REFERENCES "
        "orders ON UPDATE CASCADE, n int, v text, PRIMARY KEY (order_id, n))",
        {"orders", "line"});
    source().execute(
        "INSERT INTO orders VALUES (1), (2), (3); INSERT INTO line VALUES (1, 1, 'a'), (2, 2, "
        "'b')");
    copy_and_stop();
    target().execute("INSERT INTO line VALUES (2, 1, 'of the target')");
    source().execute(
        "BEGIN; UPDATE orders SET id = 4 WHERE id = 3; UPDATE line SET order_id = 2 WHERE order_id "
        "= 1; COMMIT");
    consumer().start();
    wait_until("it stops", seconds(20),
               [&] { return contains(consumer().log(), "update_exists"); });
    EXPECT_EQ(target().value("SELECT string_agg(order_id || v, ' ' ORDER BY v) FROM line"),
              "1a 2b 2of the target");
}

// At the source the row went to another parent before its old one was deleted with its own.
TEST_F(ManagedKeys, ACascadeOverTwoTablesWaitsForTheHeldRowThatItWouldDelete) {
    make(
        "CREATE TABLE g (id int PRIMARY KEY); CREATE TABLE p (id int PRIMARY KEY, g_id int "
        "REFERENCES g ON DELETE CASCADE); CREATE TABLE c (id int PRIMARY KEY, p_id int REFERENCES "
        "p ON DELETE CASCADE, v int)",
        {"g", "p", "c"});
    source().execute(
        "INSERT INTO g VALUES (1), (2), (3); INSERT INTO p VALUES (10, 1), (20, 2), (30, 3); "
        "INSERT INTO c VALUES (100, 10, 1)");
    target().execute("ALTER TABLE c ADD CONSTRAINT small CHECK (v < 1000)");
    consumer().set("on_error", "\"quarantine\"");
    consumer().init();
    consumer().start();
    catch_up();
    source().execute("UPDATE c SET p_id = 20, v = 1000 WHERE id = 100");
    source().execute("DELETE FROM g WHERE id = 1");
    catch_up();
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.quarantine"), "3");
    EXPECT_EQ(target().value("SELECT p_id FROM c"), "10");
    target().execute("ALTER TABLE c DROP CONSTRAINT small");
    const Finished retried = consumer().command("quarantine", {"retry", "--all"});
    EXPECT_EQ(retried.status, 0) << retried.output;
    source().execute("DELETE FROM g WHERE id = 3");
    expect_caught_up();
}

// Its rows would have to go before, and take those along that only the target has.
TEST_F(ManagedKeys, ATableThatOnlyTheTargetRefersToDoesNotBeginAgainByItself) {
    make("CREATE TABLE t (id int PRIMARY KEY, v text)", {"t"});
    source().execute("INSERT INTO t SELECT g, repeat('v', 300) FROM generate_series(1, 8000) g");
    target().execute(
        "CREATE TABLE notes (id int PRIMARY KEY REFERENCES t ON DELETE CASCADE); ALTER TABLE notes "
        "OWNER TO " +
        table_owner());
    consumer().set("copy_chunk_bytes", "\"128kB\"");
    consumer().set("copy_rate_limit", "\"700kB\"");
    consumer().set("copy_workers", "1");
    consumer().init();
    consumer().start();
    wait_until("rows are there", seconds(30),
               [&] { return target().number("SELECT count(*) FROM t WHERE id < 500") == 499; });
    target().execute("INSERT INTO notes VALUES (1), (2)");
    target().execute("ALTER TABLE notes ALTER id TYPE bigint");
    on_both("ALTER TABLE t ALTER id TYPE bigint");
    source().execute("UPDATE t SET v = 'changed' WHERE id % 100 = 0");
    EXPECT_TRUE(contains(expect_refusal(seconds(30)), "cannot be copied by itself"));
    EXPECT_EQ(target().number("SELECT count(*) FROM notes"), 2);
}

}  // namespace
}  // namespace walpack::e2e
