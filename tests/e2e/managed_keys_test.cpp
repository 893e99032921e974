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
