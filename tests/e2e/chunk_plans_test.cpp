// Where a table is cut into chunks: by which key, into which ranges, in which order.
#include <algorithm>

#include "base/text.h"
#include "chunk_scenario.h"
#include "copy/chunk_key.h"

namespace walpack::e2e {
namespace {

class ChunkPlans : public ChunkScenario {
  protected:
    // In pieces none of which is much larger than the others, and each of which is found again.
    void expect_copied_evenly(const std::shared_ptr<const PublishedTable>& table,
                              const ChunkPlan& made, std::uint64_t total) {
        const std::vector<std::uint64_t> rows = copy_all(table, made);
        EXPECT_LT(*std::ranges::max_element(rows), total * 3 / rows.size());
        expect_equal();
        expect_found_on_target(load(table, made), made, rows);
    }
};

// --- order of keys ---

struct KeyKind {
    const char* name;
    const char* type;
    const char* values;  // a query of column v
};

void PrintTo(const KeyKind& kind, std::ostream* out) {
    *out << kind.name;
}

class KeyOrder : public ChunkScenario, public ::testing::WithParamInterface<KeyKind> {};

// Each bound is compared with each value, so bounds and values are put in the source's own order.
TEST_P(KeyOrder, IsThatOfTheSource) {
    source().execute(std::string("CREATE TABLE t (k ") + GetParam().type + " PRIMARY KEY)");
    source().execute(std::string("INSERT INTO t SELECT DISTINCT v FROM (") + GetParam().values +
                     ") s(v)");
    source().execute("ANALYZE t");
    const auto table = publish();
    const std::int64_t rows = source().number("SELECT count(*) FROM t");
    ASSERT_GT(rows, 10);
    const auto keys = read_chunk_keys(read(), *table);
    ASSERT_EQ(keys.size(), 1U);
    // With twice as many parts as rows every value is a bound, in the order of the source.
    const Result bounds =
        read().execute(bounds_sql(*table, keys.front(), static_cast<std::size_t>(rows) * 2, 100));
    std::int64_t distinct = 0;
    std::string before;
    for (int row = 0; row < bounds.rows(); ++row) {
        const std::string key =
            sort_key_of_sent(table->relation->attributes[0].kind, from_hex(bounds.value(row, 1)));
        EXPECT_LE(before, key) << "at row " << row << ", " << bounds.value(row, 0);
        distinct += row == 0 || before != key ? 1 : 0;
        before = key;
    }
    EXPECT_EQ(distinct, rows);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, KeyOrder,
    ::testing::Values(
        KeyKind{"int2", "int2", "VALUES (-32768), (32767) UNION ALL SELECT generate_series(-9, 9)"},
        KeyKind{"int4", "int4",
                "VALUES (-2147483648), (2147483647) UNION ALL SELECT generate_series(-300, 300)"},
        KeyKind{"int8", "int8",
                "VALUES (-9223372036854775808), (9223372036854775807) UNION ALL "
                "SELECT g * 12345678901 FROM generate_series(-99, 99) g"},
        KeyKind{"oid", "oid", "SELECT (g * 42949672)::oid FROM generate_series(0, 99::int8) g"},
        KeyKind{"uuid", "uuid", "SELECT md5(g::text)::uuid FROM generate_series(1, 300) g"},
        KeyKind{"date", "date",
                "VALUES (date 'infinity'), ('-infinity'), ('4714-11-24 BC'), ('5874897-12-31') "
                "UNION ALL SELECT date '2000-01-01' + g FROM generate_series(-9, 9) g"},
        KeyKind{
            "timestamp", "timestamp",
            "VALUES (timestamp 'infinity'), ('-infinity'), ('4714-11-24 BC'), "
            "('294276-12-31 23:59:59.999999') UNION ALL "
            "SELECT timestamp '2000-01-01' + g * interval '1 us' FROM generate_series(-9, 9) g"},
        KeyKind{"timestamptz", "timestamptz",
                "VALUES (timestamptz 'infinity'), ('-infinity') UNION ALL "
                "SELECT timestamptz '1999-12-31 23:59:59+07' + g * interval '7 h' "
                "FROM generate_series(-9, 9) g"},
        KeyKind{"numeric", "numeric",
                "VALUES ('NaN'::numeric), ('Infinity'), ('-Infinity'), (0), (1.50), (-1.5), "
                "(1e40), (-1e40), (1e-40), (-1e-40), (10000), (100000000), (9999.9999), "
                "(-9999.9999), (-10000), (0.0001), (0.00010001) UNION ALL "
                "SELECT g * 1234.5678 FROM generate_series(-99, 99) g UNION ALL "
                "SELECT sign(random() - 0.5)::numeric * (random() * 10 ^ (g % 30 - 15))::numeric "
                "FROM generate_series(1, 300) g"},
        KeyKind{"text", "text COLLATE \"C\"",
                "SELECT repeat('a', g) FROM generate_series(0, 5) g UNION ALL "
                "SELECT chr(g) || 'x' FROM generate_series(1, 900) g UNION ALL "
                "VALUES (U&'\\FFFD'), (U&'\\+01F600'), ('A'), ('a b'), ('ab')"},
        KeyKind{"varchar", "varchar(20) COLLATE \"POSIX\"",
                "SELECT md5(g::text)::varchar(12) FROM generate_series(1, 50) g"}),
    [](const auto& instance) { return std::string(instance.param.name); });

// --- plans ---

TEST_F(ChunkPlans, ASmallTableIsOneRangeOfItsKey) {
    source().execute(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    const ChunkPlan made = plan(*publish(), 1 << 30);
    EXPECT_EQ(made.method, ChunkMethod::key);
    EXPECT_EQ(made.ranges, std::vector<KeyRange>{KeyRange{}});
    EXPECT_EQ(made.rows_estimated, 100U);
    EXPECT_GE(made.bytes_estimated, 8192U);
    EXPECT_EQ(made.reason, "1 range of column \"id\", of its primary key");
}

TEST_F(ChunkPlans, AnEmptyTableIsOneRange) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY)");
    EXPECT_EQ(plan(*publish(), 1).ranges.size(), 1U);
}

TEST_F(ChunkPlans, ALargeTableIsCutIntoRangesOfSimilarSize) {
    on_both("CREATE TABLE t (id int8 PRIMARY KEY, v text)");
    source().execute(
        "INSERT INTO t SELECT g::int8 * g, repeat('x', 200) FROM generate_series(1, 40000) g");
    source().execute("INSERT INTO t SELECT -g, 'n' FROM generate_series(1, 300) g");
    const auto table = publish();
    const ChunkPlan made = plan(*table, 1 << 20);
    EXPECT_EQ(made.method, ChunkMethod::key);
    EXPECT_GE(made.ranges.size(), 8U);
    EXPECT_NEAR(static_cast<double>(made.rows_estimated), 40'300, 8'000);
    expect_copied_evenly(table, made, 40'300);
}

// A worker alone with the last chunk of a table would leave the others idle.
TEST_F(ChunkPlans, EveryWorkerHasAsManyChunks) {
    source().execute(
        "CREATE TABLE t (id int8 PRIMARY KEY, v text);"
        "INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series(1, 20000) g; ANALYZE t");
    const auto table = publish();
    const std::uint64_t bytes = plan(*table, 1 << 30).bytes_estimated;
    EXPECT_EQ(plan(*table, bytes / 3).ranges.size(), 4U);
    EXPECT_EQ(plan(*table, bytes / 3, 2).ranges.size(), 4U);
    EXPECT_EQ(plan(*table, bytes / 3, 5).ranges.size(), 5U);
    // Even where one chunk would do, but not in pieces that are not worth a snapshot.
    EXPECT_EQ(plan(*table, bytes, 1).ranges.size(), 1U);
    EXPECT_EQ(plan(*table, bytes, 3).ranges.size(), 3U);
    EXPECT_EQ(plan(*table, bytes * 2, 60).ranges.size(), 4U);
    EXPECT_EQ(plan(*table, bytes * 8, 3).ranges.size(), 1U);
}

TEST_F(ChunkPlans, WithoutAKeyATableIsCutByPages) {
    on_both("CREATE TABLE t (n numeric, v text)");
    source().execute("INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g");
    const auto table = publish("FOR TABLE t WITH (publish = 'insert')");
    const ChunkPlan made = plan(*table, 500'000);
    EXPECT_EQ(made.method, ChunkMethod::whole);
    EXPECT_GE(made.pages.size(), 4U);
    EXPECT_EQ(made.pages.front().from, 0U);
    EXPECT_EQ(made.pages.back().to, std::nullopt);
    EXPECT_EQ(copy_all(table, made).size(), made.pages.size());
    expect_equal();
}

TEST_F(ChunkPlans, AKeyWithTooFewLeadingValuesGivesWayToAnother) {
    source().execute(
        "CREATE TABLE t (tenant int, id int NOT NULL, v text, n float8, PRIMARY KEY (tenant, n));"
        "ALTER TABLE t REPLICA IDENTITY FULL;"
        "INSERT INTO t SELECT 1 + g % 2, g, repeat('x', 100), g FROM generate_series(1, 20000) g");
    const auto table = publish();
    const ChunkPlan whole = plan(*table, 100'000);
    EXPECT_EQ(whole.method, ChunkMethod::whole);
    EXPECT_TRUE(contains(whole.reason, "have too few values"));
    source().execute("CREATE UNIQUE INDEX t_id ON t (id)");
    const ChunkPlan made = plan(*table, 100'000);
    EXPECT_EQ(made.method, ChunkMethod::key);
    EXPECT_EQ(made.key_attributes, std::vector<std::size_t>{1});
    EXPECT_TRUE(contains(made.reason, "index \"t_id\""));
}

// Each of the few leading values is cut by what comes behind it.
TEST_F(ChunkPlans, AKeyWithTooFewLeadingValuesIsCutByItsColumnsTogether) {
    on_both(
        "CREATE TABLE t (v text, id numeric, tenant int, line uuid, "
        "PRIMARY KEY (tenant, id, line))");
    source().execute(
        "INSERT INTO t SELECT repeat('x', 100), (g - 9999) * 3, g % 3 - 1, md5(g::text)::uuid "
        "FROM generate_series(1, 20000) g; "
        "INSERT INTO t SELECT 'lines', 7, 1, md5(g::text)::uuid FROM generate_series(1, 9000) g");
    const auto table = publish();
    const ChunkPlan made = plan(*table, 200'000);
    EXPECT_EQ(made.method, ChunkMethod::key);
    EXPECT_TRUE(
        contains(made.reason, "of columns \"tenant\", \"id\", \"line\", of its primary key"));
    EXPECT_GE(made.ranges.size(), 10U);
    expect_copied_evenly(table, made, 29'000);
}

TEST_F(ChunkPlans, ColumnsAreCutTogetherOnlyInOneDirection) {
    source().execute(
        "CREATE TABLE t (tenant int NOT NULL, id int NOT NULL, v text);"
        "CREATE UNIQUE INDEX t_key ON t (tenant, id DESC);"
        "ALTER TABLE t REPLICA IDENTITY USING INDEX t_key;"
        "INSERT INTO t SELECT 1 + g % 2, g, repeat('x', 100) FROM generate_series(1, 20000) g");
    EXPECT_EQ(plan(*publish(), 100'000).method, ChunkMethod::whole);
}

TEST_F(ChunkPlans, APartitionedTableIsCutByItsKeyThroughItsRoot) {
    on_both(
        "CREATE TABLE t (id int, part int, v text, PRIMARY KEY (id, part)) "
        "PARTITION BY LIST (part);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);"
        "CREATE TABLE t2 PARTITION OF t DEFAULT PARTITION BY HASH (id);"
        "CREATE TABLE t2a PARTITION OF t2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE t2b PARTITION OF t2 FOR VALUES WITH (MODULUS 2, REMAINDER 1)");
    source().execute(
        "INSERT INTO t SELECT g, g % 3, repeat('x', 200) FROM generate_series(1, 20000) g");
    const auto table = publish("FOR TABLE t WITH (publish_via_partition_root)");
    const ChunkPlan made = plan(*table, 500'000);
    EXPECT_EQ(made.method, ChunkMethod::key);
    EXPECT_TRUE(contains(made.reason, "of column \"id\", of its primary key"));
    EXPECT_GE(made.ranges.size(), 6U);
    EXPECT_NEAR(static_cast<double>(made.rows_estimated), 20'000, 5'000);
    expect_copied_evenly(table, made, 20'000);
}

TEST_F(ChunkPlans, WithoutAKeyAPartitionedTableIsCutByPagesOfItsPartitions) {
    on_both(
        "CREATE TABLE t (n numeric, v text) PARTITION BY RANGE (n);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (1000);"
        "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (1000) TO (3000);"
        "CREATE TABLE t3 PARTITION OF t DEFAULT");
    source().execute("INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g");
    const auto table = publish("FOR TABLE t WITH (publish = 'insert', publish_via_partition_root)");
    const ChunkPlan made = plan(*table, 300'000);
    EXPECT_EQ(made.method, ChunkMethod::whole);
    const std::vector<std::uint64_t> rows = copy_all(table, made);
    EXPECT_GE(rows.size(), 6U);
    EXPECT_LT(*std::ranges::max_element(rows), 20'000 * 3 / rows.size());
    EXPECT_EQ(made.pages.back().to, std::nullopt);
    expect_equal();
}

// --- which keys serve ---

struct KeyCase {
    const char* name;
    const char* table;
    const char* publication;
    bool serves;
};

void PrintTo(const KeyCase& key, std::ostream* out) {
    *out << key.name;
}

class ChunkKeys : public ChunkScenario, public ::testing::WithParamInterface<KeyCase> {};

TEST_P(ChunkKeys, ServeOrNot) {
    source().execute(GetParam().table);
    EXPECT_EQ(!read_chunk_keys(read(), *publish(GetParam().publication)).empty(),
              GetParam().serves);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ChunkKeys,
    ::testing::Values(
        KeyCase{"PrimaryKey", "CREATE TABLE t (k int PRIMARY KEY)", "FOR TABLE t", true},
        KeyCase{"DomainOfAKind", "CREATE DOMAIN d AS int; CREATE TABLE t (k d PRIMARY KEY)",
                "FOR TABLE t", true},
        KeyCase{"Numeric", "CREATE TABLE t (k numeric(18,2) PRIMARY KEY)", "FOR TABLE t", true},
        KeyCase{"Float", "CREATE TABLE t (k float8 PRIMARY KEY)", "FOR TABLE t", false},
        KeyCase{"LinguisticText", "CREATE TABLE t (k text COLLATE \"und-x-icu\" PRIMARY KEY)",
                "FOR TABLE t", false},
        KeyCase{"TextInC", "CREATE TABLE t (k text COLLATE \"C\" PRIMARY KEY)", "FOR TABLE t",
                true},
        KeyCase{"TextInUcsBasic", "CREATE TABLE t (k text COLLATE ucs_basic PRIMARY KEY)",
                "FOR TABLE t", true},
        KeyCase{"Bpchar", "CREATE TABLE t (k char(9) COLLATE \"C\" PRIMARY KEY)", "FOR TABLE t",
                false},
        KeyCase{"IndexInAnotherOrder",
                "CREATE TABLE t (k text NOT NULL COLLATE \"C\");"
                "CREATE UNIQUE INDEX ON t (k COLLATE \"und-x-icu\")",
                "FOR TABLE t WITH (publish = 'insert')", false},
        KeyCase{"PartialIndex",
                "CREATE TABLE t (k int NOT NULL); CREATE UNIQUE INDEX ON t (k) WHERE k > 0",
                "FOR TABLE t WITH (publish = 'insert')", false},
        KeyCase{"NullableColumn", "CREATE TABLE t (k int UNIQUE)",
                "FOR TABLE t WITH (publish = 'insert')", false},
        KeyCase{"UniqueColumnWithoutUpdates", "CREATE TABLE t (k int NOT NULL UNIQUE)",
                "FOR TABLE t WITH (publish = 'insert')", true},
        KeyCase{"KeyThatOldRowsLack",
                "CREATE TABLE t (k int PRIMARY KEY, n float8 NOT NULL UNIQUE);"
                "ALTER TABLE t REPLICA IDENTITY USING INDEX t_n_key",
                "FOR TABLE t", false},
        KeyCase{"ReplicaIdentityIndex",
                "CREATE TABLE t (n float8 PRIMARY KEY, k int NOT NULL UNIQUE);"
                "ALTER TABLE t REPLICA IDENTITY USING INDEX t_k_key",
                "FOR TABLE t", true},
        KeyCase{"AnyUnderFull",
                "CREATE TABLE t (n float8 PRIMARY KEY, k int NOT NULL UNIQUE);"
                "ALTER TABLE t REPLICA IDENTITY FULL",
                "FOR TABLE t", true},
        KeyCase{"PartitionWithAnotherIdentity",
                "CREATE TABLE t (k int PRIMARY KEY, n float8 NOT NULL) PARTITION BY RANGE (k);"
                "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9);"
                "CREATE TABLE t2 PARTITION OF t DEFAULT; CREATE UNIQUE INDEX t2_n ON t2 (n);"
                "ALTER TABLE t2 REPLICA IDENTITY USING INDEX t2_n",
                "FOR TABLE t WITH (publish_via_partition_root)", false},
        KeyCase{"PartitionsWithItInTheirIdentities",
                "CREATE TABLE t (k int PRIMARY KEY) PARTITION BY RANGE (k);"
                "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9);"
                "CREATE TABLE t2 PARTITION OF t DEFAULT; ALTER TABLE t2 REPLICA IDENTITY FULL",
                "FOR TABLE t WITH (publish_via_partition_root)", true},
        KeyCase{"ColumnNotPublished", "CREATE TABLE t (k int PRIMARY KEY, v int)",
                "FOR TABLE t (v) WITH (publish = 'insert')", false}),
    [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace walpack::e2e
