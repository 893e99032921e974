// Rows that a batch must find by something other than a plain key: by the whole row, by an index
// that only the target has, by keys of which several texts are equal.
#include "support/backlog.h"

namespace walpack::e2e {
namespace {

class ApplyIdentities : public BacklogScenario {
  protected:
    bool has(const std::string& query) { return source().value(query) == "t"; }

    std::int64_t scans_by(const std::string& index) {
        return target().number("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = " +
                               literal(index));
    }
};

TEST_F(ApplyIdentities, EqualRowsWithoutAKeyAreChangedOneByOne) {
    on_both(
        "CREATE TABLE bag (n int, amount numeric, f float8, j json, v text); "
        "ALTER TABLE bag REPLICA IDENTITY FULL");
    copy_and_stop();
    each_in_transaction(
        200,
        "INSERT INTO bag SELECT i % 5, (ARRAY[1.0, 1.00, NULL, 'NaN'])[i % 4 + 1], "
        "(ARRAY['-0', '0', 'NaN', NULL])[i % 4 + 1]::float8, (ARRAY['{\"a\": 1}', '{\"a\":1}',"
        " NULL])[i % 3 + 1]::json, 'equal' FROM generate_series(1, 3); "
        "UPDATE bag SET n = n + 1 WHERE ctid = (SELECT ctid FROM bag LIMIT 1 OFFSET i % 60); "
        "UPDATE bag SET f = -f, v = NULL WHERE ctid = (SELECT ctid FROM bag LIMIT 1 OFFSET i "
        "% 31); DELETE FROM bag WHERE ctid = (SELECT ctid FROM bag LIMIT 1 OFFSET i % 17); "
        "UPDATE bag SET amount = 1.000 WHERE ctid = (SELECT ctid FROM bag WHERE amount = 1 "
        "LIMIT 1 OFFSET i % 7)");
    expect_backlog_arrives();
}

// Each index finds rows that are equal and not the same; which row was meant, all of it says.
TEST_F(ApplyIdentities, EqualRowsOfEveryTypeAreToldApartWhateverIndexFindsThem) {
    on_both(
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN mood_d AS mood; CREATE DOMAIN "
        "range_d AS int4range; "
        "CREATE DOMAIN name_d AS text COLLATE \"C\"; CREATE TYPE pair AS (a int, b numeric); "
        "CREATE TABLE bag (n int, amount numeric, f8 float8, f4 float4, span interval, doc jsonb, "
        "raw json, t text, c char(4), b bpchar, v varchar(9), m mood, md mood_d, nd name_d "
        "COLLATE \"POSIX\", a numeric[], r numrange, ip inet, bits varbit, p pair, id name, rd "
        "range_d); "
        "ALTER TABLE bag REPLICA IDENTITY FULL");
    target().execute(
        "CREATE INDEX ON bag (n); CREATE INDEX ON bag (amount); CREATE INDEX ON bag (f8); CREATE "
        "INDEX ON bag (f4); CREATE INDEX ON bag (span); CREATE INDEX ON bag (doc); CREATE INDEX "
        "ON bag (t); CREATE INDEX ON bag (c); CREATE INDEX ON bag (b); CREATE INDEX ON bag (v); "
        "CREATE INDEX ON bag USING hash (m); CREATE INDEX ON bag (md); CREATE INDEX ON bag (nd); "
        "CREATE INDEX ON bag (a); CREATE INDEX ON bag USING gist (r); CREATE INDEX ON bag (ip); "
        "CREATE INDEX ON bag (bits); CREATE INDEX ON bag (p); CREATE INDEX ON bag (id)");
    copy_and_stop();
    const std::string one_of = " WHERE ctid = (SELECT ctid FROM bag OFFSET i * 7 % 20 LIMIT 1); ";
    each_in_transaction(
        100,
        "INSERT INTO bag SELECT i % 2, (ARRAY[1.0, 1.00, NULL, 'NaN'])[i % 4 + 1], (ARRAY['-0', "
        "'0', 'NaN', NULL])[i % 4 + 1]::float8, (ARRAY['-0', '0', 'NaN'])[i % 3 + 1]::float4, "
        "(ARRAY['1 day', '24 hours', NULL])[i % 3 + 1]::interval, (ARRAY['{\"a\": 1.0}', '{\"a\": "
        "1.00}'])[i % 2 + 1]::jsonb, (ARRAY['{\"a\": 1}', '{\"a\":1}'])[i % 2 + 1]::json, (ARRAY["
        "'x', 'x ', NULL])[i % 3 + 1], 'c', (ARRAY['b', 'b '])[i % 2 + 1]::bpchar, 'v', (ARRAY["
        "'sad', 'ok'])[i % 2 + 1]::mood, 'sad', 'nd', (ARRAY['{1.0}', '{1.00}', '{NULL}'])[i % 3 "
        "+ 1]::numeric[], (ARRAY['[1,2)', '[1.0,2)', 'empty'])[i % 3 + 1]::numrange, '10.0.0.1', "
        "(ARRAY[B'1', B'10'])[i % 2 + 1], (ARRAY['(1,1.0)', '(1,1.00)'])[i % 2 + 1]::pair, 'id' "
        "FROM "
        "generate_series(1, 2); UPDATE bag SET n = n + 1" +
            one_of +
            "UPDATE bag SET f8 = -f8, f4 "
            "= -f4, t = NULL" +
            one_of + "DELETE FROM bag" + one_of +
            "UPDATE bag SET amount = 1.000, "
            "b = 'b  ', doc = NULL" +
            one_of +
            "UPDATE bag SET p = NULL, id = NULL, md = 'ok', nd = "
            "'other', r = NULL, a = NULL, rd = '[1,2)' WHERE ctid = (SELECT ctid FROM bag OFFSET i "
            "% 31 LIMIT "
            "1)");
    target().execute("SELECT pg_stat_reset()");
    consumer().start();
    catch_up();
    EXPECT_TRUE(holds_within(seconds(20), [this] {
        return target().number(
                   "SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE relname = 'bag'") > 100;
    }));
    EXPECT_EQ(target().value("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'bag'"),
              "0");
    expect_equal();
    EXPECT_FALSE(contains(consumer().log(), "row by row"));
}

TEST_F(ApplyIdentities, RowsThatOnlyANondeterministicCollationTakesForEqualAreToldApart) {
    if (!has("SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i')")) {
        GTEST_SKIP() << "this server has no ICU";
    }
    on_both(
        "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic "
        "= false); CREATE TABLE bag (k text COLLATE any_case, n int); "
        "ALTER TABLE bag REPLICA IDENTITY FULL");
    target().execute("CREATE INDEX ON bag (k); CREATE INDEX ON bag (k COLLATE \"C\")");
    copy_and_stop();
    each_in_transaction(100,
                        "INSERT INTO bag VALUES ('key', 1), ('KEY', 1), ('Key', 1); UPDATE bag "
                        "SET n = 2 WHERE ctid = (SELECT ctid FROM bag WHERE k COLLATE \"C\" = "
                        "'Key' LIMIT 1); DELETE FROM bag WHERE ctid = (SELECT ctid FROM bag WHERE "
                        "k COLLATE \"C\" = 'KEY' LIMIT 1)");
    expect_backlog_arrives();
}

TEST_F(ApplyIdentities, AUniqueIndexOfTheTargetFindsWholeRows) {
    source().execute(
        "CREATE TABLE t (id int NOT NULL, v text, n numeric); "
        "ALTER TABLE t REPLICA IDENTITY FULL");
    target().execute(
        "CREATE TABLE t (id int NOT NULL, v text, n numeric); "
        "CREATE UNIQUE INDEX t_by_id ON t (id)");
    source().execute("INSERT INTO t SELECT g, 'v', 1.0 FROM generate_series(1, 5000) g");
    copy_and_stop();
    target().execute("SELECT pg_stat_reset()");
    source().execute("UPDATE t SET v = 'changed', n = 1.00 WHERE id % 2 = 0");
    each_in_transaction(500,
                        "UPDATE t SET n = i WHERE id = i; UPDATE t SET n = NULL WHERE id = i "
                        "- 3; DELETE FROM t WHERE id = i * 3 - 100; UPDATE t SET id = i + 9000"
                        " WHERE id = i * 7");
    source().execute("DELETE FROM t WHERE id % 5 = 0");
    consumer().start();
    catch_up();
    EXPECT_TRUE(holds_within(seconds(20), [this] { return scans_by("t_by_id") > 0; }));
    EXPECT_EQ(target().value("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 't'"),
              "0");
    expect_equal();
    EXPECT_FALSE(contains(consumer().log(), "row by row"));
}

TEST_F(ApplyIdentities, KeysThatAreEqualInMoreThanOneTextArrive) {
    on_both(
        "CREATE TABLE amounts (k numeric PRIMARY KEY, v text); "
        "CREATE TABLE floats (k float8 PRIMARY KEY, v text); "
        "CREATE TABLE padded (k char(6) PRIMARY KEY, v text)");
    copy_and_stop();
    each_in_transaction(
        300,
        "INSERT INTO amounts VALUES (i, 'a'); UPDATE amounts SET v = 'b' WHERE k = i; UPDATE "
        "amounts SET k = k + 0.00 WHERE k = i - 2; DELETE FROM amounts WHERE k = i - 5; INSERT "
        "INTO amounts VALUES (i - 5 + 0.0, 'back'); DELETE FROM floats WHERE k = 0; INSERT "
        "INTO floats VALUES ((ARRAY['-0', '0'])[i % 2 + 1]::float8, i), (i, 'f'); UPDATE floats "
        "SET v = 'z', k = -k WHERE k = 0; INSERT INTO padded VALUES ('p' || i, 'c'); UPDATE "
        "padded SET k = 'q' || i || ' ' WHERE k = 'p' || i - 1");
    consumer().start();
    expect_caught_up();
}

// The whole old row comes; the target finds it by its key, which may be the one that changes.
TEST_F(ApplyIdentities, KeysOfFloatsThatChangeUnderFullIdentityArrive) {
    on_both(
        "CREATE TABLE t (id int, f float8, g float4, v text, PRIMARY KEY (id, f, g)); "
        "ALTER TABLE t REPLICA IDENTITY FULL");
    source().execute("INSERT INTO t SELECT g, 0, g, 'v' FROM generate_series(1, 200) g");
    copy_and_stop();
    source().execute("UPDATE t SET f = -f, v = 'negative' WHERE id <= 50");
    source().execute("UPDATE t SET f = f + 1 WHERE id BETWEEN 51 AND 100");
    source().execute("UPDATE t SET g = g * 2, v = 'both' WHERE id BETWEEN 101 AND 150");
    source().execute("UPDATE t SET v = 'alone' WHERE id > 150");
    consumer().clear_log();
    expect_backlog_arrives();
    EXPECT_EQ(target().value("SELECT count(*) FROM t WHERE f::text = '-0'"), "50");
    EXPECT_FALSE(contains(consumer().log(), "row by row"));
}

TEST_F(ApplyIdentities, KeysUnderANondeterministicCollationArrive) {
    if (!has("SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i')")) {
        GTEST_SKIP() << "this server has no ICU";
    }
    on_both(
        "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic "
        "= false); CREATE TABLE t (k text COLLATE any_case PRIMARY KEY, n int)");
    copy_and_stop();
    each_in_transaction(300,
                        "INSERT INTO t VALUES ('Key' || i, i); UPDATE t SET n = -n WHERE k = "
                        "'KEY' || i; UPDATE t SET k = upper(k) WHERE k = 'key' || i - 1; "
                        "DELETE FROM t WHERE k = 'kEY' || i - 2; INSERT INTO t VALUES ('keY' "
                        "|| i - 2, 0)");
    consumer().start();
    expect_caught_up();
}

TEST_F(ApplyIdentities, KeysOfTypeCitextArrive) {
    if (!has("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext')")) {
        GTEST_SKIP() << "this server has no citext";
    }
    on_both(
        "CREATE EXTENSION citext; CREATE TABLE t (k citext PRIMARY KEY, n int, u citext UNIQUE)");
    copy_and_stop();
    each_in_transaction(
        300,
        "INSERT INTO t VALUES ('Key' || i, i, 'u' || i); UPDATE t SET n = -n, u = upper(u) WHERE "
        "k = ('KEY' || i)::citext; UPDATE t SET k = upper(k) WHERE k = ('key' || i - 1)::citext; "
        "DELETE FROM t WHERE k = ('kEY' || i - 2)::citext; INSERT INTO t VALUES ('keY' || i - 2, "
        "0, "
        "NULL)");
    consumer().start();
    expect_caught_up();
}

// Beside the key: nothing but the index of the identity says which row is meant.
TEST_F(ApplyIdentities, AnIndexBesideThePrimaryKeyMayIdentify) {
    on_both(
        "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b text NOT NULL, v text); "
        "CREATE UNIQUE INDEX t_identity ON t (b, a); "
        "ALTER TABLE t REPLICA IDENTITY USING INDEX t_identity");
    copy_and_stop();
    each_in_transaction(300,
                        "INSERT INTO t VALUES (i, i, 'b', 'v'); UPDATE t SET v = v || i WHERE "
                        "id > i - 3; UPDATE t SET b = 'c' WHERE id = i - 2; UPDATE t SET id = "
                        "-id WHERE id = i - 4; DELETE FROM t WHERE a = i - 7 AND i % 3 = 0");
    expect_backlog_arrives();
}

// What its old value was an update does not say.
TEST_F(ApplyIdentities, AnIdentityColumnBesideTheKeyArrives) {
    on_both(
        "CREATE TABLE t (k text PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, v int); "
        "CREATE TABLE kid (id int PRIMARY KEY, k text REFERENCES t ON DELETE CASCADE)");
    target().execute("ALTER TABLE t ADD extra text DEFAULT 'default'");
    copy_and_stop();
    source().execute(
        "INSERT INTO t (k, v) SELECT 'k' || g, 0 FROM generate_series(1, 100) g; "
        "INSERT INTO kid SELECT g, 'k' || g FROM generate_series(1, 100) g");
    each_in_transaction(100, "UPDATE t SET v = i WHERE k = 'k' || i");
    source().execute("UPDATE t SET v = v + 1");
    expect_backlog_arrives();
    target().execute("UPDATE t SET extra = 'local'");
    source().execute("UPDATE t SET n = DEFAULT WHERE v % 10 = 0; UPDATE t SET v = -v");
    catch_up();
    expect_equal();
    EXPECT_EQ(target().value("SELECT count(*) FROM t WHERE extra = 'local'"), "100");
    EXPECT_EQ(target().value("SELECT count(*) FROM kid"), "100");
}

}  // namespace
}  // namespace walpack::e2e
