// The log's disk budget is used up: the source keeps what follows, and whoever is there goes on.
#include "support/loaded_chunks.h"
#include "support/log_scenario.h"

namespace walpack::e2e {
namespace {

constexpr const char* kTwentyMegabytes =
    "INSERT INTO t (n, payload) SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 20000) "
    "g";

class FullLog : public LogScenario {
  protected:
    void use_small_log() {
        consumer().set("confirm", "\"logged\"");
        consumer().set("log_bytes_max", "\"4MB\"");
        consumer().set("log_memory_max", "\"1MB\"");
    }
};

// Policy: back-pressure to the slot, until there is room.
TEST_F(FullLog, BeyondItsBudgetTheSourceKeepsWhatFollows) {
    use_small_log();
    begin();
    target_cluster().stop("fast");
    write_megabytes(16);
    wait_until("the log is full", seconds(20), [&] { return bytes_of_log() > 2 * kMegabyte; });
    EXPECT_GT(retained(), 5 * kMegabyte);
    EXPECT_LT(bytes_of_log(), 8 * kMegabyte);
    target_cluster().start();
    catch_up();
    expect_equal();
}

// What came before it was confirmed, and the target cannot make that durable amid a transaction.
TEST_F(FullLog, ATransactionThatIsLargerThanTheLogPasses) {
    use_small_log();
    begin();
    for (int i = 0; i < 2; ++i) {
        write_megabytes(1);
        source().execute(kTwentyMegabytes);
    }
    write_megabytes(2);
    catch_up(seconds(120));
    expect_equal();
    wait_until_source_may_remove_wal();
}

// The server sends it again from its start, so the log need not have it.
TEST_F(FullLog, AStreamedTransactionThatIsLargerThanTheLogPasses) {
    use_small_log();
    consumer().set("streaming", "true");
    source().execute("ALTER DATABASE " + source_database() +
                     " SET logical_decoding_work_mem = '64kB'");
    begin();
    Session open = new_source_session();
    open.execute("BEGIN");
    for (int i = 0; i < 5; ++i) {
        open.execute(
            "INSERT INTO t (n, payload) SELECT g, repeat(md5(g::text), 30) FROM "
            "generate_series(1, 4000) g");
        source().execute("INSERT INTO t (n) VALUES (1)");
    }
    write_megabytes(1);
    catch_up(seconds(120));
    open.execute("COMMIT");
    write_megabytes(1);
    catch_up(seconds(120));
    expect_equal();
    wait_until_source_may_remove_wal();
}

// Its chunks become live behind the index that comes last, so a restart needs all that was changed
// since the first of them; the slot was confirmed past some of that.
TEST_F(FullLog, ACopyThatWasInterruptedGoesOn) {
    use_small_log();
    consumer().set("confirm", "\"applied\"");
    consumer().set("wal_budget", "\"1MB\"");
    consumer().set("copy_chunk_bytes", "\"64kB\"");
    consumer().set("copy_rate_limit", "\"150kB\"");
    source().execute(
        "CREATE TABLE large (id int PRIMARY KEY, n int, v text); INSERT INTO large SELECT g, 0, "
        "repeat('v', 200) FROM generate_series(1, 20000) g");
    consumer().init();
    consumer().start();
    wait_until("some chunks are loaded", seconds(30),
               [&] { return count_loaded_chunks(target()) >= 10; });
    for (int i = 0; i < 60; ++i) {
        source().execute(
            "UPDATE large SET n = n + 1, v = repeat(md5(id::text), 8) WHERE id % 60 = " +
            std::to_string(i));
        write_megabytes(i % 6 == 0 ? 1 : 0);
    }
    (void)holds_within(seconds(5), [&] { return bytes_of_log() > 3 * kMegabyte; });
    std::this_thread::sleep_for(seconds(2));
    consumer().kill();
    ASSERT_EQ(target().value("SELECT copy_complete FROM walpack.progress"), "f");
    consumer().set("copy_rate_limit", "0");
    consumer().start();
    catch_up(seconds(90));
    wait_until_copied();
    expect_equal();
    wait_until_source_may_remove_wal();
}

}  // namespace
}  // namespace walpack::e2e
