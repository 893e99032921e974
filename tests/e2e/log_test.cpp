// The log between source and target: what stands still on one side harms nobody on the other.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "support/loaded_chunks.h"
#include "support/log_scenario.h"
#include "support/random.h"
#include "support/scratch.h"
#include "support/writers.h"

namespace walpack::e2e {
namespace {

namespace fs = std::filesystem;

class Log : public LogScenario {
  protected:
    // What the log alone has, in files of which the middle one is damaged then; returns its path.
    std::string damage_a_file() {
        consumer().set("confirm", "\"logged\"");
        begin();
        target_cluster().stop("fast");
        write_megabytes(3);
        wait_until("the source may remove WAL", seconds(20), [&] { return retained() < 100'000; });
        consumer().kill();
        const auto files = segments();
        const fs::path damaged = files.at((files.size() - 1) / 2);
        std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(fs::file_size(damaged) / 2));
        file.write("damage", 6);
        target_cluster().start();
        return damaged;
    }

    // As an error, and nothing from behind the damage is applied.
    void expect_error_about(const std::string& damaged) {
        consumer().start();
        const std::string log = expect_refusal();
        const std::size_t error = log.rfind("ERROR:");
        ASSERT_NE(error, std::string::npos) << log;
        EXPECT_TRUE(contains(log.substr(error), "\"" + damaged + "\" is damaged at offset"));
        EXPECT_LT(target().number("SELECT count(*) FROM t"),
                  source().number("SELECT count(*) FROM t"));
    }
};

TEST_F(Log, ATargetThatIsAwayDoesNotFillTheSourcesDisk) {
    consumer().set("wal_budget", "\"4MB\"");
    begin();
    target_cluster().stop("fast");
    write_megabytes(20);
    wait_until_source_may_remove_wal();
    EXPECT_GT(bytes_of_log(), 5 * kMegabyte);
    // What is only in the log survives the consumer.
    consumer().kill();
    consumer().start();
    write_megabytes(8);
    wait_until_source_may_remove_wal();
    target_cluster().start();
    catch_up();
    expect_equal();
    EXPECT_TRUE(contains(consumer().log(), "wal_budget"));
    EXPECT_TRUE(contains(consumer().log(), "have caught up"));
    wait_until("the log's files are gone", seconds(20), [&] { return bytes_of_log() < kMegabyte; });
}

TEST_F(Log, ASourceThatGoesAwayLeavesTheTargetsSessionsAlone) {
    begin();
    // The log has got as far as the slot is confirmed, which may be where the copy began.
    write_megabytes(1);
    catch_up();
    const std::string sessions =
        "SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity WHERE "
        "application_name = 'walpack_" +
        pipeline() + "' AND datname = current_database()";
    const auto before = target().value(sessions);
    source_cluster().stop("immediate");
    source_cluster().start();
    catch_up();
    EXPECT_EQ(target().value(sessions), before);
    expect_equal();
}

TEST_F(Log, WhatIsLoggedIsConfirmedAndAppliedLater) {
    consumer().set("confirm", "\"logged\"");
    begin();
    target().execute("BEGIN; LOCK TABLE t");
    write_megabytes(3);
    wait_until_source_may_remove_wal();
    consumer().kill();
    source().execute("DELETE FROM t WHERE id % 3 = 0");
    consumer().start();
    target().execute("ROLLBACK");
    catch_up();
    expect_equal();
}

// What the target committed without waiting for its disk, and forgot as it crashed, was the log's
// to keep also while a new consumer looked at it.
TEST_F(Log, APositionThatTheTargetForgetsIsNotReliedOn) {
    consumer().set("confirm", "\"logged\"");
    consumer().set("durable_interval", "\"1min\"");
    begin();
    const std::string position = "SELECT applied_lsn FROM walpack.progress";
    const std::string before = target().value(position);
    const auto walwriter = static_cast<pid_t>(
        target().number("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"));
    // Nobody else waits for the disk: a commit of VACUUM would.
    target().execute("ALTER SYSTEM SET autovacuum = off");
    target().execute("SELECT pg_reload_conf()");
    wait_until("nobody vacuums", seconds(20), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'autovacuum%'") ==
               0;
    });
    ::kill(walwriter, SIGSTOP);
    write_megabytes(1);
    catch_up();
    wait_until_source_may_remove_wal();
    consumer().kill();
    Session other = new_target_session();
    other.execute("BEGIN; SELECT FROM walpack.progress FOR UPDATE");
    consumer().start();
    wait_until("the consumer makes the position durable", seconds(20), [&] {
        return target().number("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0;
    });
    source().execute("INSERT INTO t (n) VALUES (-1)");
    std::this_thread::sleep_for(milliseconds(500));  // in which the log could drop it
    target_cluster().crash();
    target_cluster().start();
    new_target_session().execute("ALTER SYSTEM RESET autovacuum");
    new_target_session().execute("SELECT pg_reload_conf()");
    ASSERT_EQ(new_target_session().value(position), before) << "nothing was forgotten";
    catch_up();
    expect_equal();
}

TEST_F(Log, ALogThatIsGoneIsNoticed) {
    consumer().set("confirm", "\"logged\"");
    begin();
    target_cluster().stop("fast");
    write_megabytes(1);
    wait_until("the source may remove WAL", seconds(20), [&] { return retained() < 100'000; });
    consumer().kill();
    fs::remove_all(log_directory());
    target_cluster().start();
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "the log directory was removed"));
}

// The target has applied what was confirmed; chunks of the copy still need what was kept for them.
TEST_F(Log, ACopyWhoseKeptChangesAreGoneWithItBeginsAgain) {
    consumer().set("confirm", "\"logged\"");
    consumer().set("copy_chunk_bytes", "\"64kB\"");
    consumer().set("copy_rate_limit", "\"400kB\"");
    source().execute(
        "CREATE TABLE large (id int PRIMARY KEY, n int, v text); INSERT INTO large SELECT g, 0, "
        "repeat('v', 200) FROM generate_series(1, 20000) g");
    consumer().init();
    consumer().start();
    wait_until("some chunks are loaded", seconds(30),
               [&] { return count_loaded_chunks(target()) >= 10; });
    source().execute("UPDATE large SET n = 1");
    const auto written = source().value("SELECT pg_current_wal_lsn()");
    wait_until("it is confirmed", seconds(20), [&] {
        return source().value("SELECT confirmed_flush_lsn >= " + literal(written) +
                              " FROM pg_replication_slots WHERE slot_name = " + literal(slot())) ==
               "t";
    });
    wait_until("the target has that position", seconds(20), [&] {
        return target().value("SELECT applied_lsn FROM walpack.progress") >=
               source().value(
                   "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE "
                   "slot_name = " +
                   literal(slot()));
    });
    consumer().kill();
    ASSERT_LT(count_loaded_chunks(target()), 60);
    fs::remove_all(log_directory());
    consumer().set("copy_rate_limit", "0");
    consumer().start();
    wait_until_copied();
    catch_up();
    expect_equal();
    EXPECT_TRUE(contains(consumer().log(), "table \"public.large\" is copied from the start"));
}

TEST_F(Log, ADamagedFileIsNamedAndNotApplied) {
    const std::string damaged = damage_a_file();
    ASSERT_EQ(segments().size(), 1U);
    expect_error_about(damaged);
}

TEST_F(Log, ADamagedFileAmongOthersIsNamedAndNotApplied) {
    consumer().set("log_bytes_max", "\"8MB\"");
    const std::string damaged = damage_a_file();
    ASSERT_GT(segments().size(), 2U);
    expect_error_about(damaged);
}

TEST_F(Log, AnotherPipelinesFolderIsRefused) {
    consumer().set("confirm", "\"logged\"");
    begin();
    target_cluster().stop("fast");
    write_megabytes(1);
    wait_until("it is in the log", seconds(20), [&] { return retained() < 100'000; });
    target_cluster().start();
    Consumer other({{"pipeline", "\"other\""},
                    {"slot", toml_text(slot())},
                    {"source", toml_text(source_conninfo())},
                    {"target", toml_text(target_conninfo())},
                    {"log_directory", toml_text(log_directory())}});
    consumer().kill();
    other.start();
    ASSERT_TRUE(other.wait_exit(seconds(10)).value_or(0) > 0);
    EXPECT_TRUE(contains(other.log(), "log_directory"));
    EXPECT_TRUE(contains(other.log(), pipeline()));
}

// One row that the target refuses stops the target, and neither the service nor the source.
TEST_F(Log, AStoppedTargetGoesOnWhenItsRowIsMended) {
    consumer().set("stopped_retry_delay", "\"500ms\"");
    consumer().set("wal_budget", "\"4MB\"");
    begin();
    target().execute("INSERT INTO t VALUES (1000000, 0, 'in the way')");
    source().execute("INSERT INTO t VALUES (1000000, 1, 'wanted')");
    wait_until("the target is stopped", seconds(10),
               [&] { return consumer().log().find("the target is stopped") != std::string::npos; });
    write_megabytes(10);
    wait_until_source_may_remove_wal();
    EXPECT_TRUE(consumer().is_running());
    target().execute("DELETE FROM t WHERE id = 1000000");
    catch_up();
    expect_equal();
    // Told once, and not at each attempt.
    const std::string log = consumer().log();
    const std::size_t first = log.find("the target is stopped");
    EXPECT_EQ(log.find("the target is stopped", first + 1), std::string::npos);
}

TEST_F(Log, StreamedTransactionsSurviveInIt) {
    consumer().set("confirm", "\"logged\"");
    consumer().set("streaming", "true");
    source().execute("ALTER DATABASE " + source_database() +
                     " SET logical_decoding_work_mem = '64kB'");
    begin();
    Session open = new_source_session();
    open.execute(
        "BEGIN; INSERT INTO t (n, payload) SELECT g, md5(g::text) FROM generate_series(1, 5000) g");
    write_megabytes(1);
    catch_up();
    consumer().kill();
    consumer().start();
    open.execute(
        "INSERT INTO t (n, payload) SELECT g, md5(g::text) FROM generate_series(1, 5000) g");
    target_cluster().stop("fast");
    open.execute("COMMIT");
    wait_until("the source may remove WAL", seconds(20), [&] { return retained() < 100'000; });
    consumer().kill();
    target_cluster().start();
    consumer().start();
    catch_up();
    expect_equal();
}

// Everything that can be killed, at any moment.
TEST_F(Log, KillsAtAnyMomentLoseNothing) {
    Random random(31);
    consumer().set("confirm", "\"logged\"");
    consumer().set("durable_interval", "\"100ms\"");
    begin();
    Writers writers(source_conninfo(), 2, [](Random& chance) {
        const std::string id = std::to_string(chance.between(1, 2000));
        if (chance.chance(0.3)) return "DELETE FROM t WHERE id = " + id;
        if (chance.chance(0.4)) return "UPDATE t SET n = n + 1 WHERE id = " + id;
        return "INSERT INTO t (n, payload) SELECT g, repeat('x', 500) FROM generate_series(1, " +
               std::to_string(chance.between(1, 300)) + ") g";
    });
    for (int round = 0; round < 8; ++round) {
        std::this_thread::sleep_for(milliseconds(random.between(50, 800)));
        switch (random.between(0, 3)) {
            case 0:
                target_cluster().crash();
                target_cluster().start();
                break;
            case 1:
                target_cluster().stop("immediate");
                std::this_thread::sleep_for(milliseconds(random.between(0, 1500)));
                target_cluster().start();
                break;
            default:
                consumer().kill();
                consumer().start();
        }
    }
    EXPECT_EQ(writers.stop(), "");
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
