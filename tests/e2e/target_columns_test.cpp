// What the consumer reads about a target table's columns: whether equal values are equal bytes, and
// the type of their arrays. Batches of rows stand on these facts.
#include "e2e/target_facts.h"

namespace walpack::e2e {
namespace {

TEST_F(TargetFacts, TellsTypesWhoseEqualityIsThatOfBytes) {
    target().execute(
        "CREATE TYPE mood AS ENUM ('sad'); "
        "CREATE TABLE t (bool bool, int2 int2, int4 int4, int8 int8, oid oid, xid8 xid8, "
        "lsn pg_lsn, chr \"char\", bytea bytea, uuid uuid, date date, time time, tz timetz, "
        "ts timestamp, tstz timestamptz, money money, mood mood, text text, varchar varchar(9), "
        "name name, c text COLLATE \"C\")");
    EXPECT_EQ(exact_columns("t"),
              "bool int2 int4 int8 oid xid8 lsn chr bytea uuid date time tz ts tstz money mood "
              "text varchar name c");
}

TEST_F(TargetFacts, TellsTypesWhoseEqualityIsCoarser) {
    target().execute(
        "CREATE TYPE pair AS (a int, b int); "
        "CREATE TABLE t (bpchar char(3), numeric numeric, float4 float4, float8 float8, "
        "interval interval, jsonb jsonb, json json, ints int[], range int4range, inet inet, "
        "bits varbit, point point, pair pair, class regclass, xml xml)");
    EXPECT_EQ(exact_columns("t"), "");
}

TEST_F(TargetFacts, LooksThroughDomainsForEquality) {
    target().execute(
        "CREATE DOMAIN d AS text CHECK (VALUE <> ''); CREATE DOMAIN dd AS d; "
        "CREATE DOMAIN n AS numeric; CREATE DOMAIN b AS char(3); "
        "CREATE TABLE t (d d, dd dd, n n, b b)");
    EXPECT_EQ(exact_columns("t"), "d dd");
}

TEST_F(TargetFacts, DoesNotTakeCitextForExact) {
    if (!is_installable("citext")) GTEST_SKIP() << "there is no citext";
    target().execute("CREATE EXTENSION citext; CREATE TABLE t (c citext PRIMARY KEY, v text)");
    EXPECT_EQ(exact_columns("t"), "v");
    EXPECT_EQ(indexes("t"), "c*");
}

TEST_F(TargetFacts, DoesNotTakeANondeterministicCollationForExact) {
    if (target().number("SELECT count(*) FROM pg_collation WHERE collprovider = 'i'") == 0) {
        GTEST_SKIP() << "the server has no ICU";
    }
    target().execute(
        "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); "
        "CREATE DOMAIN d AS text COLLATE ci; "
        "CREATE TABLE t (id text COLLATE ci PRIMARY KEY, v varchar COLLATE ci, d d, "
        "back d COLLATE \"C\", n int)");
    EXPECT_EQ(exact_columns("t"), "back n");
    EXPECT_EQ(indexes("t"), "id*");
}

TEST_F(TargetFacts, DoesNotTrustAnEnumerationWithAnOperatorClassOfItsOwn) {
    target().execute(
        "CREATE TYPE e AS ENUM ('a', 'b'); CREATE FUNCTION cmp(e, e) RETURNS int "
        "IMMUTABLE LANGUAGE sql AS 'SELECT 0'");
    for (const char* name : {"<", "<=", "=", ">=", ">"}) {
        const std::string function = "o" + std::to_string(name[0]) + std::to_string(name[1]);
        target().execute("CREATE FUNCTION " + function +
                         "(e, e) RETURNS bool IMMUTABLE LANGUAGE "
                         "sql AS 'SELECT true'; CREATE OPERATOR " +
                         name +
                         " (LEFTARG = e, "
                         "RIGHTARG = e, FUNCTION = " +
                         function + ")");
    }
    target().execute(
        "CREATE OPERATOR CLASS own DEFAULT FOR TYPE e USING btree AS OPERATOR 1 <, OPERATOR 2 <=, "
        "OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 cmp(e, e); "
        "CREATE TABLE t (e e NOT NULL UNIQUE); CREATE UNIQUE INDEX ON t (e enum_ops)");
    EXPECT_EQ(exact_columns("t"), "");
    EXPECT_EQ(indexes("t"), "e* (e)");
}

TEST_F(TargetFacts, NamesTheArraysOfAColumnsDeclaredType) {
    target().execute(
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TYPE pair AS (a int, b int); "
        "CREATE DOMAIN positive AS int; CREATE DOMAIN numbers AS int[]; "
        "CREATE TABLE t (i int, d positive, e mood, a int[], da numbers, c pair, v varchar(3))");
    EXPECT_EQ(array_type("t", "i"), "integer[]");
    EXPECT_EQ(array_type("t", "d"), "positive[]");
    EXPECT_EQ(array_type("t", "e"), "mood[]");
    EXPECT_EQ(array_type("t", "a"), "-");
    EXPECT_EQ(array_type("t", "da"), "numbers[]");
    EXPECT_EQ(array_type("t", "c"), "pair[]");
    EXPECT_EQ(array_type("t", "v"), "character varying[]");
}

}  // namespace
}  // namespace walpack::e2e
