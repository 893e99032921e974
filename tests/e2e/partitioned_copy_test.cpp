// A partitioned table that is published through its root is copied by chunks as any other, beside
// sessions that move its rows among chunks and partitions.
#include <algorithm>

#include "row_movers.h"
#include "support/loaded_chunks.h"
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr int kRows = 6000;

// Ranges of by_range's key lie in one partition or two, those of by_hash in all of them; keyless
// has no key to be cut by.
const std::vector<std::string> kTables = {"by_range", "by_hash", "keyless"};

class ChunkedPartitions : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both(
            "CREATE TABLE by_range (id int PRIMARY KEY, n int, big text) PARTITION BY RANGE (id); "
            "CREATE TABLE by_range_1 PARTITION OF by_range FOR VALUES FROM (MINVALUE) TO (15000); "
            "CREATE TABLE by_range_2 PARTITION OF by_range FOR VALUES FROM (15000) TO (40000) "
            "PARTITION BY RANGE (id); "
            "CREATE TABLE by_range_2a PARTITION OF by_range_2 FOR VALUES FROM (15000) TO (16000); "
            "CREATE TABLE by_range_2b PARTITION OF by_range_2 DEFAULT; "
            "CREATE TABLE by_range_rest PARTITION OF by_range DEFAULT; "
            "CREATE TABLE by_hash (id int PRIMARY KEY, n int, big text) PARTITION BY HASH (id); "
            "CREATE TABLE by_hash_0 PARTITION OF by_hash "
            "FOR VALUES WITH (MODULUS 2, REMAINDER 0); "
            "CREATE TABLE by_hash_1 (big text, id int NOT NULL, n int); "
            "ALTER TABLE by_hash ATTACH PARTITION by_hash_1 "
            "FOR VALUES WITH (MODULUS 2, REMAINDER 1); "
            "CREATE TABLE keyless (id int, n int, big text) PARTITION BY RANGE (id); "
            "CREATE TABLE keyless_1 PARTITION OF keyless FOR VALUES FROM (0) TO (1000); "
            "CREATE TABLE keyless_rest PARTITION OF keyless DEFAULT; "
            "ALTER TABLE keyless REPLICA IDENTITY FULL; "
            "ALTER TABLE keyless_1 REPLICA IDENTITY FULL; "
            "ALTER TABLE keyless_rest REPLICA IDENTITY FULL");
        for (const std::string& table : kTables) {
            source().execute("INSERT INTO " + table +
                             " (id, n, big) SELECT g * 10, g, CASE WHEN g % 9 = 0 THEN " +
                             kToasted + " ELSE repeat('x', 100) END FROM generate_series(1, " +
                             std::to_string(kRows) + ") g");
        }
        source().execute("ANALYZE; CREATE PUBLICATION " + slot() +
                         " FOR ALL TABLES WITH (publish_via_partition_root)");
        consumer().set("copy_chunk_bytes", "65536");
    }

    // Chunks of a table that are loaded, each with the moment.
    std::string loaded_chunks(const std::string& table) {
        if (target().value("SELECT to_regclass('walpack.copy_chunk')").empty()) return "";
        return target().value(
            "SELECT string_agg(chunk || ' ' || loaded_at, ', ' ORDER BY chunk) FROM "
            "walpack.copy_chunk JOIN walpack.copy_table USING (table_oid) WHERE loaded_at IS NOT "
            "NULL AND table_name = " +
            literal(table));
    }
};

TEST_F(ChunkedPartitions, RowsThatMoveAmongChunksAndPartitionsArriveOnce) {
    consumer().set("copy_rate_limit", "\"1MB\"");
    RowMovers movers(source_conninfo(), kTables, kRows, Truncate::when_told);
    wait_until("rows move", seconds(10), [&] { return movers.committed() > 50; });
    consumer().init();
    consumer().start();
    for (const std::string table : {"by_range", "by_hash"}) {
        const std::string begun = "copying public." + table + " in ";
        wait_until(begun, seconds(20), [&] { return contains(consumer().log(), begun); });
        EXPECT_FALSE(contains(consumer().log(), begun + "1 part"));
    }
    movers.truncate_too();
    wait_until_copied();
    EXPECT_EQ(movers.stop(), "");
    EXPECT_TRUE(contains(consumer().log(), "ranges of column \"id\", of its primary key"));
    catch_up();
    expect_equal();
}

TEST_F(ChunkedPartitions, KillsAmidRowsThatMoveLoseAndRepeatNone) {
    consumer().set("copy_rate_limit", "\"1MB\"");
    Random random(11);
    RowMovers movers(source_conninfo(), kTables, kRows);
    consumer().init();
    consumer().start();
    for (int kills = 0; kills < 8; ++kills) {
        const auto ended = consumer().wait_exit(milliseconds(random.between(100, 900)));
        ASSERT_FALSE(ended.has_value()) << consumer().log();
        consumer().kill();
        consumer().start();
    }
    wait_until_copied();
    EXPECT_EQ(movers.stop(), "");
    catch_up();
    expect_equal();
}

TEST_F(ChunkedPartitions, AKillRepeatsOnlyUnfinishedChunks) {
    source().execute("TRUNCATE keyless, by_hash");
    consumer().set("copy_rate_limit", "\"500kB\"");
    consumer().init();
    consumer().start();
    wait_until("chunks are loaded", seconds(30),
               [&] { return count_loaded_chunks(target(), "by_range") >= 4; });
    consumer().kill();
    const std::string before = loaded_chunks("by_range");
    const std::int64_t count = count_loaded_chunks(target(), "by_range");
    consumer().start();
    wait_until("more are loaded", seconds(30),
               [&] { return count_loaded_chunks(target(), "by_range") >= count + 3; });
    const std::string after = loaded_chunks("by_range");
    for (std::size_t at = 0; at < before.size();) {
        const std::size_t end = std::min(before.find(", ", at), before.size());
        EXPECT_TRUE(contains(after, before.substr(at, end - at)));
        at = end + 2;
    }
    consumer().set("copy_rate_limit", "0");
    consumer().kill();
    consumer().start();
    wait_until_copied();
    catch_up();
    expect_equal();
}

// Also of a table whose structure init made: its partitions' keys are there before it is live.
TEST_F(ChunkedPartitions, KeysOfPartitionsAreMadeBeforeChangesNeedThem) {
    target().execute("DROP TABLE by_range, by_hash, keyless");
    consumer().set("copy_rate_limit", "\"1MB\"");
    RowMovers movers(source_conninfo(), kTables, kRows);
    consumer().init();
    consumer().start();
    wait_until_copied();
    EXPECT_EQ(movers.stop(), "");
    catch_up();
    expect_equal();
    const std::string log = consumer().log();
    const std::size_t complete = log.find("the copy of public.by_range is complete");
    ASSERT_NE(complete, std::string::npos) << log;
    for (const char* partition : {"by_range_1", "by_range_2a", "by_range_2b", "by_range_rest"}) {
        const std::string made =
            std::string("made CONSTRAINT public ") + partition + ' ' + partition + "_pkey";
        EXPECT_LT(log.find(made), complete) << made << " in " << log;
    }
}

}  // namespace
}  // namespace walpack::e2e
