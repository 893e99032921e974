// The main job: the rows of a live database, and everything committed to it since, arrive.
#include <atomic>
#include <thread>

#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class FirstLight : public Scenario {};

constexpr const char* kAccounts =
    "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, note text)";

TEST_F(FirstLight, InsertsUpdatesDeletesAndTruncatesArrive) {
    on_both(kAccounts);
    on_both("CREATE TABLE log_a (id serial PRIMARY KEY, t text); CREATE TABLE log_b (id int)");
    source().execute("INSERT INTO accounts SELECT g, g, 'n' || g FROM generate_series(1, 100) g");
    consumer().init();
    consumer().start();
    wait_until_streaming();
    source().execute("INSERT INTO accounts VALUES (1001, 5, NULL), (1002, 6, '')");
    source().execute("UPDATE accounts SET balance = -balance WHERE id % 3 = 0");
    source().execute("UPDATE accounts SET id = id + 5000 WHERE id % 10 = 1");
    source().execute("DELETE FROM accounts WHERE id % 7 = 0");
    source().execute("INSERT INTO log_a (t) VALUES ('gone'); INSERT INTO log_b VALUES (1)");
    source().execute("TRUNCATE log_a, log_b RESTART IDENTITY; INSERT INTO log_a (t) VALUES ('x')");
    catch_up();
    expect_equal();
    EXPECT_EQ(target().value("SELECT id || t FROM log_a"), "1x");
    EXPECT_EQ(target().value("SELECT count(*) FROM log_b"), "0");
    EXPECT_EQ(consumer().terminate(), 0);
}

TEST_F(FirstLight, InitialCopyHandsOverToTheStreamUnderWrites) {
    on_both(kAccounts);
    source().execute(
        "INSERT INTO accounts SELECT g, 100, repeat('x', 100) FROM generate_series(1, 20000) g");
    consumer().init();
    std::atomic<bool> is_stopping{false};
    const auto write = [&](int worker) {
        Session session = new_source_session();
        for (int i = 0; !is_stopping; ++i) {
            const std::string id = std::to_string(1'000'000 * (worker + 1) + i);
            const std::string old = std::to_string((i * 37 + worker) % 20000 + 1);
            session.execute("INSERT INTO accounts VALUES (" + id + ", 0, 'new')");
            session.execute("UPDATE accounts SET balance = balance + 1 WHERE id = " + old);
            if (i % 3 == 0) session.execute("DELETE FROM accounts WHERE id = " + id);
        }
    };
    std::thread first(write, 0);
    std::thread second(write, 1);
    consumer().start();
    EXPECT_TRUE(catches_up(seconds(30)));
    is_stopping = true;
    first.join();
    second.join();
    catch_up();
    expect_equal();
}

TEST_F(FirstLight, CopyGoesOnWhereItWasKilled) {
    on_both(kAccounts);
    source().execute(
        "INSERT INTO accounts SELECT g, 1, repeat('x', 200) FROM generate_series(1, 100000) g; "
        "ANALYZE accounts");
    consumer().set("copy_chunk_bytes", "\"1MB\"");
    consumer().set("copy_rate_limit", "\"10MB\"");
    consumer().init();
    consumer().start();
    const auto loaded = [&] {
        return target().number(
            "SELECT count(*) FROM walpack.copy_chunk WHERE snapshot IS NOT NULL");
    };
    wait_until("some chunks are loaded", seconds(20), [&] {
        return target().value("SELECT to_regclass('walpack.copy_chunk')") != "" && loaded() >= 3;
    });
    consumer().kill();
    const std::int64_t before = loaded();
    const std::string first = "SELECT min(loaded_at) FROM walpack.copy_chunk";
    const std::string loaded_at = target().value(first);
    EXPECT_LT(target().number("SELECT count(*) FROM accounts"), 100000);
    consumer().set("copy_rate_limit", "0");
    consumer().start();
    wait_until("the copy goes on", seconds(20), [&] { return loaded() != before; });
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.copy_table WHERE state = 'ready' AND "
                             "table_name = 'accounts'") == "1" ||
                  target().value(first) == loaded_at,
              true)
        << "what was loaded is loaded again";
    catch_up();
    expect_equal();
}

// TRUNCATE is not MVCC-safe: an older snapshot sees an empty table, while the stream still holds
// changes of the rows that were in it.
TEST_F(FirstLight, ATruncateBesideTheCopyLeavesNoGap) {
    on_both("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE z (id int PRIMARY KEY)");
    source().execute("INSERT INTO a VALUES (1); INSERT INTO z SELECT generate_series(1, 9)");
    Session blocker = new_target_session();
    blocker.execute("BEGIN; LOCK TABLE a IN SHARE MODE");  // may be read, not written
    consumer().init();
    consumer().start();
    wait_until("the copy waits for its first table", seconds(20), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
                   "'Lock' AND datname = current_database()") > 0;
    });
    source().execute("DELETE FROM z WHERE id = 1");
    Session truncating = new_source_session();
    truncating.send("TRUNCATE z");
    wait_until("the truncate is done or waits", seconds(20), [&] {
        return source().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE query = 'TRUNCATE z' "
                   "AND (state = 'idle' OR wait_event_type = 'Lock')") == 1;
    });
    blocker.execute("ROLLBACK");
    truncating.finish();
    source().execute("INSERT INTO z VALUES (20)");
    catch_up();
    expect_equal();
}

TEST_F(FirstLight, TransactionsArriveWholeAndInOrder) {
    on_both(kAccounts);
    source().execute("INSERT INTO accounts SELECT g, 100, NULL FROM generate_series(1, 50) g");
    consumer().init();
    consumer().start();
    wait_until_copied();
    Watcher watcher(target_conninfo(), "SELECT sum(balance) FROM accounts", "5000");
    for (int i = 0; i < 300; ++i) {
        const std::string from = std::to_string(i % 50 + 1);
        const std::string to = std::to_string(i * 7 % 50 + 1);
        source().execute("BEGIN; UPDATE accounts SET balance = balance - 7 WHERE id = " + from +
                         "; UPDATE accounts SET balance = balance + 7 WHERE id = " + to +
                         "; COMMIT");
    }
    catch_up();
    EXPECT_EQ(watcher.stop(), std::nullopt);
    EXPECT_GT(watcher.times_right(), 0);
    expect_equal();
}

TEST_F(FirstLight, RolledBackAndUnpublishedWorkLeavesNothing) {
    on_both(kAccounts);
    source().execute("CREATE TABLE other (id int)");
    consumer().set("tables", "[\"public.accounts\", \"public.mark\"]");
    consumer().init();
    consumer().start();
    wait_until_streaming();
    source().execute("BEGIN; INSERT INTO accounts VALUES (1, 1, 'lost'); ROLLBACK");
    source().execute(
        "BEGIN; INSERT INTO accounts VALUES (2, 2, 'kept'); SAVEPOINT s; "
        "INSERT INTO accounts VALUES (3, 3, 'lost'); UPDATE accounts SET note = 'lost'; "
        "ROLLBACK TO s; INSERT INTO accounts VALUES (4, 4, 'kept'); COMMIT");
    source().execute("INSERT INTO other VALUES (1)");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id || note, ' ' ORDER BY id) FROM accounts"),
              "2kept 4kept");
}

}  // namespace
}  // namespace walpack::e2e
