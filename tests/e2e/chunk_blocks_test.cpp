// Rows of chunks between real servers: all of them, once, exactly, and errors that say where. And
// what a snapshot sees.
#include "chunk_scenario.h"
#include "copy/source_snapshot.h"

namespace walpack::e2e {
namespace {

constexpr const char* kLatin1 = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'";

using ChunkBlocks = ChunkScenario;

// --- loading ---

TEST_F(ChunkBlocks, TextKeysAreFoundOnATargetOfAnotherOrder) {
    source().execute("CREATE TABLE t (k text COLLATE \"C\" PRIMARY KEY, v text)");
    target().execute("CREATE TABLE t (k text COLLATE \"und-x-icu\" PRIMARY KEY, v text)");
    source().execute(
        "INSERT INTO t SELECT CASE WHEN g % 2 = 0 THEN upper(md5(g::text)) ELSE md5(g::text) END "
        "|| chr(200 + g % 100), repeat('x', 50) FROM generate_series(1, 5000) g");
    const auto table = publish();
    const ChunkPlan made = plan(*table, 100'000);
    EXPECT_GE(made.ranges.size(), 3U);
    const std::vector<std::uint64_t> rows = copy_all(table, made);
    expect_equal();
    expect_found_on_target(load(table, made), made, rows);
}

TEST_F(ChunkBlocks, ValuesOfManyTypesArriveInBinary) {
    const std::string columns =
        "id int PRIMARY KEY, f float8, g float4, n numeric(20,5), d date, tz timestamptz, i "
        "interval, "
        "b bytea, j jsonb, js json, u uuid, ip inet, a int[], ta text[], r int4range, "
        "mr int4multirange, m money, c char(7), bits bit(5), ts tsvector, p point, m2 mood, vc "
        "varchar(9)";
    on_both("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (" + columns + ")");
    source().execute(
        "INSERT INTO t VALUES (1, 'NaN', '-0', 'NaN', 'infinity', '-infinity', '1 mon -3 days', "
        "'\\x00ff', '{\"a\": [1, 2.50]}', '{\"a\" : 1}', gen_random_uuid(), '10.0.0.1/8', "
        "'[2:3]={1,NULL}', "
        "'{\"ä\",NULL,\"\"}', '[1,5)', '{[1,3),[7,9)}', '12.34', 'ab', '10101', 'a:1 b:2A', "
        "'(1.5,-2)', 'ok', 'ü'), "
        "(2, 1e-300, 0.1, 1e14, '0044-03-15 BC', '2024-02-29 12:00:00.123456+00', '0', '', 'null', "
        "'[]', "
        "gen_random_uuid(), '::1', '{}', '{}', 'empty', '{}', '-1', '', '00000', '', '(0,0)', "
        "'sad', '')");
    source().execute("INSERT INTO t (id) VALUES (3)");
    const auto table = publish();
    const ChunkPlan made = plan(*table, 1 << 30);
    const TableLoad loaded = load(table, made);
    EXPECT_TRUE(loaded.is_binary) << loaded.format_reason;
    EXPECT_EQ(copy_all(table, made), std::vector<std::uint64_t>{3});
    expect_equal();
}

TEST_F(ChunkBlocks, WhatHasNoCommonBinaryFormArrivesAsText) {
    on_both("CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('sad', 'ok')");
    source().execute("CREATE TABLE t (id int PRIMARY KEY, c pair, e mood[], w int4, x xml)");
    target().execute("CREATE TABLE t (id int PRIMARY KEY, c pair, e mood[], w numeric, x xml)");
    source().execute(
        "INSERT INTO t VALUES (1, '(1,\"a,b\")', '{sad,NULL}', 7, '<a/>'), (2, NULL, NULL, NULL, "
        "NULL)");
    const auto table = publish();
    const ChunkPlan made = plan(*table, 1 << 30);
    const TableLoad loaded = load(table, made);
    EXPECT_FALSE(loaded.is_binary);
    EXPECT_TRUE(contains(loaded.format_reason, "column \"c\""));
    EXPECT_EQ(copy_all(table, made), std::vector<std::uint64_t>{2});
    expect_equal();
}

TEST_F(ChunkBlocks, NarrowNumbersAreWidenedAtTheSource) {
    source().execute("CREATE TABLE t (id int4 PRIMARY KEY, f float4, s int2)");
    target().execute("CREATE TABLE t (id int8 PRIMARY KEY, f float8, s int4)");
    source().execute("INSERT INTO t VALUES (-1, 0.1, -32768), (2, 'NaN', 5)");
    const auto table = publish();
    const ChunkPlan made = plan(*table, 1 << 30);
    EXPECT_TRUE(load(table, made).is_binary);
    copy_all(table, made);
    EXPECT_EQ(target().value("SELECT f = 0.1::float4::float8 AND s = -32768 FROM t WHERE id = -1"),
              "t");
    expect_found_on_target(load(table, made), made, {2});
}

TEST_F(ChunkBlocks, RowsWithoutColumnsAreCounted) {
    on_both("CREATE TABLE t ()");
    source().execute("INSERT INTO t SELECT FROM generate_series(1, 7)");
    const auto table = publish("FOR TABLE t WITH (publish = 'insert')");
    EXPECT_EQ(copy_all(table, plan(*table, 1 << 30)), std::vector<std::uint64_t>{7});
    EXPECT_EQ(target().number("SELECT count(*) FROM t"), 7);
}

TEST_F(ChunkBlocks, OnlyPublishedRowsAndColumnsAreLoaded) {
    source().execute("CREATE TABLE t (secret int, id int PRIMARY KEY, v text)");
    target().execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
    source().execute(
        "INSERT INTO t SELECT g % 2, g, repeat('x', 90) FROM generate_series(1, 5000) g");
    const auto table = publish("FOR TABLE t (id, v) WHERE (id % 10 = 3 OR id = 4)");
    const ChunkPlan made = plan(*table, 100'000);
    EXPECT_GE(made.ranges.size(), 3U);
    const std::vector<std::uint64_t> rows = copy_all(table, made);
    EXPECT_EQ(target().value("SELECT count(*) || ' ' || bool_and(id % 10 = 3 OR id = 4) FROM t"),
              "501 true");
    expect_found_on_target(load(table, made), made, rows);
}

TEST_F(ChunkBlocks, AnErrorNamesTableAndColumnButNoValue) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
    target().execute("CREATE TABLE t (id int PRIMARY KEY, v varchar(5))");
    source().execute("INSERT INTO t VALUES (1, 'secret value')");
    const auto table = publish();
    const std::string error = load_error(load(table, plan(*table, 1 << 30)));
    EXPECT_TRUE(contains(error, "copy of \"public.t\" failed, column \"v\""));
    EXPECT_EQ(error.find("secret"), std::string::npos) << error;
}

TEST_F(ChunkBlocks, AnErrorInTextFormatNamesTheColumnToo) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY, \"a, column b\" text, x xml)");
    target().execute("CREATE TABLE t (id int PRIMARY KEY, \"a, column b\" json, x xml)");
    source().execute("INSERT INTO t VALUES (1, '{\"secret\" secret}')");
    const auto table = publish();
    const std::string error = load_error(load(table, plan(*table, 1 << 30)));
    EXPECT_TRUE(contains(error, "failed, column \"a, column b\""));
    EXPECT_EQ(error.find("secret"), std::string::npos) << error;
}

TEST_F(ChunkBlocks, RowsThatATriggerKeepsAwayAreAnError) {
    on_both("CREATE TABLE t (id int PRIMARY KEY)");
    target().execute(
        "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER s BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION skip();"
        "ALTER TABLE t ENABLE ALWAYS TRIGGER s");
    source().execute("INSERT INTO t VALUES (1), (2)");
    const auto table = publish();
    EXPECT_TRUE(
        contains(load_error(load(table, plan(*table, 1 << 30))), "the target stored 0 of 2 rows"));
}

class ChunkBlocksToLatin1 : public ChunkScenario {
  protected:
    ChunkBlocksToLatin1() : ChunkScenario({.target = kLatin1}) {}
};

TEST_F(ChunkBlocksToLatin1, CharactersAreConverted) {
    on_both("CREATE TABLE t (id text COLLATE \"C\" PRIMARY KEY, v text, j jsonb)");
    source().execute(
        "INSERT INTO t SELECT chr(100 + g % 150) || g, repeat('ö', 60), '{\"ä\": \"ü\"}' "
        "FROM generate_series(1, 3000) g");
    const auto table = publish();
    const ChunkPlan made = plan(*table, 100'000);
    EXPECT_GE(made.ranges.size(), 3U);
    EXPECT_TRUE(load(table, made).is_binary);
    const std::vector<std::uint64_t> rows = copy_all(table, made);
    expect_equal();
    expect_found_on_target(load(table, made), made, rows);
}

TEST_F(ChunkBlocksToLatin1, ACharacterWithoutEquivalentIsAnErrorThatNamesTheColumn) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text)");
    source().execute("INSERT INTO t VALUES (1, 'secret €')");
    const auto table = publish();
    const std::string error = load_error(load(table, plan(*table, 1 << 30)));
    EXPECT_TRUE(contains(error,
                         "copy of \"public.t\" failed, column \"v\": a character has no equivalent "
                         "in the encoding of the target"));
    EXPECT_EQ(error.find("secret"), std::string::npos) << error;
    EXPECT_EQ(error.find("0xe2"), std::string::npos) << error;
}

// --- snapshots ---

TEST_F(ChunkBlocks, ASnapshotSeesWhatTheServersDoes) {
    source().execute("CREATE TABLE t (id int)");
    Session running = new_source_session();
    running.execute("BEGIN; INSERT INTO t VALUES (1)");
    const auto during = SourceSnapshot::parse(
        read().query_value("SELECT pg_catalog.pg_current_snapshot()").value_or(""));
    ASSERT_TRUE(during.has_value());
    const auto xid =
        static_cast<std::uint32_t>(std::stoull(running.value("SELECT pg_current_xact_id()")));
    running.execute("COMMIT");
    const auto after = SourceSnapshot::parse(
        read().query_value("SELECT pg_catalog.pg_current_snapshot()").value_or(""));
    ASSERT_TRUE(after.has_value());
    EXPECT_FALSE(during->sees(xid, Lsn{1}));
    EXPECT_TRUE(after->sees(xid, Lsn{1}));
    EXPECT_TRUE(after->includes(*during));
    EXPECT_FALSE(during->includes(*after));
}

}  // namespace
}  // namespace walpack::e2e
