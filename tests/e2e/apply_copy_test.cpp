// Thousands of waiting inserts go by COPY: the target ends up with the rows of the source, whatever
// they are and whenever one of the two ends dies amid them.
#include <set>
#include <string>
#include <vector>

#include "e2e/random_schema.h"
#include "support/backlog.h"

namespace walpack::e2e {
namespace {

class ApplyCopy : public BacklogScenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        owner_ = "owner_" + pipeline();
        target().execute("ALTER DATABASE " + target_database() + " SET log_statement = 'mod'");
    }
    // After the databases, with all that the role owns in them.
    void TearDown() override {
        Scenario::TearDown();
        Session(target_cluster().conninfo("postgres")).execute("DROP ROLE IF EXISTS " + owner_);
    }

    // The initial copy is a COPY as well; what comes behind it counts.
    void copy_and_stop() {
        BacklogScenario::copy_and_stop();
        log_start_ = target_cluster().log().size();
    }
    bool was_copied(const std::string& table) {
        const std::string sql = "COPY \"public\".\"" + table + '"';
        return target_cluster().log().find(sql, log_start_) != std::string::npos;
    }

    // The applier's COPY comes to a row with a key that `blocker` has inserted, and waits for it.
    void wait_amid_copy(Session& blocker, const std::string& table) {
        blocker.execute("BEGIN");
        blocker.execute("INSERT INTO " + table + " (id) VALUES (2500)");
        consumer().start();
        wait_until("the COPY waits", seconds(30), [&] {
            return target().number(
                       "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND "
                       "wait_event_type = 'Lock'") == 1;
        });
    }

    std::string owner_;
    std::size_t log_start_ = 0;
};

TEST_F(ApplyCopy, EveryTypeWithABinaryFormArrives) {
    // Those that are sent as text, and two arrays with which a table has no batches.
    const std::set<std::string> left_out = {"c_xml",         "c_regclass", "c_pair",
                                            "c_pairs",       "c_tsquery",  "c_tsquery_array",
                                            "c_range_array", "c_moods",    "c_xml_array"};
    std::vector<TypedColumn> columns;
    for (const TypedColumn& column : typed_columns()) {
        if (!left_out.contains(column.name)) columns.push_back(column);
    }
    std::string defined = "id bigint PRIMARY KEY";
    std::string names;
    for (const TypedColumn& column : columns) {
        defined += ", " + column.name + " " + column.type;
        names += ", " + column.name;
    }
    on_both(kRandomSchema);
    on_both("CREATE TABLE every_type (" + defined + ")");
    copy_and_stop();
    Random random(12);
    for (int id = 1; id <= 150; ++id) {
        std::string values = std::to_string(id);
        for (const TypedColumn& column : columns) values += ", " + random_value(column, random);
        source().execute("INSERT INTO every_type VALUES (" + values + ")");
    }
    source().execute("INSERT INTO every_type SELECT g * 1000 + id" + names +
                     " FROM every_type, generate_series(1, 30) g");
    expect_backlog_arrives();
    EXPECT_TRUE(was_copied("every_type"));
}

TEST_F(ApplyCopy, ArraysEnumerationsDomainsAndNullsArriveInTheirOwnColumns) {
    source().execute(
        "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE containers (id int PRIMARY KEY, "
        "m mood, moods mood[], texts text[], numbers numeric(8,2)[], matrix int[], k varchar(20), "
        "j jsonb, b bytea)");
    target().execute(
        "CREATE TYPE filler AS ENUM ('x'); CREATE TYPE mood AS ENUM ('glad', 'calm', 'sad'); "
        "CREATE DOMAIN label AS varchar(20) CHECK (VALUE <> ''); "
        "CREATE TABLE containers (b bytea, j jsonb, extra int DEFAULT 7, k label, matrix int[], "
        "numbers numeric(8,2)[], texts text[], moods mood[], m mood, stamp timestamptz DEFAULT "
        "clock_timestamp(), id int PRIMARY KEY)");
    copy_and_stop();
    source().execute(
        "INSERT INTO containers SELECT i, (ARRAY['sad', 'glad', NULL])[i % 3 + 1]::mood, "
        "ARRAY['glad', NULL, 'sad']::mood[], ARRAY['a,b', '\"', NULL, i::text], "
        "ARRAY[i / 8.0, NULL], ARRAY[[i, 1], [2, NULL]], nullif('k' || i % 5, 'k0'), "
        "'{\"a\": [1, null]}', decode(md5(i::text), 'hex') FROM generate_series(1, 4000) i");
    source().execute("INSERT INTO containers (id) SELECT -g FROM generate_series(1, 2000) g");
    consumer().start();
    catch_up();
    const std::string rows =
        "SELECT count(*) || ' ' || sum(hashtextextended(concat_ws('|', id, m, moods, texts, "
        "numbers, matrix, k, j, b), count_of)) FROM (SELECT *, num_nulls(m, moods, texts, numbers, "
        "matrix, k, j, b) AS count_of FROM containers) c";
    EXPECT_EQ(target().value(rows), source().value(rows));
    EXPECT_EQ(target().value("SELECT count(*) FROM containers WHERE extra = 7 AND stamp < now()"),
              "6000");
    EXPECT_TRUE(was_copied("containers"));
    EXPECT_FALSE(contains(consumer().log(), "row by row"));
}

TEST_F(ApplyCopy, IdentityAndGeneratedColumnsArrive) {
    on_both(
        "CREATE TABLE identities (twice int GENERATED ALWAYS AS (n * 2) STORED, n int, "
        "id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)");
    copy_and_stop();
    source().execute("INSERT INTO identities (n) SELECT g * 3 FROM generate_series(1, 5000) g");
    expect_backlog_arrives();
    EXPECT_TRUE(was_copied("identities"));
}

TEST_F(ApplyCopy, PartitionsOfTheTargetTakeTheRows) {
    source().execute("CREATE TABLE parts (id int PRIMARY KEY, v text)");
    target().execute(
        "CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY HASH (id); "
        "CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0); "
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1)");
    copy_and_stop();
    source().execute("INSERT INTO parts SELECT g, 'v' || g FROM generate_series(1, 5000) g");
    consumer().start();
    catch_up();
    const std::string rows =
        "SELECT count(*) || ' ' || sum(hashtext(concat_ws('|', id, v))) FROM parts";
    EXPECT_EQ(target().value(rows), source().value(rows));
    EXPECT_TRUE(was_copied("parts"));
}

TEST_F(ApplyCopy, AmongOtherChangesOfATransactionTheOrderStays) {
    on_both(
        "CREATE TABLE others (id int PRIMARY KEY, v text); "
        "CREATE TABLE amid (id int PRIMARY KEY, v text, u int UNIQUE)");
    copy_and_stop();
    source().execute(
        "BEGIN; INSERT INTO others VALUES (1, 'first'); "
        "INSERT INTO amid SELECT g, 'old', g FROM generate_series(1, 4000) g; "
        "UPDATE amid SET v = 'new' WHERE id % 2 = 0; DELETE FROM amid WHERE id > 2000; "
        "INSERT INTO amid SELECT g, 'again', g FROM generate_series(2001, 6000) g; "
        "UPDATE others SET v = 'last'; COMMIT; TRUNCATE others");
    source().execute("INSERT INTO others SELECT g, 'new' FROM generate_series(1, 4000) g");
    expect_backlog_arrives();
    EXPECT_TRUE(was_copied("amid"));
    EXPECT_TRUE(was_copied("others"));
}

TEST_F(ApplyCopy, AFewRowsAreNotWorthIt) {
    on_both("CREATE TABLE few (id int PRIMARY KEY, v text)");
    copy_and_stop();
    source().execute("INSERT INTO few SELECT g, 'v' FROM generate_series(1, 50) g");
    expect_backlog_arrives();
    EXPECT_FALSE(was_copied("few"));
}

// Of policies COPY knows nothing; so it must be refused where the INSERT would be.
TEST_F(ApplyCopy, ARowSecurityPolicyThatAppliesIsNotPassedBy) {
    on_both("CREATE TABLE secured (id int PRIMARY KEY, v text)");
    target().execute("CREATE ROLE " + owner_ + " LOGIN; GRANT CREATE ON DATABASE " +
                     target_database() + " TO " + owner_ + "; GRANT USAGE ON SCHEMA public TO " +
                     owner_ + "; ALTER TABLE secured OWNER TO " + owner_ +
                     "; ALTER TABLE mark OWNER TO " + owner_ +
                     "; ALTER TABLE secured ENABLE ROW LEVEL SECURITY");
    consumer().set("target", toml_text("host=" + target_cluster().folder() +
                                       " port=" + std::to_string(target_cluster().port()) +
                                       " user=" + owner_ + " dbname=" + target_database()));
    copy_and_stop();
    source().execute("INSERT INTO secured SELECT g, 'owner' FROM generate_series(1, 4000) g");
    expect_backlog_arrives();
    EXPECT_TRUE(was_copied("secured"));
    stop();
    target().execute("ALTER TABLE secured FORCE ROW LEVEL SECURITY");
    source().execute("INSERT INTO secured SELECT g, 'v' FROM generate_series(4001, 8000) g");
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(seconds(60)), "row-level security policy"));
    EXPECT_EQ(target().value("SELECT count(*) FROM secured"), "4000");
}

// An integer's eight bytes would do for a float as well.
TEST_F(ApplyCopy, AColumnThatBecameAnotherTypeIsNoticed) {
    on_both("CREATE TABLE altered (id int PRIMARY KEY, n bigint)");
    source().execute("INSERT INTO altered VALUES (0, 0)");
    consumer().init();
    consumer().start();
    catch_up();
    source().execute("UPDATE altered SET n = 1");  // the table is known now
    catch_up();
    log_start_ = target_cluster().log().size();
    target().execute("ALTER TABLE altered ALTER n TYPE double precision");
    source().execute("INSERT INTO altered SELECT g, g FROM generate_series(1, 5000) g");
    EXPECT_TRUE(contains(expect_refusal(seconds(60)), "column \"n\" has type bigint"));
    EXPECT_TRUE(was_copied("altered"));
    EXPECT_EQ(target().value("SELECT count(*) FROM altered"), "1");
    target().execute("ALTER TABLE altered ALTER n TYPE bigint");
    consumer().start();
    expect_caught_up();
}

TEST_F(ApplyCopy, ARuleThatIsNewIsNoticed) {
    on_both("CREATE TABLE ruled (id int PRIMARY KEY, v text)");
    source().execute("INSERT INTO ruled VALUES (0, 'v')");
    consumer().init();
    consumer().start();
    catch_up();
    source().execute("UPDATE ruled SET v = 'w'");  // the table is known now
    catch_up();
    target().execute(
        "CREATE TABLE copies (id int); CREATE RULE twice AS ON INSERT TO ruled DO ALSO "
        "INSERT INTO copies VALUES (NEW.id); ALTER TABLE ruled ENABLE ALWAYS RULE twice");
    source().execute("INSERT INTO ruled SELECT g, 'v' FROM generate_series(1, 4000) g");
    catch_up();
    EXPECT_EQ(target().value("SELECT count(*) FROM copies"), "4000");
    EXPECT_TRUE(contains(consumer().log(), "was altered on the target"));
}

TEST_F(ApplyCopy, AKilledConsumerLeavesNothingOfIt) {
    on_both("CREATE TABLE killed (id int PRIMARY KEY, v text)");
    copy_and_stop();
    source().execute(
        "INSERT INTO killed SELECT g, repeat('v', 300) FROM generate_series(1, 20000) g");
    Session blocker = new_target_session();
    wait_amid_copy(blocker, "killed");
    consumer().kill();
    blocker.execute("ROLLBACK");
    wait_until("the target has noticed", seconds(30), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                   "'walpack%' AND datname = current_database()") == 0;
    });
    EXPECT_EQ(target().value("SELECT count(*) FROM killed"), "0");
    consumer().start();
    expect_caught_up();
}

TEST_F(ApplyCopy, ATargetThatCrashesAmidItHeals) {
    on_both("CREATE TABLE crashed (id int PRIMARY KEY, v text)");
    copy_and_stop();
    source().execute(
        "INSERT INTO crashed SELECT g, repeat('v', 300) FROM generate_series(1, 20000) g");
    Session blocker = new_target_session();
    wait_amid_copy(blocker, "crashed");
    target_cluster().crash();
    target_cluster().start();
    expect_caught_up();
    EXPECT_TRUE(consumer().is_running());
}

TEST_F(ApplyCopy, ATerminatedBackendHeals) {
    on_both("CREATE TABLE terminated (id int PRIMARY KEY, v text)");
    copy_and_stop();
    source().execute(
        "INSERT INTO terminated SELECT g, repeat('v', 300) FROM generate_series(1, 20000) g");
    Session blocker = new_target_session();
    wait_amid_copy(blocker, "terminated");
    target().execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'");
    blocker.execute("ROLLBACK");
    expect_caught_up();
    EXPECT_TRUE(consumer().is_running());
}

}  // namespace
}  // namespace walpack::e2e
