// All workers of the copy are at work, on one table as on several, and its memory stays what it is
// whatever the rows.
#include "support/plan_log.h"
#include "support/process_files.h"
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr int kWorkers = 3;

struct TablesCase {
    const char* name;
    const char* create;
};

class CopyWorkers : public Scenario, public testing::WithParamInterface<TablesCase> {};

// Each reads slowly, so that all of them are seen.
TEST_P(CopyWorkers, AllReadAtOnce) {
    on_both(GetParam().create);
    source().execute(
        "DO $$ DECLARE t text; BEGIN FOR t IN SELECT relname FROM pg_class WHERE relkind = 'r' AND "
        "relname LIKE 'of\\_%' LOOP EXECUTE 'INSERT INTO ' || t || ' SELECT g, "
        "repeat(''v'', 200) FROM generate_series(1, 20000) g'; END LOOP; END $$; ANALYZE");
    consumer().set("copy_workers", std::to_string(kWorkers));
    consumer().set("copy_chunk_bytes", "\"256kB\"");
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().init();
    consumer().start();
    wait_until("all read at once", seconds(60), [&] {
        return source().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                   "application_name LIKE 'walpack\\_copy%' AND state <> 'idle' AND "
                   "query LIKE 'COPY (SELECT%'") >= kWorkers;
    });
    EXPECT_TRUE(contains(consumer().log(), "parts, binary: "));
    consumer().set("copy_rate_limit", "0");
    stop_consumer();
    consumer().start();
    wait_until_copied();
    catch_up();
    expect_equal();
}

INSTANTIATE_TEST_SUITE_P(
    Tables, CopyWorkers,
    testing::Values(TablesCase{"OneTable", "CREATE TABLE of_one (id int PRIMARY KEY, v text)"},
                    TablesCase{"SeveralTables",
                               "CREATE TABLE of_a (id int PRIMARY KEY, v text); "
                               "CREATE TABLE of_b (id int PRIMARY KEY, v text); "
                               "CREATE TABLE of_c (id int PRIMARY KEY, v text)"},
                    TablesCase{"OneWithoutKey",
                               "CREATE TABLE of_keyless (id int, v text); "
                               "ALTER TABLE of_keyless REPLICA IDENTITY FULL"}),
    [](const testing::TestParamInfo<TablesCase>& info) { return std::string(info.param.name); });

using CopyPlans = Scenario;

// Also where the table has no more pages than a few ranges, and of the first column a few values.
TEST_F(CopyPlans, ReadARangeByItsPages) {
    source().execute(
        "CREATE TABLE one (id int PRIMARY KEY, v text); "
        "INSERT INTO one SELECT g, repeat('v', 200) FROM generate_series(1, 20000) g; "
        "CREATE TABLE two (a int, b int, v text, PRIMARY KEY (a, b)); "
        "INSERT INTO two SELECT g % 2, g, repeat('v', 200) FROM generate_series(1, 20000) g; "
        "ANALYZE");
    const PlanLog log(source(), source_database(), source_cluster());
    consumer().set("copy_chunk_bytes", "\"2MB\"");
    consumer().init();
    consumer().start();
    wait_until_copied();
    catch_up();
    expect_equal();
    int ranges = 0;
    for (const std::string& plan : log.plans("COPY (SELECT")) {
        if (!contains(plan, " WHERE ")) continue;
        ++ranges;
        EXPECT_TRUE(contains(plan, "Bitmap Heap Scan on")) << plan;
        EXPECT_FALSE(contains(plan, "Seq Scan on")) << plan;
    }
    EXPECT_GE(ranges, 6);
}

using CopyMemory = Scenario;

TEST_F(CopyMemory, IsBoundedWhateverTheRows) {
    source().execute(
        "CREATE TABLE large (id int PRIMARY KEY, v text); ALTER TABLE large ALTER v SET STORAGE "
        "external; INSERT INTO large SELECT g, repeat('v', 6000000) FROM generate_series(1, 40) g; "
        "CREATE TABLE many (id int PRIMARY KEY, v text); "
        "INSERT INTO many SELECT g, repeat('v', 100) FROM generate_series(1, 500000) g; ANALYZE");
    consumer().set("copy_workers", "4");
    consumer().set("copy_chunk_bytes", "\"4MB\"");
    consumer().init();
    consumer().start();
    source().execute("UPDATE many SET v = v || 'w' WHERE id % 10 = 0");
    wait_until_copied(seconds(120));
    catch_up();
    const std::int64_t peak = peak_resident_kilobytes(consumer().pid());
    std::printf("RSS %lld MB\n", static_cast<long long>(peak / 1024));
    EXPECT_LT(peak, 200 * 1024);
    expect_equal();
}

using CopyBuilds = Scenario;

TEST_F(CopyBuilds, IndexesAreMadeSeveralAtOnce) {
    source().execute(
        "CREATE FUNCTION slowly(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
        "'BEGIN PERFORM pg_catalog.pg_sleep(0.002); RETURN i; END'; "
        "CREATE TABLE t (id int PRIMARY KEY, v int); "
        "INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; "
        "CREATE INDEX first ON t (slowly(v)); CREATE INDEX second ON t (slowly(v + 1))");
    consumer().set("copy_workers", "2");
    consumer().init();
    consumer().start();
    wait_until("two are made at once", seconds(60), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                   "state = 'active' AND query LIKE 'CREATE INDEX%'") == 2;
    });
    wait_until_copied();
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
