// Several connections apply side by side: whatever the transactions have in common, readers of the
// target only ever see states that the source had, and what gets in the way only delays.
#include "support/backlog.h"
#include "support/random.h"

namespace walpack::e2e {
namespace {

constexpr const char* kSum = "SELECT sum(balance) FROM public.accounts";
constexpr const char* kTotal = "100000";

class ApplyWorkers : public BacklogScenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        consumer().set("apply_workers", "4");
        consumer().set("group_rows_max", "40");
        on_both("CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL)");
        source().execute("INSERT INTO accounts SELECT g, 1000 FROM generate_series(1, 100) g");
    }

    // Money moves between two accounts, and `sql` is done, in each of so many transactions.
    void move_money(int transactions, const std::string& sql = "") {
        each_in_transaction(transactions,
                            "UPDATE accounts SET balance = balance - i WHERE id = i % 100 + 1; "
                            "UPDATE accounts SET balance = balance + i WHERE id = i * 7 % 100 + 1" +
                                (sql.empty() ? "" : "; " + sql));
    }

    // The backlog arrives, and the sum is right all the time.
    void expect_right_all_along() {
        Watcher watcher(target_conninfo(), kSum, kTotal);
        expect_backlog_arrives();
        EXPECT_EQ(watcher.stop(), std::nullopt);
        EXPECT_GT(watcher.times_right(), 0);
    }

    void wait_for_waiting_session() {
        wait_until("a session of the consumer waits for a lock", seconds(60), [this] {
            return target().number(
                       "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                       "datname = current_database() AND application_name = 'walpack_" +
                       pipeline() + "'") > 0;
        });
    }
};

TEST_F(ApplyWorkers, TransactionsOnTheSameRowsArriveInOrder) {
    copy_and_stop();
    move_money(3000);
    expect_right_all_along();
}

TEST_F(ApplyWorkers, TransactionsOnRowsOfTheirOwnArrive) {
    on_both("CREATE TABLE own (id int PRIMARY KEY, n int, v text)");
    copy_and_stop();
    each_in_transaction(4000,
                        "INSERT INTO own VALUES (i, 0, 'v'); UPDATE own SET n = i WHERE "
                        "id = i; DELETE FROM own WHERE id = i - 2000 AND i % 2 = 0");
    expect_backlog_arrives();
}

TEST_F(ApplyWorkers, EachTransactionMayBeAGroup) {
    consumer().set("grouping", "false");
    on_both("CREATE TABLE own (id int PRIMARY KEY, n int)");
    copy_and_stop();
    move_money(500, "INSERT INTO own VALUES (i, i); DELETE FROM own WHERE id = i - 3");
    expect_right_all_along();
}

TEST_F(ApplyWorkers, KeysThatGoAndComeBackArrive) {
    on_both("CREATE TABLE own (id int PRIMARY KEY, n int)");
    copy_and_stop();
    each_in_transaction(4000,
                        "IF i % 4 < 2 THEN INSERT INTO own VALUES (i % 4 + i % 3 * 4, i) "
                        "ON CONFLICT (id) DO UPDATE SET n = i; ELSE DELETE FROM own WHERE "
                        "id = i % 4 - 2 + i % 3 * 4; END IF");
    each_in_transaction(1000, "UPDATE own SET id = id + 100 WHERE id = (SELECT min(id) FROM own)");
    expect_backlog_arrives();
}

TEST_F(ApplyWorkers, ValuesOfASecondUniqueColumnWanderFromRowToRow) {
    on_both("CREATE TABLE seats (id int PRIMARY KEY, place int UNIQUE, at int UNIQUE, n int)");
    source().execute("INSERT INTO seats SELECT g, g, g, 0 FROM generate_series(1, 50) g");
    copy_and_stop();
    // Of two rows, through a third value: over three transactions, and within one.
    each_in_transaction(1500,
                        "UPDATE seats SET place = -1 WHERE place = i % 50 + 1; COMMIT; "
                        "UPDATE seats SET place = i % 50 + 1 WHERE place = (i + 1) % 50 + 1; "
                        "COMMIT; UPDATE seats SET place = (i + 1) % 50 + 1 WHERE place = -1; "
                        "COMMIT; UPDATE seats SET at = -1 WHERE at = i % 50 + 1; "
                        "UPDATE seats SET at = i % 50 + 1 WHERE at = (i + 3) % 50 + 1; "
                        "UPDATE seats SET at = (i + 3) % 50 + 1, n = i WHERE at = -1");
    consumer().start();
    expect_caught_up();
}

TEST_F(ApplyWorkers, TruncateKeepsItsPlace) {
    on_both("CREATE TABLE own (id int PRIMARY KEY, n int); CREATE TABLE journal (what text)");
    copy_and_stop();
    each_in_transaction(2000,
                        "INSERT INTO own VALUES (i, i); INSERT INTO journal VALUES ('j' || i); "
                        "IF i % 300 = 0 THEN TRUNCATE own; ELSIF i % 170 = 0 THEN TRUNCATE "
                        "journal, own; END IF");
    move_money(300);
    expect_right_all_along();
}

TEST_F(ApplyWorkers, RowsWithoutAKeyAreEachInsertedOnce) {
    on_both("CREATE TABLE journal (n int, what text)");
    copy_and_stop();
    move_money(2000, "INSERT INTO journal VALUES (i % 3, 'equal'), (i, 'own')");
    expect_right_all_along();
}

TEST_F(ApplyWorkers, TriggersAndForeignKeysSeeTheOrderOfTheSource) {
    on_both(
        "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (id int PRIMARY KEY, "
        "parent_id int NOT NULL REFERENCES parent ON DELETE CASCADE)");
    target().execute(
        "CREATE TABLE seen (n bigserial PRIMARY KEY, id int, children int); CREATE FUNCTION see() "
        "RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen (id, children) "
        "SELECT NEW.id, count(*) FROM public.child; RETURN NULL; END $$; "
        "CREATE TRIGGER see AFTER INSERT ON parent FOR EACH ROW EXECUTE FUNCTION see(); "
        "ALTER TABLE parent ENABLE ALWAYS TRIGGER see");
    copy_and_stop();
    each_in_transaction(1200,
                        "INSERT INTO parent VALUES (i, 'v'); INSERT INTO child VALUES "
                        "(i * 2, i), (i * 2 + 1, i)");
    each_in_transaction(600, "DELETE FROM parent WHERE id = i * 2");
    expect_backlog_arrives();
    EXPECT_EQ(target().value("SELECT count(*) FROM (SELECT *, row_number() OVER (ORDER BY n) AS "
                             "place FROM seen) s WHERE id <> place OR children <> 2 * (place - 1)"),
              "0");
    EXPECT_EQ(target().value("SELECT count(*) FROM seen"), "1200");
}

TEST_F(ApplyWorkers, AHugeTransactionInBetweenArrivesWhole) {
    on_both("CREATE TABLE huge (id int PRIMARY KEY, v text)");
    copy_and_stop();
    move_money(600);
    source().execute(
        "BEGIN; UPDATE accounts SET balance = balance - 500 WHERE id <= 50; INSERT INTO huge "
        "SELECT g, md5(g::text) FROM generate_series(1, 200000) g; UPDATE accounts SET balance = "
        "balance + 500 WHERE id > 50; COMMIT");
    move_money(600, "UPDATE huge SET v = 'changed' WHERE id = i");
    Watcher whole(target_conninfo(), "SELECT count(*) % 200000 FROM public.huge", "0");
    expect_right_all_along();
    EXPECT_EQ(whole.stop(), std::nullopt);
}

TEST_F(ApplyWorkers, KillsAtRandomMomentsLoseAndRepeatNothing) {
    on_both(
        "CREATE TABLE journal (n int); CREATE TABLE seats (id int PRIMARY KEY, place int UNIQUE)");
    copy_and_stop();
    move_money(8000,
               "INSERT INTO journal VALUES (i); INSERT INTO seats VALUES (i, -i); DELETE "
               "FROM seats WHERE id = i - 5");
    Random random(4);
    Watcher watcher(target_conninfo(), kSum, kTotal);
    for (int round = 0; round < 12; ++round) {
        consumer().start();
        if (random.chance(0.8)) wait_until_streaming();
        EXPECT_EQ(consumer().wait_exit(milliseconds(random.between(1, 400))), std::nullopt);
        consumer().kill();
    }
    consumer().start();
    expect_caught_up();
    EXPECT_EQ(watcher.stop(), std::nullopt);
}

TEST_F(ApplyWorkers, ALocalSessionThatHoldsARowOnlyDelays) {
    copy_and_stop();
    move_money(1500);
    Session local = new_target_session();
    local.execute("BEGIN; SELECT FROM accounts WHERE id = 50 FOR UPDATE");
    consumer().clear_log();
    consumer().start();
    wait_for_waiting_session();
    EXPECT_EQ(consumer().wait_exit(seconds(3)), std::nullopt) << "the consumer ended";
    local.execute("COMMIT");
    expect_caught_up();
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
}

// The local session looks for deadlocks so late that the consumer's session is the one that is
// ended.
TEST_F(ApplyWorkers, ADeadlockWithALocalSessionIsTriedAgain) {
    copy_and_stop();
    source().execute("UPDATE accounts SET balance = balance + 1");
    target().execute("ALTER DATABASE " + target_database() + " SET deadlock_timeout = '3s'");
    Session local(target_conninfo() + " options='-c deadlock_timeout=60s'");
    local.execute("BEGIN; UPDATE accounts SET balance = balance WHERE id = 90");
    consumer().start();
    wait_for_waiting_session();
    local.send("UPDATE accounts SET balance = balance WHERE id = 3; COMMIT");
    catch_up();
    local.finish();
    EXPECT_TRUE(contains(consumer().log(), "deadlock detected"));
    EXPECT_TRUE(contains(consumer().log(), "trying again"));
    expect_equal();
}

// The first transaction waits for the local session, which waits for the second one, which waits
// for its turn to commit: the last of these the server cannot see.
TEST_F(ApplyWorkers, ADeadlockThroughTheOrderOfCommitsIsResolved) {
    consumer().set("grouping", "false");
    copy_and_stop();
    source().execute("UPDATE accounts SET balance = balance WHERE id = 1");
    for (int id = 2; id <= 8; ++id) {
        source().execute("UPDATE accounts SET balance = balance WHERE id = " + std::to_string(id));
    }
    Session local = new_target_session();
    local.execute("BEGIN; UPDATE accounts SET balance = balance WHERE id = 1");
    consumer().start();
    wait_for_waiting_session();
    wait_until("the second transaction has its row", seconds(20), [this] {
        return target().number(
                   "SELECT count(*) FROM (SELECT FROM accounts WHERE id = 2 FOR "
                   "UPDATE SKIP LOCKED) free") == 0;
    });
    local.send("UPDATE accounts SET balance = balance WHERE id = 2; COMMIT");
    const bool is_resolved = catches_up(seconds(40));
    EXPECT_TRUE(is_resolved) << "all three wait for ever";
    if (!is_resolved) local.disconnect();
    try {
        local.finish();
    } catch (const SqlError& error) {
        EXPECT_EQ(error.sqlstate(), "40P01");  // the local session may be the one that is ended
    }
    expect_caught_up();
}

}  // namespace
}  // namespace walpack::e2e
