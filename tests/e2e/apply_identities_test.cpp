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

}  // namespace
}  // namespace walpack::e2e
