// The size of a transaction or of a value does not decide how much memory the consumer takes.
#include "support/process_files.h"
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr std::int64_t kResidentKilobytesMax = 200 * 1024;

class BigTransaction : public Scenario {
  protected:
    void expect_bounded_memory(std::int64_t rows, seconds limit);
};

void BigTransaction::expect_bounded_memory(std::int64_t rows, seconds limit) {
    on_both("CREATE TABLE t (id bigint PRIMARY KEY, a int, v text)");
    consumer().init();
    consumer().start();
    wait_until_streaming();
    const auto begin = Clock::now();
    source().execute("INSERT INTO t SELECT g, g % 1000, md5(g::text) FROM generate_series(1, " +
                     std::to_string(rows) + ") g");
    const auto written = Clock::now();
    catch_up(limit);
    const std::chrono::duration<double> took = Clock::now() - written;
    const std::int64_t peak = peak_resident_kilobytes(consumer().pid());
    std::printf("%lld rows: written in %.1f s, %.1f s behind, peak RSS %lld MB\n",
                static_cast<long long>(rows),
                std::chrono::duration<double>(written - begin).count(), took.count(),
                static_cast<long long>(peak / 1024));
    EXPECT_GT(peak, 0);
    EXPECT_LT(peak, kResidentKilobytesMax);
    expect_equal();
}

TEST_F(BigTransaction, AMillionRowsTakeBoundedMemory) {
    expect_bounded_memory(1'000'000, seconds(180));
}

// By hand: takes minutes, and gigabytes of disk.
TEST_F(BigTransaction, DISABLED_TenMillionRowsTakeBoundedMemory) {
    expect_bounded_memory(10'000'000, seconds(1200));
}

TEST_F(BigTransaction, DISABLED_TenMillionRowsTakeBoundedMemoryBesideOtherSessions) {
    consumer().set("apply_workers", "4");
    expect_bounded_memory(10'000'000, seconds(1200));
}

TEST_F(BigTransaction, AValueOfFiftyMegabytesArrives) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text, b bytea, n int)");
    source().execute("INSERT INTO t VALUES (0, repeat('copied ', 3000000), NULL, 0)");
    consumer().init();
    consumer().start();
    wait_until_streaming();
    source().execute("INSERT INTO t VALUES (1, repeat('0123456789', 5000000), NULL, 0)");
    source().execute("INSERT INTO t VALUES (2, NULL, decode(repeat('00ff10', 3000000), 'hex'), 0)");
    source().execute("UPDATE t SET n = 1");
    catch_up();
    std::printf("peak RSS %lld MB\n",
                static_cast<long long>(peak_resident_kilobytes(consumer().pid()) / 1024));
    expect_equal();
}

TEST_F(BigTransaction, ManySubtransactionsAndTablesArrive) {
    on_both(
        "DO $$ BEGIN FOR i IN 1..200 LOOP "
        "EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, v text)', i); END LOOP; END $$");
    consumer().init();
    consumer().start();
    wait_until_streaming();
    source().execute(
        "DO $$ BEGIN FOR i IN 1..2000 LOOP BEGIN "
        "EXECUTE format('INSERT INTO t%s VALUES (%s, ''v'')', i % 200 + 1, i); "
        "IF i % 7 = 0 THEN RAISE EXCEPTION 'undone'; END IF; "
        "EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP; END $$");
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
