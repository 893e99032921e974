// A policy for each kind of conflict: what the target has that stands in the way of a change, or
// has not, is answered as configured, recorded in walpack.conflict_log, and stops nothing.
#include <vector>

#include "support/backlog.h"

namespace walpack::e2e {
namespace {

constexpr const char* kStock =
    "CREATE TABLE stock (id int PRIMARY KEY, code text UNIQUE, v text, at timestamptz)";

struct Case {
    std::string name;
    std::string policies;  // of the table, as TOML
    std::string local;     // on the target, before
    std::string change;    // at the source
    std::string rows;      // of the target afterwards: id:code:v
    std::string logged;    // kind/policy/outcome of each row of the conflict_log
};

const std::vector<Case>& cases() {
    static const std::vector<Case> all = {
        {"InsertExistsApply", "insert_exists = \"apply\"",
         "INSERT INTO stock VALUES (30, 'L', 'local')", "INSERT INTO stock VALUES (30, 'S', 'new')",
         "1:a:old 2:b:old 30:S:new", "insert_exists/apply/applied"},
        {"InsertExistsApplyByAnotherIndex", "insert_exists = \"apply\"",
         "INSERT INTO stock VALUES (31, 'S', 'local')", "INSERT INTO stock VALUES (30, 'S', 'new')",
         "1:a:old 2:b:old 30:S:new", "insert_exists/apply/applied"},
        {"InsertExistsKeep", "insert_exists = \"keep\"",
         "INSERT INTO stock VALUES (30, 'L', 'local')", "INSERT INTO stock VALUES (30, 'S', 'new')",
         "1:a:old 2:b:old 30:L:local", "insert_exists/keep/kept"},
        {"InsertExistsNewestIsRemote", "insert_exists = \"newest\", newest_column = \"at\"",
         "INSERT INTO stock VALUES (30, 'L', 'local', '2020-01-01')",
         "INSERT INTO stock VALUES (30, 'S', 'new', '2020-01-02')", "1:a:old 2:b:old 30:S:new",
         "insert_exists/newest/applied"},
        {"InsertExistsNewestIsLocal", "insert_exists = \"newest\", newest_column = \"at\"",
         "INSERT INTO stock VALUES (30, 'L', 'local', '2020-01-02')",
         "INSERT INTO stock VALUES (30, 'S', 'new', '2020-01-01')", "1:a:old 2:b:old 30:L:local",
         "insert_exists/newest/kept"},
        {"InsertExistsATieGoesToTheSource", "insert_exists = \"newest\", newest_column = \"at\"",
         "INSERT INTO stock VALUES (30, 'L', 'local', '2020-01-01')",
         "INSERT INTO stock VALUES (30, 'S', 'new', '2020-01-01')", "1:a:old 2:b:old 30:S:new",
         "insert_exists/newest/applied"},
        {"InsertExistsAnUnknownTimeIsOlder", "insert_exists = \"newest\", newest_column = \"at\"",
         "INSERT INTO stock VALUES (30, 'L', 'local', '2020-01-01')",
         "INSERT INTO stock VALUES (30, 'S', 'new', NULL)", "1:a:old 2:b:old 30:L:local",
         "insert_exists/newest/kept"},
        {"UpdateExistsApply", "update_exists = \"apply\"",
         "INSERT INTO stock VALUES (30, 'S', 'local')", "UPDATE stock SET code = 'S' WHERE id = 1",
         "1:S:old 2:b:old", "update_exists/apply/applied"},
        {"UpdateExistsKeep", "update_exists = \"keep\"",
         "INSERT INTO stock VALUES (30, 'S', 'local')",
         "UPDATE stock SET code = 'S', v = 'new' WHERE id = 1", "1:a:old 2:b:old 30:S:local",
         "update_exists/keep/kept"},
        {"UpdateExistsNewest", "update_exists = \"newest\", newest_column = \"at\"",
         "INSERT INTO stock VALUES (30, 'S', 'local', '2020-01-01')",
         "UPDATE stock SET code = 'S', at = '2020-01-02' WHERE id = 1", "1:S:old 2:b:old",
         "update_exists/newest/applied"},
        {"UpdateOfTheKeyExistsApply", "update_exists = \"apply\"",
         "INSERT INTO stock VALUES (30, 'S', 'local')", "UPDATE stock SET id = 30 WHERE id = 1",
         "2:b:old 30:a:old", "update_exists/apply/applied"},
        {"MultipleOfAnInsertApply", "multiple_unique_conflicts = \"apply\"",
         "INSERT INTO stock VALUES (30, 'L', 'local'), (31, 'S', 'local')",
         "INSERT INTO stock VALUES (30, 'S', 'new')", "1:a:old 2:b:old 30:S:new",
         "multiple_unique_conflicts/apply/applied"},
        {"MultipleOfAnUpdateApply", "multiple_unique_conflicts = \"apply\"",
         "INSERT INTO stock VALUES (30, 'L', 'local'), (31, 'S', 'local')",
         "UPDATE stock SET id = 30, code = 'S' WHERE id = 1", "2:b:old 30:S:old",
         "multiple_unique_conflicts/apply/applied"},
        {"MultipleKeep", "multiple_unique_conflicts = \"keep\"",
         "INSERT INTO stock VALUES (30, 'L', 'local'), (31, 'S', 'local')",
         "INSERT INTO stock VALUES (30, 'S', 'new')", "1:a:old 2:b:old 30:L:local 31:S:local",
         "multiple_unique_conflicts/keep/kept"},
        {"MultipleNewestNeedsToBeNewerThanAll",
         "multiple_unique_conflicts = \"newest\", newest_column = \"at\"",
         "INSERT INTO stock VALUES (30, 'L', 'local', '2020-01-01'), (31, 'S', 'local', "
         "'2020-01-03')",
         "INSERT INTO stock VALUES (30, 'S', 'new', '2020-01-02')",
         "1:a:old 2:b:old 30:L:local 31:S:local", "multiple_unique_conflicts/newest/kept"},
        {"UpdateMissingKeep", "update_missing = \"keep\"", "DELETE FROM stock WHERE id = 1",
         "UPDATE stock SET v = 'new' WHERE id IN (1, 2)", "2:b:new", "update_missing/keep/skipped"},
        {"UpdateMissingInsert", "update_missing = \"insert\"", "DELETE FROM stock WHERE id = 1",
         "UPDATE stock SET v = 'new' WHERE id IN (1, 2)", "1:a:new 2:b:new",
         "update_missing/insert/inserted"},
        {"UpdateMissingInsertMeetsARow", "update_missing = \"insert\", insert_exists = \"apply\"",
         "DELETE FROM stock WHERE id = 1; INSERT INTO stock VALUES (40, 'a', 'local')",
         "UPDATE stock SET v = 'new' WHERE id = 1", "1:a:new 2:b:old",
         "update_missing/insert/inserted insert_exists/apply/applied"},
        {"DeleteMissingApply", "delete_missing = \"apply\"", "DELETE FROM stock WHERE id = 1",
         "DELETE FROM stock WHERE id IN (1, 2)", "", "delete_missing/apply/skipped"},
        {"DeleteMissingKeep", "delete_missing = \"keep\"", "DELETE FROM stock WHERE id = 1",
         "DELETE FROM stock WHERE id IN (1, 2)", "", "delete_missing/keep/skipped"},
        {"ValueKeep", "value = \"keep\"", "ALTER TABLE stock ADD CHECK (v <> 'refused')",
         "INSERT INTO stock VALUES (30, 'x', 'refused'), (31, 'y', 'new')",
         "1:a:old 2:b:old 31:y:new", "value/keep/skipped"},
        {"ValueOfATypeKeep", "value = \"keep\"", "ALTER TABLE stock ALTER v TYPE varchar(5)",
         "INSERT INTO stock VALUES (30, 'x', 'much too long'), (31, 'y', 'new')",
         "1:a:old 2:b:old 31:y:new", "value/keep/skipped"},
    };
    return all;
}

class PolicyScenario : public BacklogScenario {
  protected:
    void start(const std::string& schema, const std::string& table, const std::string& policies) {
        on_both(schema);
        consumer().set("table", "{ \"public." + table + "\" = { " + policies + " } }");
    }
    std::string logged() {
        return target().value(
            "SELECT string_agg(kind || '/' || policy || '/' || outcome, ' ' ORDER BY id) "
            "FROM walpack.conflict_log");
    }
    std::string stock() {
        return target().value(
            "SELECT string_agg(id || ':' || code || ':' || v, ' ' ORDER BY id) FROM stock");
    }
};

class ConflictPolicies : public PolicyScenario, public ::testing::WithParamInterface<Case> {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        start(kStock, "stock", GetParam().policies);
        source().execute("INSERT INTO stock VALUES (1, 'a', 'old'), (2, 'b', 'old')");
        consumer().init();
        consumer().start();
        catch_up();
    }
};

TEST_P(ConflictPolicies, IsCarriedOutAndRecorded) {
    target().execute(GetParam().local);
    source().execute(GetParam().change);
    catch_up();
    EXPECT_EQ(stock(), GetParam().rows);
    EXPECT_EQ(logged(), GetParam().logged);
    // Nothing had to start again.
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
    EXPECT_FALSE(contains(consumer().log(), "row by row"));
    EXPECT_EQ(consumer().terminate(), 0);
    EXPECT_TRUE(contains(consumer().log(), "had the answer of policy"));
    EXPECT_FALSE(contains(consumer().log(), "local"));
}

INSTANTIATE_TEST_SUITE_P(, ConflictPolicies, ::testing::ValuesIn(cases()),
                         [](const auto& parameter) { return parameter.param.name; });

class ConflictLogTable : public PolicyScenario {};

TEST_F(ConflictLogTable, TellsBothRowsAndTheTransaction) {
    start(kStock, "stock", "insert_exists = \"apply\", multiple_unique_conflicts = \"apply\"");
    consumer().init();
    consumer().start();
    catch_up();
    target().execute("INSERT INTO stock VALUES (7, 'x', E'quote\" \\\\ \n', '2020-01-01 00:00Z')");
    source().execute("INSERT INTO stock VALUES (7, 'y', NULL)");
    const std::string xid = source().value("SELECT xmin FROM stock");
    catch_up();
    const auto rows = target().rows(
        "SELECT pipeline, schema_name, table_name, xid, key, local_row, remote_row, sqlstate, "
        "commit_time BETWEEN now() - interval '1 min' AND now() + interval '1 min', "
        "commit_lsn > '0/0', at <= now(), message LIKE '%stock_pkey%' FROM walpack.conflict_log");
    ASSERT_EQ(rows.size(), 1U);
    const Row expected = {
        pipeline(),
        "public",
        "stock",
        xid,
        R"({"id": "7"})",
        R"({"v": "quote\" \\ \n", "at": "2020-01-01 00:00:00+00", "id": "7", "code": "x"})",
        R"({"v": null, "at": null, "id": "7", "code": "y"})",
        "23505",
        "t",
        "t",
        "t",
        "t"};
    EXPECT_EQ(rows.front(), expected);
}

// Equal to the one that the target has, and spelled otherwise.
TEST_F(ConflictLogTable, AKeyOfTheSourceIsWrittenAsItIsThere) {
    consumer().set("conflict", "{ insert_exists = \"apply\" }");
    on_both("CREATE TABLE priced (price numeric PRIMARY KEY, v text)");
    consumer().init();
    consumer().start();
    catch_up();
    target().execute("INSERT INTO priced VALUES (1.0, 'local')");
    source().execute("INSERT INTO priced VALUES (1.00, 'new')");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(price || v, ' ') FROM priced"), "1.00new");
}

TEST_F(ConflictLogTable, StatusCountsAndDropRemoves) {
    start(kStock, "stock", "delete_missing = \"keep\"");
    source().execute("INSERT INTO stock VALUES (1, 'a', 'old'), (2, 'b', 'old')");
    consumer().init();
    consumer().start();
    catch_up();
    target().execute("DELETE FROM stock");
    source().execute("DELETE FROM stock");
    catch_up();
    EXPECT_TRUE(contains(consumer().command("status").output, "2 delete_missing (skipped)"));
    EXPECT_TRUE(contains(consumer().command("status", {"--json"}).output,
                         R"({"kind":"delete_missing","outcome":"skipped","count":2})"));
    EXPECT_EQ(consumer().terminate(), 0);
    EXPECT_EQ(consumer().command("drop").status, 0);
    EXPECT_EQ(target().value("SELECT to_regclass('walpack.conflict_log')"), "");
}

TEST_F(ConflictLogTable, IsMadeWhereAnOlderVersionMadeNone) {
    start(kStock, "stock", "delete_missing = \"keep\"");
    source().execute("INSERT INTO stock VALUES (1, 'a', 'old')");
    consumer().init();
    target().execute("DROP TABLE walpack.conflict_log");
    consumer().start();
    catch_up();
    target().execute("DELETE FROM stock");
    source().execute("DELETE FROM stock");
    catch_up();
    EXPECT_EQ(logged(), "delete_missing/keep/skipped");
}

TEST_F(ConflictLogTable, UnchangedToastIsMarkedAndCannotBeInserted) {
    start(
        "CREATE TABLE stock (id int PRIMARY KEY, v text, big text); ALTER TABLE stock ALTER big "
        "SET STORAGE EXTERNAL",
        "stock", "update_missing = \"insert\"");
    source().execute("INSERT INTO stock VALUES (1, 'old', repeat('x', 5000))");
    consumer().init();
    consumer().start();
    catch_up();
    target().execute("DELETE FROM stock");
    source().execute("UPDATE stock SET v = 'new'");
    EXPECT_TRUE(contains(expect_refusal(), "has not all values of the row"));
    consumer().set("table", "{ \"public.stock\" = { update_missing = \"keep\" } }");
    consumer().start();
    catch_up();
    EXPECT_EQ(target().value("SELECT remote_row->>'big' FROM walpack.conflict_log"),
              R"({"unchanged": true})");
}

TEST_F(ConflictLogTable, APolicyThatCannotBeDecidedIsRefusedAtTheStart) {
    start(kStock, "stock", "insert_exists = \"keep\"");
    consumer().init();
    consumer().set("table", "{ \"public.stock\" = { insert_exists = \"newest\" } }");
    const Finished check = consumer().command("check");
    EXPECT_EQ(check.status, 1);
    EXPECT_TRUE(contains(check.output, "track_commit_timestamp"));
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "track_commit_timestamp"));
    consumer().set("table",
                   "{ \"public.stock\" = { insert_exists = \"newest\", newest_column = \"v\" } }");
    consumer().start();
    catch_up();
    source().execute("INSERT INTO stock VALUES (1, 'a', 'old')");
    EXPECT_TRUE(contains(expect_refusal(), "is no time"));
}

// A table's indexes, and rows in the way of one inserted at the source.
struct IndexCase {
    std::string name;
    std::string schema;
    std::string target_only;
    std::string local;
    std::string change;
    std::string question;
    std::string answer;
    std::string kind;
};

const std::vector<IndexCase>& index_cases() {
    static const std::vector<IndexCase> all = {
        {"Expression", "CREATE TABLE t (id int PRIMARY KEY, v text)",
         "CREATE UNIQUE INDEX ON t (lower(v))", "INSERT INTO t VALUES (5, 'AbC'), (6, 'other')",
         "INSERT INTO t VALUES (1, 'aBc')", "SELECT string_agg(id || v, ' ' ORDER BY id) FROM t",
         "1aBc 6other", "insert_exists"},
        {"Partial", "CREATE TABLE t (id int PRIMARY KEY, v text, live bool)",
         "CREATE UNIQUE INDEX ON t (v) WHERE live",
         "INSERT INTO t VALUES (5, 'a', true), (6, 'a', false)",
         "INSERT INTO t VALUES (1, 'a', true), (2, 'a', false)",
         "SELECT string_agg(id::text, ' ' ORDER BY id) FROM t", "1 2 6", "insert_exists"},
        {"NullsNotDistinct", "CREATE TABLE t (id int PRIMARY KEY, v text)",
         "CREATE UNIQUE INDEX ON t (v) NULLS NOT DISTINCT", "INSERT INTO t VALUES (5, NULL)",
         "INSERT INTO t VALUES (1, NULL)", "SELECT string_agg(id::text, ' ') FROM t", "1",
         "insert_exists"},
        {"Exclusion", "CREATE TABLE t (id int PRIMARY KEY, during int4range)",
         "ALTER TABLE t ADD EXCLUDE USING gist (during WITH &&)",
         "INSERT INTO t VALUES (5, '[1,5)'), (6, '[5,9)'), (7, '[20,30)')",
         "INSERT INTO t VALUES (1, '[4,6)')", "SELECT string_agg(id::text, ' ' ORDER BY id) FROM t",
         "1 7", "insert_exists"},
        {"GeneratedColumn", "CREATE TABLE t (id int PRIMARY KEY, v int)",
         "ALTER TABLE t ADD g int GENERATED ALWAYS AS (v / 10) STORED UNIQUE",
         "INSERT INTO t VALUES (5, 11)", "INSERT INTO t VALUES (1, 12)",
         "SELECT string_agg(id::text, ' ') FROM t", "1", "insert_exists"},
        {"DefaultOfAnExtraColumn", "CREATE TABLE t (id int PRIMARY KEY, v int)",
         "ALTER TABLE t ADD extra text DEFAULT 'same' UNIQUE", "INSERT INTO t VALUES (5, 11)",
         "INSERT INTO t VALUES (1, 12)", "SELECT string_agg(id::text, ' ') FROM t", "1",
         "insert_exists"},
        {"Collation", "CREATE TABLE t (id int PRIMARY KEY, v text)",
         "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = "
         "false); CREATE UNIQUE INDEX ON t (v COLLATE nocase)",
         "INSERT INTO t VALUES (5, 'ABC')", "INSERT INTO t VALUES (1, 'abc')",
         "SELECT string_agg(id || v, ' ') FROM t", "1abc", "insert_exists"},
        {"ImmediateDeferrable", "CREATE TABLE t (id int PRIMARY KEY, v text)",
         "ALTER TABLE t ADD UNIQUE (v) DEFERRABLE; CREATE UNIQUE INDEX ON t (v)",
         "INSERT INTO t VALUES (5, 'a')", "INSERT INTO t VALUES (1, 'a')",
         "SELECT string_agg(id::text, ' ') FROM t", "1", "insert_exists"},
        {"NoKeyAtAll", "CREATE TABLE t (id int, v text); ALTER TABLE t REPLICA IDENTITY FULL",
         "CREATE UNIQUE INDEX ON t (id)", "INSERT INTO t VALUES (1, 'local')",
         "INSERT INTO t VALUES (1, 'new')", "SELECT string_agg(id || v, ' ') FROM t", "1new",
         "insert_exists"},
        {"WholeRowExpression", "CREATE TABLE t (id int PRIMARY KEY, v text)",
         "CREATE UNIQUE INDEX ON t ((t IS NULL)) WHERE id > 3", "INSERT INTO t VALUES (5, 'a')",
         "INSERT INTO t VALUES (6, 'b')", "SELECT string_agg(id || v, ' ') FROM t", "6b",
         "insert_exists"},
        {"TwoOfOneRow", "CREATE TABLE t (id int PRIMARY KEY, v text)",
         "CREATE UNIQUE INDEX ON t (v); ALTER TABLE t ADD extra text DEFAULT 'kept'",
         "INSERT INTO t VALUES (1, 'a', 'mine')", "INSERT INTO t VALUES (1, 'a')",
         "SELECT string_agg(id || v || extra, ' ') FROM t", "1amine", "multiple_unique_conflicts"},
        {"Partitioned",
         "CREATE TABLE t (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY RANGE (k); "
         "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); "
         "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)",
         "CREATE UNIQUE INDEX ON t1 (v)",
         "INSERT INTO t VALUES (1, 1, 'a'), (2, 11, 'b'), (3, 3, 'c')",
         "INSERT INTO t VALUES (4, 4, 'a'), (2, 11, 'bb'), (5, 15, 'c')",
         "SELECT string_agg(id || v, ' ' ORDER BY id) FROM t", "2bb 3c 4a 5c",
         "insert_exists insert_exists"},
        {"HostileNames", "CREATE TABLE t (id int PRIMARY KEY, \"new_0\" text, \"new\" text)",
         "CREATE UNIQUE INDEX ON t (upper(\"new_0\"), \"new\")",
         "INSERT INTO t VALUES (5, 'a', 'b')", "INSERT INTO t VALUES (1, 'A', 'b')",
         "SELECT string_agg(id::text, ' ') FROM t", "1", "insert_exists"},
    };
    return all;
}

class ConflictIndexes : public PolicyScenario, public ::testing::WithParamInterface<IndexCase> {};

TEST_P(ConflictIndexes, RowsInTheWayAreFoundByTheirRules) {
    on_both(GetParam().schema);
    target().execute(GetParam().target_only);
    consumer().set("conflict",
                   "{ insert_exists = \"apply\", multiple_unique_conflicts = \"apply\" }");
    consumer().init();
    consumer().start();
    catch_up();
    target().execute(GetParam().local);
    source().execute(GetParam().change);
    catch_up();
    EXPECT_EQ(target().value(GetParam().question), GetParam().answer);
    EXPECT_EQ(target().value("SELECT string_agg(kind, ' ' ORDER BY id) FROM walpack.conflict_log"),
              GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(, ConflictIndexes, ::testing::ValuesIn(index_cases()),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace walpack::e2e
