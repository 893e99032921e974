// Statements for many rows find them by the index, however large the table is and however little
// the target's statistics know of it.
//
// Millions of rows: a scan of them would take the time of all of a test's batches several times
// over.
#include <algorithm>
#include <optional>
#include <thread>

#include "support/backlog.h"
#include "support/plan_log.h"

namespace walpack::e2e {
namespace {

class ApplyPlans : public BacklogScenario {
  protected:
    void explain_all() { log_.emplace(target(), target_database(), target_cluster()); }

    void expect_by_index(const std::string& begin, const std::string& part,
                         const std::string& scan) {
        int batches = 0;
        for (const std::string& plan : log_->plans(begin)) {
            EXPECT_FALSE(contains(plan, "Seq Scan"));
            EXPECT_TRUE(contains(plan, scan));
            if (plan.find(part) != std::string::npos) ++batches;
        }
        EXPECT_GT(batches, 0) << "no batch " << begin;
    }

    void expect_indexes_used(std::int64_t rows);

    // On both at the same time, as it takes a while.
    void on_both_at_once(const std::string& sql) {
        target().send(sql);
        source().execute(sql);
        target().finish();
    }

    std::optional<PlanLog> log_;
};

// In batches of 1,000.
void ApplyPlans::expect_indexes_used(std::int64_t rows) {
    const std::string every = std::to_string(rows / 1000);
    on_both_at_once(
        "CREATE TABLE t (id bigint PRIMARY KEY, n int) WITH (autovacuum_enabled = false); "
        "CREATE TABLE pairs (a int, b int, n int, PRIMARY KEY (a, b)) "
        "WITH (autovacuum_enabled = false)");
    on_both_at_once("INSERT INTO pairs SELECT g / 1000, g, 0 FROM generate_series(1, 300000) g");
    on_both_at_once("INSERT INTO t SELECT g, 0 FROM generate_series(1, " + std::to_string(rows) +
                    ") g");
    consumer().set("copy", "false");
    copy_and_stop();
    source().execute("UPDATE t SET n = 1 WHERE id % " + every + " = 7");
    source().execute("DELETE FROM t WHERE id % " + every + " = 8");
    source().execute(
        "UPDATE pairs SET n = 1 WHERE b % 300 = 7; DELETE FROM pairs WHERE b % 300 = "
        "8");
    each_in_transaction(1500,
                        "UPDATE t SET n = i WHERE id = i * 1777; DELETE FROM t WHERE id = i "
                        "* 1999 + 1");
    explain_all();
    const auto begin = Clock::now();
    consumer().start();
    catch_up();
    const std::chrono::duration<double> took = Clock::now() - begin;
    std::printf("%lld rows in the table; 7,000 changes arrived after %.1f s\n",
                static_cast<long long>(rows), took.count());
    expect_by_index("UPDATE ONLY \"public\".\"t\"", "unnest", "t_pkey");
    expect_by_index("DELETE FROM ONLY \"public\".\"t\"", "ANY", "t_pkey");
    expect_by_index("UPDATE ONLY \"public\".\"pairs\"", "unnest", "pairs_pkey");
    expect_by_index("DELETE FROM ONLY \"public\".\"pairs\"", "unnest", "pairs_pkey");
    const char* sums = "SELECT count(*) || ' ' || sum(n) || ' ' || sum(id) FROM t";
    EXPECT_EQ(target().value(sums), source().value(sums));
}

TEST_F(ApplyPlans, BatchesOfALargeTableWithoutStatisticsUseTheIndex) {
    expect_indexes_used(3'000'000);
}

// By hand: takes a minute, and a gigabyte of disk.
TEST_F(ApplyPlans, DISABLED_BatchesOfTenMillionRowsWithoutStatisticsUseTheIndex) {
    expect_indexes_used(10'000'000);
}

TEST_F(ApplyPlans, ATableThatWasEmptyAtFirstAndGrewUsesItsIndex) {
    on_both(
        "CREATE TABLE t (id bigint PRIMARY KEY, n int, v text) "
        "WITH (autovacuum_enabled = false)");
    copy_and_stop();
    source().execute("INSERT INTO t SELECT g, 0, 'v' FROM generate_series(1, 20) g");
    source().execute("UPDATE t SET n = 1; DELETE FROM t WHERE id > 10");
    consumer().start();
    catch_up();
    source().execute("INSERT INTO t SELECT g, 0, md5(g::text) FROM generate_series(100, 400000) g");
    catch_up();
    explain_all();
    // The sessions that know the empty table stay; those that explain are made beside them.
    source().execute("UPDATE t SET n = 2 WHERE id % 200 = 7");
    source().execute("DELETE FROM t WHERE id % 200 = 8");
    const auto scans = [this] {
        return target().value("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 't'");
    };
    catch_up();
    stop();
    EXPECT_LT(std::atoll(scans().c_str()), 400'000) << "the table was scanned";
    source().execute("UPDATE t SET n = 3 WHERE id % 200 = 9; DELETE FROM t WHERE id % 200 = 10");
    consumer().start();
    catch_up();
    expect_by_index("UPDATE ONLY \"public\".\"t\"", "unnest", "t_pkey");
    expect_by_index("DELETE FROM ONLY \"public\".\"t\"", "ANY", "t_pkey");
    expect_equal();
}

// Neither unique nor NOT NULL, as the built-in apply worker would use it from version 16 on.
TEST_F(ApplyPlans, WholeRowsAreFoundByAnyIndexThatIsThere) {
    on_both(
        "CREATE TABLE readings (at timestamptz, device text, amount numeric, n int) "
        "WITH (autovacuum_enabled = false); ALTER TABLE readings REPLICA IDENTITY FULL");
    target().execute("CREATE INDEX readings_by_device ON readings (device, (n + 1))");
    target().execute("CREATE INDEX readings_hashed ON readings USING hash (amount)");
    source().execute(
        "INSERT INTO readings SELECT now(), CASE WHEN g % 10 > 0 THEN 'device ' || g END, CASE "
        "WHEN g % 10 = 0 THEN g / 3.0 END, 0 FROM generate_series(1, 100000) g");
    copy_and_stop();
    source().execute("UPDATE readings SET n = 1 WHERE device LIKE '%77'");
    source().execute("DELETE FROM readings WHERE device LIKE '%99'");
    source().execute(
        "UPDATE readings SET n = NULL WHERE amount < 500; CREATE INDEX ON readings "
        "(device)");
    each_in_transaction(300, "UPDATE readings SET n = i WHERE device = 'device ' || i");
    target().execute("SELECT pg_stat_reset()");
    explain_all();
    expect_backlog_arrives();
    stop();
    const std::string plans_of_all = log_->text();
    EXPECT_TRUE(contains(plans_of_all, "readings_by_device"));
    EXPECT_TRUE(contains(plans_of_all, "readings_hashed"));
    for (const std::string& plan : log_->plans("UPDATE ONLY \"public\".\"readings\""))
        EXPECT_FALSE(contains(plan, "Seq Scan"));
    for (const std::string& plan : log_->plans("DELETE FROM ONLY \"public\".\"readings\""))
        EXPECT_FALSE(contains(plan, "Seq Scan"));
}

TEST_F(ApplyPlans, WithoutAnIndexOneScanFindsManyWholeRows) {
    on_both(
        "CREATE TABLE readings (at int, device text, amount numeric, raw json, n int) "
        "WITH (autovacuum_enabled = false); ALTER TABLE readings REPLICA IDENTITY FULL");
    source().execute(
        "INSERT INTO readings SELECT g, 'device ' || g % 100, CASE WHEN g % 3 = 0 THEN 1.0 END, "
        "CASE WHEN g % 5 > 0 THEN '{\"a\": 1}'::json END, 0 FROM generate_series(1, 100000) g");
    copy_and_stop();
    source().execute("UPDATE readings SET n = at, amount = 1.00 WHERE at % 50 = 7");
    source().execute("DELETE FROM readings WHERE at % 50 = 8");
    each_in_transaction(1000, "UPDATE readings SET n = i WHERE at = i * 50 + 3");
    target().execute("SELECT pg_stat_reset()");
    explain_all();
    consumer().clear_log();
    consumer().start();
    catch_up();
    stop();
    const auto rows_read = [this] {
        return target().number(
            "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'readings'");
    };
    EXPECT_TRUE(holds_within(seconds(20), [&] { return rows_read() > 0; }));
    EXPECT_LT(rows_read(), 40 * 100'000) << "5,000 rows were looked for one by one";
    expect_equal();
    EXPECT_TRUE(contains(log_->text(), "Hash Join"));
    EXPECT_FALSE(contains(consumer().log(), "row by row"));
}

}  // namespace
}  // namespace walpack::e2e
