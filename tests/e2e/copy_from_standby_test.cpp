// Rows are read from a standby of the source.
#include <thread>

#include "copy/taken_snapshot.h"
#include "copy_care_scenario.h"
#include "support/proxy.h"

namespace walpack::e2e {
namespace {

class CopyFromStandby : public CopyCareScenario {};

TEST_F(CopyFromStandby, AStandbyThatLagsIsWaitedFor) {
    const Cluster standby("standby", source_cluster());
    Session at_standby(standby.conninfo(source_database()));
    consumer().set("copy_from", toml_text(standby.conninfo(source_database())));
    consumer().init();
    wait_until("the standby has the tables as they are", seconds(20), [&] {
        return at_standby.value("SELECT pg_last_wal_replay_lsn() >= " +
                                literal(source().value("SELECT pg_current_wal_lsn()"))) == "t";
    });
    at_standby.execute("SELECT pg_wal_replay_pause()");
    source().execute("UPDATE t SET n = n + 1 WHERE id % 2 = 0; DELETE FROM keyless WHERE id < 50");
    consumer().start();
    wait_until_streaming();
    std::this_thread::sleep_for(seconds(2));
    EXPECT_EQ(count_loaded_chunks(target()), 0);
    at_standby.execute("SELECT pg_wal_replay_resume()");
    wait_until_copied();
    catch_up();
    expect_equal();
}

// It never has what the stream has brought last.
TEST_F(CopyFromStandby, OneThatIsSecondsBehindIsReadWhileItsTablesAreWritten) {
    const Cluster standby("standby", source_cluster());
    Session at_standby(standby.conninfo(source_database()));
    at_standby.execute("ALTER SYSTEM SET recovery_min_apply_delay = '4s'");
    at_standby.execute("SELECT pg_reload_conf()");
    consumer().set("copy_from", toml_text(standby.conninfo(source_database())));
    consumer().set("copy_chunk_bytes", "\"1MB\"");
    consumer().init();
    Writers writers(source_conninfo(), 3, change);
    consumer().start();
    wait_until("it is copied", seconds(90),
               [&] { return target().value("SELECT copy_complete FROM walpack.progress") == "t"; });
    EXPECT_EQ(writers.stop(), "");
    EXPECT_GT(writers.committed(), 100);
    catch_up();
    expect_equal();
}

// It rests before a commit, which may be visible or not: it is asked about that.
TEST_F(CopyFromStandby, OneThatIsSecondsBehindIsReadThoughEachCommitWritesTheSameTable) {
    on_both("CREATE TABLE busy (id int, v text)");
    source().execute("INSERT INTO busy SELECT g, repeat('b', 200) FROM generate_series(1, 5000) g");
    const Cluster standby("standby", source_cluster());
    Session at_standby(standby.conninfo(source_database()));
    at_standby.execute("ALTER SYSTEM SET recovery_min_apply_delay = '2s'");
    at_standby.execute("SELECT pg_reload_conf()");
    consumer().set("copy_from", toml_text(standby.conninfo(source_database())));
    consumer().set("tables", R"(["public.busy", "public.mark"])");
    consumer().init();
    Writers writers(source_conninfo(), 1, [](Random& random) {
        return "INSERT INTO busy VALUES (" + std::to_string(random.between(1, kRows)) + ", 'new')";
    });
    consumer().start();
    wait_until("it is copied", seconds(60),
               [&] { return target().value("SELECT copy_complete FROM walpack.progress") == "t"; });
    EXPECT_EQ(writers.stop(), "");
    EXPECT_GT(writers.committed(), 100);
    source().execute("DROP TABLE t, keyless");
    target().execute("DROP TABLE t, keyless");
    catch_up();
    expect_equal();
}

TEST_F(CopyFromStandby, WhatASnapshotCertainlyDoesNotSeeIsFoundOut) {
    const Cluster standby("standby", source_cluster());
    Session at_standby(standby.conninfo(source_database()));
    const auto replay = [&] {
        wait_until("the standby has replayed it", seconds(20), [&] {
            return at_standby.value("SELECT pg_last_wal_replay_lsn() >= " +
                                    literal(source().value("SELECT pg_current_wal_lsn()"))) == "t";
        });
    };
    Session running(source_conninfo());
    running.execute("BEGIN; INSERT INTO keyless VALUES (0, 0, '')");
    const std::string xid = running.value("SELECT pg_current_xact_id()::xid");
    source().execute("INSERT INTO keyless VALUES (0, 0, '')");  // behind it
    replay();
    const StopRequest stop;
    Connection reading(Conninfo::parse(standby.conninfo(source_database())), stop, "test");
    std::optional<TakenSnapshot> taken;
    wait_until("nothing is replayed meanwhile", seconds(20), [&] {
        if (taken) return true;
        taken = begin_with_snapshot(reading, "");
        if (!taken) reading.execute("ROLLBACK");
        return taken.has_value();
    });
    const auto number = static_cast<std::uint32_t>(std::stoul(xid));
    EXPECT_TRUE(taken->outline.sees(number, Lsn{})) << "a standby does not list what is running";
    EXPECT_TRUE(is_certainly_unseen(reading, *taken, number));
    EXPECT_TRUE(is_certainly_unseen(reading, *taken, number + 1000)) << "it begins later";

    running.execute("COMMIT");
    replay();

    EXPECT_FALSE(is_certainly_unseen(reading, *taken, number)) << "when it ended is not known";
}

// A snapshot is of use where nothing was replayed between two looks at the position.
TEST_F(CopyFromStandby, OneThatIsFarAwayAndReplaysWithoutAPauseIsReadFrom) {
    source().execute("CREATE TABLE noise (id bigint)");
    const Cluster standby("standby", source_cluster());
    Proxy line(standby.port());
    line.delay(std::chrono::milliseconds(2));
    consumer().set("copy_from",
                   toml_text("host=127.0.0.1 user=postgres port=" + std::to_string(line.port()) +
                             " dbname=" + source_database()));
    consumer().set("tables", R"(["public.t", "public.keyless", "public.mark"])");
    consumer().init();
    Writers writers(source_conninfo(), 2, [](Random&) {
        return std::string("INSERT INTO noise SELECT generate_series(1, 5)");
    });
    consumer().start();
    wait_until_copied();
    EXPECT_EQ(writers.stop(), "");
    source().execute("DROP TABLE noise");
    catch_up();
    expect_equal();
}

// Sessions live on, and what is written there from then on is not the source's.
TEST_F(CopyFromStandby, OneThatIsPromotedMeanwhileIsReadNoMore) {
    const Cluster standby("standby", source_cluster());
    consumer().set("copy_from", toml_text(standby.conninfo(source_database())));
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().init();
    consumer().start();
    wait_until("chunks are loaded", seconds(20),
               [&] { return count_loaded_chunks(target()) >= 3; });
    Session at_standby(standby.conninfo(source_database()));
    at_standby.execute("SELECT pg_promote()");
    at_standby.execute("UPDATE t SET n = -1; UPDATE keyless SET n = -1");
    wait_until("the log says so", seconds(20),
               [&] { return contains(consumer().log(), "the standby that is read was promoted"); });
    std::this_thread::sleep_for(seconds(2));
    EXPECT_EQ(target().value("SELECT (SELECT count(*) FROM t WHERE n = -1) + (SELECT count(*) "
                             "FROM keyless WHERE n = -1)"),
              "0");
}

// Its replay does not wait for those who read there.
TEST_F(CopyFromStandby, AStandbyThatCancelsItsReadersIsReadAgain) {
    const Cluster standby("standby", source_cluster());
    Session(standby.conninfo("postgres"))
        .execute("ALTER SYSTEM SET max_standby_streaming_delay = 0");
    Session(standby.conninfo("postgres")).execute("SELECT pg_reload_conf()");
    consumer().set("copy_from", toml_text(standby.conninfo(source_database())));
    consumer().set("copy_rate_limit", "\"2MB\"");
    consumer().init();
    consumer().start();
    Session cleaner = new_source_session();
    wait_until("readers are cancelled", seconds(40), [&] {
        cleaner.execute("UPDATE t SET n = n + 1 WHERE id % 10 = 0; UPDATE keyless SET n = n + 1");
        cleaner.execute("VACUUM t");
        cleaner.execute("VACUUM keyless");
        return contains(consumer().log(), "conflict with recovery");
    });
    wait_until_copied();
    catch_up();
    expect_equal();
}

TEST_F(CopyFromStandby, RowsComeFromAStandby) {
    const Cluster standby("standby", source_cluster());
    consumer().set("copy_from", toml_text(standby.conninfo(source_database())));
    consumer().set("copy_rate_limit", "\"1500kB\"");
    Writers writers(source_conninfo(), 3, change);
    consumer().init();
    consumer().start();
    Session at_standby(standby.conninfo(source_database()));
    const auto readers = [this](Session& session) {
        return session.number(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'walpack_copy_" +
            pipeline() + "' AND datname = current_database() AND query LIKE 'COPY%'");
    };
    wait_until("rows are read from the standby", seconds(20),
               [&] { return readers(at_standby) > 0; });
    EXPECT_EQ(readers(source()), 0);
    wait_until_copied();
    EXPECT_EQ(writers.stop(), "");
    EXPECT_GT(writers.committed(), 100);
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
