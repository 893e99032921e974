// Transactions that are sent while they still run: they arrive when they are committed, whole and
// in commit order, whatever is rolled back in them and whoever is killed meanwhile.
#include <filesystem>

#include "model/lsn.h"
#include "support/process_files.h"
#include "support/scenario.h"
#include "support/scratch.h"

namespace walpack::e2e {
namespace {

constexpr std::int64_t kResidentKilobytesMax = 200 * 1024;

// Rows from..to of a transaction's part; far more than the server keeps in memory.
std::string insert(int from, int to, const std::string& text) {
    return "INSERT INTO t SELECT g, " + literal(text) +
           " || repeat('.', 50) || g FROM generate_series(" + std::to_string(from) + ", " +
           std::to_string(to) + ") g; ";
}

class Streaming : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        source().execute("ALTER DATABASE " + source_database() +
                         " SET logical_decoding_work_mem = '64kB'");
        on_both("CREATE TABLE t (id bigint PRIMARY KEY, v text)");
        spool_directory_ = new_scratch_path("_spool");
        std::filesystem::create_directory(spool_directory_);
        consumer().set("streaming", "true");
        consumer().set("spool_directory", toml_text(spool_directory_));
    }

    void start_streaming() {
        consumer().init();
        consumer().start();
        wait_until_copied();
    }

    std::int64_t spooled_bytes() { return unnamed_file_bytes(consumer().pid(), spool_directory_); }
    void wait_until_spooled(std::int64_t bytes) {
        wait_until("blocks have arrived", seconds(30),
                   [&, bytes] { return spooled_bytes() >= bytes; });
    }
    std::int64_t rows_on_target() { return target().number("SELECT count(*) FROM t"); }
    Lsn confirmed() {
        return *Lsn::parse(
            source().value("SELECT confirmed_flush_lsn FROM pg_replication_slots "
                           "WHERE slot_name = " +
                           literal(slot())));
    }

    std::string spool_directory_;
};

TEST_F(Streaming, ARunningTransactionArrivesWhenItIsCommitted) {
    start_streaming();
    Session writer = new_source_session();
    writer.execute("BEGIN");
    writer.execute(insert(1, 20'000, "large"));
    wait_until_spooled(1);
    catch_up();
    EXPECT_EQ(rows_on_target(), 0);
    writer.execute("COMMIT");
    catch_up();
    EXPECT_EQ(rows_on_target(), 20'000);
    expect_equal();
    wait_until("the spool is gone", seconds(10), [&] { return spooled_bytes() == 0; });
    EXPECT_TRUE(std::filesystem::is_empty(spool_directory_));
}

// A value of more than 4096 pieces is spilled to disk before it can be sent, and then the server by
// itself does not say that its subtransaction was rolled back.
TEST_F(Streaming, ARolledBackSavepointWhoseChangesWereSpilledLeavesNothing) {
    on_both("ALTER TABLE t ALTER v SET STORAGE EXTERNAL");
    start_streaming();
    Session writer = new_source_session();
    std::int64_t sent = 0;
    // What is rolled back before it is sent is not sent.
    const auto insert_huge = [&](int id) {
        writer.execute("INSERT INTO t VALUES (" + std::to_string(id) + ", repeat('x', 12000000))");
        catch_up();  // its commit flushes what this one has written
        wait_until_spooled(sent += 11'000'000);
    };
    writer.execute("BEGIN; INSERT INTO t VALUES (1, 'kept'); SAVEPOINT a");
    insert_huge(10);
    writer.execute("ROLLBACK TO a; INSERT INTO t VALUES (2, 'kept'); SAVEPOINT b; SAVEPOINT c");
    insert_huge(20);
    writer.execute("RELEASE c; ROLLBACK TO b; SAVEPOINT d");
    insert_huge(30);
    writer.execute("RELEASE d; COMMIT");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t"), "1 2 30");
    expect_equal();
}

TEST_F(Streaming, RolledBackSavepointsLeaveNothing) {
    start_streaming();
    source().execute(
        "BEGIN; " + insert(1, 5000, "kept") + "SAVEPOINT a; " + insert(10'001, 15'000, "lost") +
        "SAVEPOINT b; " + insert(20'001, 25'000, "lost") + "ROLLBACK TO a; " +
        insert(30'001, 35'000, "kept") + "SAVEPOINT c; " + insert(40'001, 45'000, "kept") +
        "RELEASE c; UPDATE t SET v = v || '!' WHERE id % 3 = 0; SAVEPOINT d; TRUNCATE t; " +
        insert(1, 3000, "lost") + "ROLLBACK TO d; DELETE FROM t WHERE id % 5 = 0; COMMIT");
    catch_up();
    EXPECT_EQ(rows_on_target(), 12'000);
    expect_equal();
}

TEST_F(Streaming, AThousandSavepointsArriveOrLeaveNothing) {
    start_streaming();
    source().execute(
        "DO $$ BEGIN FOR i IN 1..1000 LOOP BEGIN "
        "INSERT INTO t SELECT i * 100 + g, repeat('x', 100) FROM generate_series(1, 20) g; "
        "IF i % 3 = 0 THEN RAISE EXCEPTION 'undone'; END IF; "
        "EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP; END $$");
    catch_up();
    EXPECT_EQ(rows_on_target(), 667 * 20);
    expect_equal();
}

TEST_F(Streaming, ARolledBackTransactionLeavesNothing) {
    start_streaming();
    Session writer = new_source_session();
    writer.execute("BEGIN; " + insert(1, 20'000, "lost"));
    wait_until_spooled(1);
    writer.execute("ROLLBACK");
    wait_until("the spool is gone", seconds(10), [&] { return spooled_bytes() == 0; });
    catch_up();
    EXPECT_EQ(rows_on_target(), 0);
    expect_equal();
}

TEST_F(Streaming, ATransactionSeesItsOwnChangeOfATable) {
    target().execute("ALTER TABLE t ADD n int, ADD m int DEFAULT 5");
    start_streaming();
    source().execute(insert(1, 10, "before"));
    source().execute("BEGIN; " + insert(101, 5000, "old") +
                     "SAVEPOINT a; ALTER TABLE t ADD q int; " +
                     "INSERT INTO t SELECT g, 'lost', g FROM generate_series(20001, 25000) g; "
                     "ROLLBACK TO a; " +
                     insert(5001, 9000, "again") +
                     "ALTER TABLE t ADD n int; "
                     "INSERT INTO t SELECT g, 'new', g FROM generate_series(10001, 15000) g; "
                     "ALTER TABLE t ADD m int DEFAULT 5; "
                     "INSERT INTO t SELECT g, 'newer', g, 6 FROM generate_series(15001, 19000) g; "
                     "COMMIT");
    source().execute("INSERT INTO t VALUES (20000, 'after', 1, 2)");
    catch_up();
    expect_equal();
}

TEST_F(Streaming, OthersSeeTheOldTableUntilTheChangeIsCommitted) {
    on_both("CREATE TABLE u (id bigint PRIMARY KEY, v text); INSERT INTO u VALUES (0, 'x')");
    target().execute("TRUNCATE u; ALTER TABLE t ADD n int");
    start_streaming();
    Session writer = new_source_session();
    writer.execute("BEGIN; " + insert(1, 5000, "old") + "ALTER TABLE t ADD n int; " +
                   "INSERT INTO t SELECT g, 'new', g FROM generate_series(10001, 15000) g");
    wait_until_spooled(1);
    source().execute("INSERT INTO u VALUES (1, 'ordinary')");
    catch_up();
    EXPECT_EQ(target().number("SELECT count(*) FROM u"), 2);
    writer.execute("COMMIT");
    source().execute("INSERT INTO t VALUES (20000, 'after', 1)");
    catch_up();
    expect_equal();
}

TEST_F(Streaming, InterleavedTransactionsArriveInCommitOrder) {
    start_streaming();
    Session first = new_source_session();
    Session second = new_source_session();
    first.execute("BEGIN");
    second.execute("BEGIN");
    for (int part = 0; part < 10; ++part) {
        first.execute(insert(part * 1000, part * 1000 + 999, "first"));
        second.execute(insert(100'000 + part * 1000, 100'000 + part * 1000 + 999, "second"));
        source().execute(insert(200'000 + part, 200'000 + part, "ordinary"));
    }
    wait_until_spooled(500'000);
    catch_up();
    EXPECT_EQ(rows_on_target(), 10);
    second.execute("COMMIT");
    catch_up();
    EXPECT_EQ(rows_on_target(), 10'010);
    first.execute("COMMIT");
    catch_up();
    EXPECT_EQ(rows_on_target(), 20'010);
    expect_equal();
}

TEST_F(Streaming, AHeldTransactionDoesNotHoldUpWhatIsConfirmed) {
    start_streaming();
    Session writer = new_source_session();
    writer.execute("BEGIN; " + insert(1, 20'000, "held"));
    wait_until_spooled(1);
    source().execute(insert(100'000, 100'010, "ordinary"));
    const Lsn end = *Lsn::parse(source().value("SELECT pg_current_wal_lsn()"));
    wait_until("the slot is confirmed", seconds(20), [&] { return confirmed() >= end; });
    consumer().kill();
    consumer().start();
    wait_until_streaming();
    writer.execute(insert(20'001, 25'000, "held") + "COMMIT");
    catch_up();
    EXPECT_EQ(rows_on_target(), 25'011);
    expect_equal();
}

TEST_F(Streaming, KillsInTheMiddleOfBlocksLoseAndRepeatNothing) {
    start_streaming();
    Session writer = new_source_session();
    writer.execute("BEGIN");
    for (int part = 0; part < 6; ++part) {
        writer.send(insert(part * 40'000, part * 40'000 + 39'999, "large") + "SAVEPOINT s");
        source().execute(insert(1'000'000 + part, 1'000'000 + part, "ordinary"));
        wait_until_spooled(100'000 * (part + 1));
        consumer().kill();
        consumer().start();
        writer.finish();
    }
    writer.execute("COMMIT");
    // While it is applied.
    for (const int pause : {30, 200, 500}) {
        wait_until_streaming();
        std::this_thread::sleep_for(milliseconds(pause));
        consumer().kill();
        consumer().start();
    }
    catch_up(seconds(120));
    EXPECT_EQ(rows_on_target(), 240'006);
    expect_equal();
}

TEST_F(Streaming, AStopDoesNotWaitForARunningTransaction) {
    start_streaming();
    Session writer = new_source_session();
    writer.execute("BEGIN; " + insert(1, 20'000, "held"));
    wait_until_spooled(1);
    EXPECT_EQ(consumer().terminate(), 0);
    writer.execute("COMMIT");
    consumer().start();
    catch_up();
    EXPECT_EQ(rows_on_target(), 20'000);
    expect_equal();
}

TEST_F(Streaming, CrashesOfTheServersHeal) {
    start_streaming();
    source().execute("BEGIN; " + insert(1, 20'000, "first") + "COMMIT");
    source_cluster().crash();
    source_cluster().start();
    source().execute("BEGIN; " + insert(20'001, 40'000, "second") + "COMMIT");
    target_cluster().crash();
    target_cluster().start();
    source().execute("BEGIN; " + insert(40'001, 60'000, "third") + "COMMIT");
    catch_up(seconds(120));
    EXPECT_EQ(rows_on_target(), 60'000);
    expect_equal();
}

TEST_F(Streaming, AMillionRowsTakeBoundedMemory) {
    start_streaming();
    source().execute(insert(1, 1'000'000, "a row of some length, "));
    const auto written = Clock::now();
    catch_up(seconds(180));
    const std::chrono::duration<double> took = Clock::now() - written;
    const std::int64_t peak = peak_resident_kilobytes(consumer().pid());
    std::printf("1000000 rows: %.1f s behind, peak RSS %lld MB\n", took.count(),
                static_cast<long long>(peak / 1024));
    EXPECT_GT(peak, 0);
    EXPECT_LT(peak, kResidentKilobytesMax);
    expect_equal();
}

TEST_F(Streaming, ASpoolDirectoryThatDoesNotExistIsToldAtTheStart) {
    consumer().set("spool_directory", "\"/nowhere\"");
    consumer().init();
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "spool directory \"/nowhere\""));
}

}  // namespace
}  // namespace walpack::e2e
