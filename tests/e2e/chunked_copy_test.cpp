// Copy and stream side by side: many tiny chunks, sessions that move rows among them, and faults.
#include "chunked_copy_scenario.h"
#include "support/writers.h"

namespace walpack::e2e {
namespace {

TEST_F(ChunkedCopy, RowsThatMoveAmongChunksArriveOnce) {
    consumer().set("copy_rate_limit", "\"1500kB\"");
    RowMovers movers(source_conninfo(), kTables, kRows);
    wait_until("rows move", seconds(10), [&] { return movers.committed() > 50; });
    consumer().init();
    consumer().start();
    wait_until_copied();
    EXPECT_EQ(movers.stop(), "");
    catch_up();
    expect_equal();
    EXPECT_EQ(target().number("SELECT count(*) FROM walpack.copy_chunk"), 0);
    std::printf("%lld transactions\n", static_cast<long long>(movers.committed()));
}

TEST_F(ChunkedCopy, KillsLoseAndRepeatNoChange) {
    consumer().set("copy_rate_limit", "\"1MB\"");
    Random random(7);
    RowMovers movers(source_conninfo(), kTables, kRows);
    consumer().init();
    consumer().start();
    int kills = 0;
    while (kills < 12) {
        const auto ended = consumer().wait_exit(milliseconds(random.between(50, 900)));
        ASSERT_FALSE(ended.has_value()) << consumer().log();
        consumer().kill();
        ++kills;
        consumer().start();
    }
    wait_until_copied();
    EXPECT_EQ(movers.stop(), "");
    catch_up();
    expect_equal();
}

TEST_F(ChunkedCopy, ServersThatCrashLoseAndRepeatNoChange) {
    consumer().set("copy_rate_limit", "\"800kB\"");
    Random random(8);
    RowMovers movers(source_conninfo(), kTables, kRows);
    consumer().init();
    consumer().start();
    for (int round = 0; round < 3; ++round) {
        std::this_thread::sleep_for(milliseconds(random.between(200, 1500)));
        Cluster& cluster = random.chance(0.5) ? source_cluster() : target_cluster();
        cluster.crash();
        cluster.start();
    }
    wait_until_copied(seconds(120));
    EXPECT_EQ(movers.stop(), "");
    source().execute("SELECT 1");  // connects again
    catch_up();
    expect_equal();
}

// Commits that wait for no disk are seen by snapshots before they are on it.
TEST_F(ChunkedCopy, NoChunkHasSeenWhatACrashOfTheSourceLoses) {
    Session settings(source_cluster().conninfo("postgres"));
    settings.execute("ALTER SYSTEM SET wal_writer_delay = '10s'");
    settings.execute("SELECT pg_reload_conf()");
    consumer().set("copy_rate_limit", "\"800kB\"");
    consumer().init();
    consumer().start();
    std::atomic<bool> is_enough{false};
    std::thread writer([&] {
        Session session(source_conninfo());
        session.execute("SET synchronous_commit = off");
        while (!is_enough &&
               session.try_execute("UPDATE by_int SET n = n + 1 WHERE id = 10 * (1 + random() * "
                                   "3998)::int")) {
            std::this_thread::sleep_for(milliseconds(5));
        }
    });
    wait_until("chunks are loaded", seconds(30),
               [&] { return count_loaded_chunks(target()) >= 12; });
    source_cluster().crash();
    is_enough = true;
    writer.join();
    const std::string seen = target().value(
        "SELECT max(settled_lsn) FROM walpack.copy_chunk WHERE loaded_at IS NOT NULL");
    source_cluster().start();
    // The checkpoint at the end of recovery.
    EXPECT_EQ(source().value("SELECT " + literal(seen) +
                             "::pg_lsn <= redo_lsn FROM pg_control_checkpoint()"),
              "t")
        << seen;
    Session again(source_cluster().conninfo("postgres"));
    again.execute("ALTER SYSTEM RESET wal_writer_delay");
    again.execute("SELECT pg_reload_conf()");
    wait_until_copied();
    catch_up();
    expect_equal();
}

// Also of a table that is read whole: its snapshot, or a part that another session reads under it.
TEST_F(ChunkedCopy, LostSessionsOfWorkersLoseAndRepeatNoChange) {
    constexpr const char* kEndOne =
        "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity "
        "WHERE application_name = 'walpack_copy' AND state <> 'idle' ORDER BY random() LIMIT 1) s";
    consumer().set("copy_rate_limit", "\"1500kB\"");
    Random random(9);
    RowMovers movers(source_conninfo(), kTables, kRows);
    consumer().init();
    consumer().start();
    wait_until("the copy is under way", seconds(20),
               [&] { return count_loaded_chunks(target()) >= 1; });
    std::int64_t ended = 0;
    for (int round = 0; round < 12; ++round) {
        std::this_thread::sleep_for(milliseconds(random.between(20, 200)));
        ended += (random.chance(0.5) ? source() : target()).number(kEndOne);
    }
    EXPECT_GT(ended, 0);
    wait_until_copied();
    EXPECT_EQ(movers.stop(), "");
    catch_up();
    expect_equal();
}

TEST_F(ChunkedCopy, ATableIsCopiedAgainAmidItsCopy) {
    consumer().set("copy_rate_limit", "\"700kB\"");
    RowMovers movers(source_conninfo(), kTables, kRows);
    consumer().init();
    consumer().start();
    wait_until("the copy is under way", seconds(20),
               [&] { return count_loaded_chunks(target()) >= 2; });
    for (const char* table : {"public.by_int", "public.keyless"}) {
        const Finished again = consumer().command("recopy", {table});
        EXPECT_EQ(again.status, 0) << again.output;
    }
    wait_until_copied(seconds(60));
    EXPECT_EQ(movers.stop(), "");
    catch_up();
    expect_equal();
}

// A transaction whose commit is in the WAL and read, but which no snapshot sees yet, as its backend
// waits for a synchronous standby.
TEST_F(ChunkedCopy, WhatIsDecodedBeforeItIsVisibleIsNotLost) {
    consumer().set("copy_rate_limit", "\"700kB\"");
    consumer().init();
    consumer().start();
    wait_until("chunks are loaded", seconds(20),
               [&] { return count_loaded_chunks(target()) >= 3; });
    Session settings = new_source_session();
    settings.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    settings.execute("SELECT pg_reload_conf()");
    std::vector<std::thread> waiting;
    for (int i = 0; i < 8; ++i) {
        waiting.emplace_back([this, i] {
            Session session = new_source_session();
            const std::string third = std::to_string(i);
            session.execute(
                "BEGIN; SET LOCAL synchronous_commit = on; UPDATE by_int SET n = -n - 1 "
                "WHERE id % 80 = " +
                third + "0; UPDATE keyless SET n = -n - 1 WHERE id % 8 = " + third + "; COMMIT");
        });
    }
    std::this_thread::sleep_for(milliseconds(1500));
    settings.execute("ALTER SYSTEM RESET synchronous_standby_names");
    settings.execute("SELECT pg_reload_conf()");
    for (std::thread& thread : waiting) thread.join();
    catch_up();
    expect_equal();
}

// As beside a standby that commits wait for: what was decoded is never all visible, while the
// stream goes on.
TEST_F(ChunkedCopy, CommitsThatAreSeenLateDoNotKeepItFromEnding) {
    consumer().set("copy_chunk_bytes", "\"256kB\"");
    Session settings = new_source_session();
    const auto reload = [&settings](const std::string& setting) {
        settings.execute("ALTER SYSTEM " + setting);
        settings.execute("SELECT pg_reload_conf()");
    };
    std::atomic<bool> is_stopping{false};
    std::thread standby([&] {
        while (!is_stopping) {
            reload("SET synchronous_standby_names = 'nobody'");
            std::this_thread::sleep_for(milliseconds(400));
            reload("RESET synchronous_standby_names");
            std::this_thread::sleep_for(milliseconds(2));
        }
    });
    Writers writers(source_conninfo(), 6, [](Random& random) {
        return "SET LOCAL synchronous_commit = on; UPDATE by_int SET n = n + 1 WHERE id = " +
               std::to_string(random.between(1, kRows) * 10);
    });
    consumer().init();
    consumer().start();
    const bool is_copied = holds_within(seconds(60), [&] {
        return target().value("SELECT copy_complete FROM walpack.progress") == "t";
    });
    is_stopping = true;
    standby.join();
    EXPECT_EQ(writers.stop(), "");
    ASSERT_TRUE(is_copied);
    catch_up();
    expect_equal();
}

TEST_F(ChunkedCopy, ATableIsCopiedAgainBesideTheOthers) {
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().init();
    consumer().start();
    catch_up();
    target().execute("DELETE FROM by_int WHERE id % 3 = 0; UPDATE by_int SET n = 0");
    for (const char* table : {"public.by_int", "public.keyless"}) {
        const Finished again = consumer().command("recopy", {table});
        EXPECT_EQ(again.status, 0) << again.output;
    }
    // Until then a change may meet a row that is not there.
    wait_until("the request is taken up", seconds(20), [&] {
        return target().value(
                   "SELECT count(*) FROM walpack.copy_table WHERE state = 'requested'") == "0";
    });
    RowMovers movers(source_conninfo(), kTables, kRows);
    wait_until("the copy goes on", seconds(20), [&] {
        return target().value("SELECT count(*) FROM walpack.copy_table WHERE state <> 'ready'") ==
               "0";
    });
    EXPECT_EQ(movers.stop(), "");
    catch_up();
    expect_equal();
}

TEST_F(ChunkedCopy, ATableThatIsPublishedLaterIsCopied) {
    on_both("CREATE TABLE late (id int PRIMARY KEY, n int)");
    source().execute("INSERT INTO late SELECT g, g FROM generate_series(1, 5000) g");
    consumer().set("tables", "[\"public.by_int\", \"public.mark\"]");
    consumer().init();
    consumer().start();
    catch_up();
    source().execute("ALTER PUBLICATION " + slot() + " ADD TABLE late");
    source().execute("UPDATE late SET n = n + 1 WHERE id <= 10; INSERT INTO late VALUES (9000, 1)");
    wait_until("the new table is there", seconds(30),
               [&] { return target().number("SELECT count(*) FROM late") == 5001; });
    source().execute("DELETE FROM late WHERE id = 5; UPDATE late SET n = 7 WHERE id = 6");
    wait_until("the new table is ready", seconds(30), [&] {
        return target().value("SELECT state FROM walpack.copy_table WHERE table_name = 'late'") ==
               "ready";
    });
    catch_up();
    EXPECT_EQ(target().value("SELECT sum(n) FROM late"), source().value("SELECT sum(n) FROM late"));
}

// A foreign key forbids to truncate one of the two alone.
TEST_F(ChunkedCopy, ATruncateOfTablesThatReferToOneAnotherMayMeetOnlyOneOfThem) {
    on_both(
        "CREATE TABLE a_parent (id int PRIMARY KEY); CREATE TABLE b_child (id int PRIMARY KEY, "
        "p int REFERENCES a_parent, v text)");
    source().execute(
        "INSERT INTO a_parent SELECT generate_series(1, 100); "
        "INSERT INTO b_child SELECT g, g % 100 + 1, repeat('c', 100) FROM generate_series(1, "
        "20000) "
        "g; "
        "ANALYZE");
    consumer().set("copy_rate_limit", "\"500kB\"");
    consumer().set("copy_workers", "1");
    consumer().init();
    consumer().start();
    wait_until("some of the child is there", seconds(30), [&] {
        const std::int64_t rows = target().number("SELECT count(*) FROM b_child");
        return target().number("SELECT count(*) FROM a_parent") == 100 && rows > 0 && rows < 20000;
    });
    source().execute(
        "TRUNCATE a_parent, b_child; INSERT INTO a_parent VALUES (7); "
        "INSERT INTO b_child VALUES (1, 7, 'new')");
    consumer().set("copy_rate_limit", "0");
    consumer().kill();
    consumer().start();
    wait_until_copied();
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
