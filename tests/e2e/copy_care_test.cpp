// The copy is careful with the source and with what was copied already: rows may be read from a
// standby, snapshots stay young, and what breaks costs no more than the chunk it was in.
#include <thread>

#include "copy_care_scenario.h"

namespace walpack::e2e {
namespace {

class CopyCare : public CopyCareScenario {
  protected:
    // Table u is described and not read yet, as another one is being loaded.
    void start_with_a_table_that_waits() {
        on_both("CREATE TABLE u (id int PRIMARY KEY, v text)");
        source().execute("INSERT INTO u SELECT g, 'v' FROM generate_series(1, 100) g");
        consumer().set("copy_workers", "1");
        consumer().set("copy_rate_limit", "\"1MB\"");
        consumer().init();
        consumer().start();
        wait_until("another table is being loaded", seconds(20), [&] {
            return count_loaded_chunks(target(), "keyless") + count_loaded_chunks(target(), "t") >=
                   1;
        });
    }

    std::int64_t end_copy_sessions(Session& session) {
        return session.number(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = "
            "current_database() AND application_name LIKE 'walpack\\_copy%' "
            "AND backend_type = 'client backend'");
    }
};

TEST_F(CopyCare, ALostConnectionRepeatsOnlyItsChunk) {
    source().execute("DROP TABLE keyless");
    consumer().set("copy_rate_limit", "\"1MB\"");
    Writers writers(source_conninfo(), 2, [](Random& random) {
        return "UPDATE t SET n = n + 1 WHERE id = " + std::to_string(random.between(1, kRows));
    });
    consumer().init();
    consumer().start();
    std::int64_t ended = 0;
    for (Session* session : {&source(), &target(), &source(), &target()}) {
        const std::int64_t before = count_loaded_chunks(target(), "t");
        wait_until("chunks are loaded", seconds(20),
                   [&] { return count_loaded_chunks(target(), "t") >= before + 2; });
        target().execute(
            "DROP TABLE IF EXISTS pg_temp.loaded; CREATE TEMP TABLE loaded AS SELECT table_oid, "
            "chunk, loaded_at FROM walpack.copy_chunk WHERE loaded_at IS NOT NULL");
        ended += end_copy_sessions(*session);
        wait_until("the copy goes on", seconds(20),
                   [&] { return count_loaded_chunks(target(), "t") >= before + 4; });
        EXPECT_EQ(target().value("SELECT count(*) FROM loaded l JOIN walpack.copy_chunk c USING "
                                 "(table_oid, chunk) WHERE c.loaded_at IS DISTINCT FROM "
                                 "l.loaded_at"),
                  "0");
    }
    EXPECT_GE(ended, 4);
    EXPECT_TRUE(contains(consumer().log(), "the copy tries again"));
    wait_until_copied();
    EXPECT_EQ(writers.stop(), "");
    catch_up();
    expect_equal();
}

TEST_F(CopyCare, AKillRepeatsOnlyUnfinishedChunks) {
    source().execute("DROP TABLE keyless");
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().init();
    consumer().start();
    for (int round = 0; round < 3; ++round) {
        const std::int64_t before = count_loaded_chunks(target(), "t");
        wait_until("chunks are loaded", seconds(20),
                   [&] { return count_loaded_chunks(target(), "t") >= before + 2; });
        consumer().kill();
        target().execute(
            "DROP TABLE IF EXISTS pg_temp.loaded; CREATE TEMP TABLE loaded AS SELECT table_oid, "
            "chunk, loaded_at FROM walpack.copy_chunk WHERE loaded_at IS NOT NULL");
        consumer().start();
        wait_until("the copy goes on", seconds(20), [&] {
            return count_loaded_chunks(target(), "t") >
                   target().number("SELECT count(*) FROM loaded");
        });
        EXPECT_EQ(target().value("SELECT count(*) FROM loaded l JOIN walpack.copy_chunk c USING "
                                 "(table_oid, chunk) WHERE c.loaded_at IS DISTINCT FROM "
                                 "l.loaded_at"),
                  "0");
    }
    wait_until_copied();
    catch_up();
    expect_equal();
}

TEST_F(CopyCare, ALostConnectionBeginsATableWithoutKeyAgain) {
    consumer().set("copy_rate_limit", "\"300kB\"");
    source().execute("TRUNCATE t");
    Writers writers(source_conninfo(), 1, change);
    consumer().init();
    consumer().start();
    for (Session* session : {&source(), &target()}) {
        wait_until("a part is loaded", seconds(20),
                   [&] { return count_loaded_chunks(target(), "keyless") >= 1; });
        EXPECT_GE(end_copy_sessions(*session), 1);
        wait_until("what was loaded is gone", seconds(20),
                   [&] { return count_loaded_chunks(target(), "keyless") == 0; });
    }
    wait_until_copied();
    EXPECT_EQ(writers.stop(), "");
    catch_up();
    expect_equal();
}

// Between the moment in which the copy looks at a table and its first read.
TEST_F(CopyCare, ATableAlteredBeforeItsFirstReadIsReadAsItIs) {
    start_with_a_table_that_waits();
    target().execute("ALTER TABLE u ADD n int DEFAULT 5");
    source().execute("ALTER TABLE u ADD n int DEFAULT 5");
    source().execute("UPDATE u SET n = id WHERE id % 2 = 0; INSERT INTO u VALUES (101, 'w', 8)");
    EXPECT_EQ(count_loaded_chunks(target(), "u"), 0);
    wait_until_copied(seconds(60));
    catch_up();
    expect_equal();
}

// Rows cannot be read as they are described, nor described so that the target takes them.
TEST_F(CopyCare, ATableAlteredAtTheSourceAloneIsNamed) {
    start_with_a_table_that_waits();
    source().execute("ALTER TABLE u ADD n int DEFAULT 5");
    EXPECT_TRUE(contains(expect_refusal(seconds(30)), "public.u: column \"n\""));
    target().execute("ALTER TABLE u ADD n int DEFAULT 5");
    consumer().start();
    wait_until_copied();
    catch_up();
    expect_equal();
}

TEST_F(CopyCare, RowsOfAnotherTableThatTookTheNameAreNotTakenForItsOwn) {
    source().execute(
        "DROP TABLE keyless; CREATE TABLE other (LIKE t INCLUDING ALL); "
        "INSERT INTO other SELECT id, 7, v FROM t");
    consumer().set("tables", "[\"public.t\"]");
    consumer().set("copy_workers", "1");
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().init();
    consumer().start();
    wait_until("a chunk is loaded", seconds(20),
               [&] { return count_loaded_chunks(target(), "t") > 0; });
    source().execute(
        "BEGIN; ALTER TABLE t RENAME TO before; ALTER TABLE other RENAME TO t; COMMIT");
    EXPECT_TRUE(contains(expect_refusal(seconds(30)),
                         "public.before: the table does not exist on the target"));
    EXPECT_EQ(target().value("SELECT count(*) FROM t WHERE n = 7"), "0");
    target().execute("ALTER TABLE t RENAME TO before");
    consumer().start();
    wait_until_copied();
    EXPECT_EQ(target().number("SELECT count(*) FROM before WHERE n = 0"), kRows);
}

TEST_F(CopyCare, TimeLimitsOfRolesAndDatabasesDoNotBreakIt) {
    consumer().set("copy_rate_limit", "\"700kB\"");
    consumer().set("copy_chunk_bytes", "\"64MB\"");
    consumer().init();
    const auto limit = [](const std::string& database) {
        std::string sql;
        for (const char* setting : {"statement_timeout", "lock_timeout", "idle_session_timeout",
                                    "idle_in_transaction_session_timeout"})
            sql += "ALTER DATABASE " + database + " SET " + setting + " = '300ms'; ";
        return sql;
    };
    source().execute(limit(source_database()));
    target().execute(limit(target_database()));
    Writers writers(source_conninfo() + " options='-c idle_session_timeout=0'", 1, change);
    consumer().start();
    wait_until_copied();
    EXPECT_EQ(writers.stop(), "");
    catch_up();
    expect_equal();
    EXPECT_FALSE(contains(consumer().log(), " timeout"));
    EXPECT_FALSE(contains(consumer().log(), "tries again"));
}

TEST_F(CopyCare, ChunksThatTakeTooLongAreCut) {
    consumer().set("copy_chunk_bytes", "\"64MB\"");
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().set("snapshot_age_max", "\"1s\"");
    Writers writers(source_conninfo(), 2, change);
    consumer().init();
    consumer().start();
    double oldest = 0;
    std::int64_t chunks = 0;
    wait_until("the copy is complete", seconds(90), [&] {
        if (consumer().has_given_up()) throw std::runtime_error("the consumer has given up");
        const std::string age = source().value(
            "SELECT max(date_part('epoch', clock_timestamp() - xact_start)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'walpack_copy_" +
            pipeline() + "' AND query LIKE '%FROM ONLY \"public\".\"t\"%'");
        if (!age.empty()) oldest = std::max(oldest, std::stod(age));
        if (target().value("SELECT to_regclass('walpack.copy_chunk')").empty()) return false;
        chunks = std::max(chunks, target().number("SELECT count(*) FROM walpack.copy_chunk"));
        return target().value("SELECT copy_complete FROM walpack.progress") == "t";
    });
    EXPECT_EQ(writers.stop(), "");
    EXPECT_GT(oldest, 0.5);
    EXPECT_LT(oldest, 2.5);
    EXPECT_GE(chunks, 6);
    EXPECT_TRUE(contains(consumer().log(), "so it is cut"));
    catch_up();
    expect_equal();
}

// What was cut is found again by a consumer that was killed.
TEST_F(CopyCare, WhatWasCutIsKnownAfterAKill) {
    consumer().set("copy_chunk_bytes", "\"64MB\"");
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().set("snapshot_age_max", "\"1s\"");
    Writers writers(source_conninfo(), 2, change);
    consumer().init();
    consumer().start();
    for (const int chunks : {3, 5, 7}) {
        wait_until("chunks are cut", seconds(60), [&] {
            return !target().value("SELECT to_regclass('walpack.copy_chunk')").empty() &&
                   target().number(
                       "SELECT count(*) FROM walpack.copy_chunk WHERE key_from IS NOT "
                       "NULL OR key_to IS NOT NULL") >= chunks;
        });
        consumer().kill();
        consumer().start();
    }
    wait_until_copied(seconds(90));
    EXPECT_EQ(writers.stop(), "");
    catch_up();
    expect_equal();
}

TEST_F(CopyCare, ATableThatCannotBeCutIsNamed) {
    source().execute("TRUNCATE t");
    consumer().set("copy_rate_limit", "\"300kB\"");
    consumer().set("snapshot_age_max", "\"1s\"");
    consumer().init();
    consumer().start();
    wait_until("its age is told", seconds(30), [&] {
        return consumer().log().find("the table cannot be cut further") != std::string::npos;
    });
    EXPECT_TRUE(contains(consumer().log(), "under which public.keyless is read"));
    const std::string json = consumer().command("status", {"--json"}).output;
    EXPECT_FALSE(contains(json, "\"oldest_snapshot_seconds\":null"));
    EXPECT_TRUE(contains(consumer().command("status").output, "the oldest is"));
    wait_until_copied();
    catch_up();
    expect_equal();
    EXPECT_TRUE(contains(consumer().command("status", {"--json"}).output,
                         "\"oldest_snapshot_seconds\":null"));
}

TEST_F(CopyCare, AServerThatCrashesRepeatsOnlyUnfinishedChunks) {
    source().execute("DROP TABLE keyless");
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().init();
    consumer().start();
    constexpr const char* kLoaded =
        "(SELECT array_agg(chunk || ' at ' || loaded_at) FROM walpack.copy_chunk "
        "JOIN walpack.copy_table USING (pipeline, table_oid) "
        "WHERE table_name = 't' AND loaded_at IS NOT NULL)";
    for (Cluster* cluster : {&target_cluster(), &source_cluster()}) {
        const std::int64_t before = count_loaded_chunks(target(), "t");
        wait_until("chunks are loaded", seconds(20),
                   [&] { return count_loaded_chunks(target(), "t") >= before + 3; });
        const std::string loaded = target().value(std::string("SELECT ") + kLoaded);
        cluster->crash();
        cluster->start();
        wait_until("the copy goes on", seconds(30), [&] {
            return target().try_execute("SELECT 1") &&
                   count_loaded_chunks(target(), "t") >= before + 5;
        });
        EXPECT_EQ(target().value("SELECT " + literal(loaded) + "::text[] <@ " + kLoaded), "t");
    }
    wait_until_copied();
    EXPECT_TRUE(source().try_execute("SELECT 1") || source().try_execute("SELECT 1"));
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
