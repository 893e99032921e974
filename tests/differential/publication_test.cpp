// Which tables and actions are published, while that changes; and where changes come from.
#include "differential/differential.h"

namespace walpack::differential {
namespace {

class DifferentialPublication : public Differential {
  protected:
    void SetUp() override {
        Differential::SetUp();
        source().execute(
            "CREATE SCHEMA s; CREATE TABLE t (id int PRIMARY KEY, v text);"
            "CREATE TABLE u (id int PRIMARY KEY, v text);"
            "CREATE TABLE s.t (id int PRIMARY KEY, v text)");
    }

    void write_everywhere(const std::string& what) {
        ++rows_;
        for (const char* const table : {"t", "u", "s.t"}) {
            const std::string name = table;
            const std::string id = std::to_string(rows_);
            source().execute("INSERT INTO " + name + " VALUES (" + id + ", '" + what + "'), (-" +
                             id + ", 'x'); UPDATE " + name + " SET v = v || '.' WHERE id = " + id +
                             "; DELETE FROM " + name + " WHERE id = -" + id);
        }
    }

  private:
    int rows_ = 0;
};

TEST_F(DifferentialPublication, EveryKindOfPublicationCoversTheSameTables) {
    source().execute("CREATE PUBLICATION by_table FOR TABLE t, s.t");
    source().execute("CREATE PUBLICATION everything FOR ALL TABLES");
    source().execute("CREATE PUBLICATION empty");
    const bool has_schemas = server_version() >= 150000;
    if (has_schemas) source().execute("CREATE PUBLICATION by_schema FOR TABLES IN SCHEMA s");
    if (has_schemas)
        source().execute("CREATE PUBLICATION \"Mixed, \"\"1\" FOR TABLES IN SCHEMA s, TABLE u");
    start_decoding();
    write_everywhere("v");
    source().execute(
        "TRUNCATE t, u, s.t; CREATE TABLE s.made (id int); INSERT INTO s.made VALUES (1);"
        "CREATE TABLE made (id int); INSERT INTO made VALUES (1)");
    for (const char* const name : {"by_table", "everything", "empty"}) expect_same({{name}});
    expect_same({{"by_table", "empty"}});
    if (has_schemas) expect_same({{"by_schema"}});
    if (has_schemas) expect_same({{"by_schema", "Mixed, \"1", "by_table"}});
}

TEST_F(DifferentialPublication, EveryCombinationOfActionsIsHonoured) {
    source().execute("CREATE PUBLICATION i FOR ALL TABLES WITH (publish = 'insert')");
    source().execute("CREATE PUBLICATION u FOR TABLE t WITH (publish = 'update')");
    source().execute("CREATE PUBLICATION d FOR TABLE t, u WITH (publish = 'delete, truncate')");
    source().execute("CREATE PUBLICATION none FOR ALL TABLES WITH (publish = '')");
    start_decoding();
    write_everywhere("v");
    source().execute("TRUNCATE t, u, s.t");
    for (const char* const name : {"i", "u", "d", "none"}) expect_same({{name}});
    expect_same({{"i", "u"}});
    expect_same({{"d", "u", "none"}});
    expect_same({{"i", "u", "d"}});
}

TEST_F(DifferentialPublication, ChangesOfPublicationsHoldFromTheirPlaceInTheWal) {
    source().execute("CREATE PUBLICATION p FOR TABLE t");
    start_decoding();
    write_everywhere("t");
    source().execute("ALTER PUBLICATION p ADD TABLE u, s.t");
    write_everywhere("all");
    source().execute("ALTER PUBLICATION p SET (publish = 'insert, delete')");
    write_everywhere("no updates");
    source().execute("ALTER PUBLICATION p SET TABLE s.t");
    write_everywhere("s.t");
    source().execute("DROP PUBLICATION p; CREATE PUBLICATION p FOR ALL TABLES");
    write_everywhere("made again");
    source().execute(
        "BEGIN; INSERT INTO t VALUES (100); ALTER PUBLICATION p SET (publish = '');"
        "INSERT INTO t VALUES (101); ALTER PUBLICATION p SET (publish = 'insert');"
        "INSERT INTO t VALUES (102); SAVEPOINT s;"
        "ALTER PUBLICATION p SET (publish = ''); INSERT INTO t VALUES (103);"
        "ROLLBACK TO s; INSERT INTO t VALUES (104); COMMIT");
    expect_same_in_every_form();
}

TEST_F(DifferentialPublication, ATransactionThatWasOpenSeesAPublicationChange) {
    source().execute("CREATE PUBLICATION p FOR TABLE t");
    start_decoding();
    Session open(conninfo());
    open.execute("BEGIN; INSERT INTO u VALUES (91, 'before'); INSERT INTO t VALUES (91, 'before')");
    // A snapshot of an older transaction does not matter: the place in the WAL does.
    source().execute("ALTER PUBLICATION p SET (publish = 'insert')");
    open.execute("INSERT INTO t VALUES (92, 'after'); UPDATE t SET v = 'x' WHERE id = 92");
    open.execute("COMMIT");
    write_everywhere("v");
    expect_same_in_every_form();
}

TEST_F(DifferentialPublication, RenamedAndMovedTablesStayPublishedOrNot) {
    if (server_version() < 150000) GTEST_SKIP() << "TABLES IN SCHEMA came with version 15";
    source().execute("CREATE SCHEMA other; ALTER INDEX s.t_pkey RENAME TO s_t_pkey");
    source().execute("CREATE PUBLICATION p FOR TABLE t");
    source().execute("CREATE PUBLICATION q FOR TABLES IN SCHEMA s");
    start_decoding();
    source().execute(
        "INSERT INTO t VALUES (1); ALTER TABLE t RENAME TO renamed;"
        "INSERT INTO renamed VALUES (2); ALTER TABLE renamed SET SCHEMA other;"
        "INSERT INTO other.renamed VALUES (3)");
    source().execute("ALTER TABLE other.renamed SET SCHEMA s; INSERT INTO s.renamed VALUES (4)");
    source().execute(
        "INSERT INTO s.t VALUES (1); ALTER TABLE s.t SET SCHEMA other;"
        "INSERT INTO other.t VALUES (2)");
    source().execute(
        "ALTER PUBLICATION q ADD TABLES IN SCHEMA other; INSERT INTO other.t VALUES (3)");
    source().execute(
        "ALTER PUBLICATION q DROP TABLES IN SCHEMA s; INSERT INTO s.renamed VALUES (5);"
        "INSERT INTO other.t VALUES (4)");
    expect_same_in_every_form({"p"});
    expect_same_in_every_form({"q"});
    expect_same_in_every_form({"p", "q"});
}

// pgoutput up to version 15 does not notice; walpack does on every version.
TEST_F(DifferentialPublication, ARenamedSchemaIsNoticed) {
    source().execute("CREATE PUBLICATION p FOR ALL TABLES");
    start_decoding();
    source().execute("INSERT INTO s.t VALUES (1)");
    source().execute("ALTER SCHEMA s RENAME TO new_name");
    source().execute("INSERT INTO new_name.t VALUES (2)");
    const Decoded walpack = read_walpack({}).decoded;
    EXPECT_EQ(texts(walpack).at(1), "insert new_name.t new(id='2', v=NULL)");
    if (server_version() >= 160000) expect_same_in_every_form();
}

// pgoutput keeps its decision about a partition when a table above it moves; walpack decides again.
TEST_F(DifferentialPublication, APartitionFollowsItsRootIntoAPublishedSchema) {
    if (server_version() < 150000) GTEST_SKIP() << "TABLES IN SCHEMA came with version 15";
    source().execute(
        "CREATE TABLE root (id int) PARTITION BY LIST (id);"
        "CREATE TABLE leaf PARTITION OF root FOR VALUES IN (1);"
        "CREATE PUBLICATION p FOR TABLES IN SCHEMA s");
    start_decoding();
    source().execute("INSERT INTO root VALUES (1)");
    source().execute("ALTER TABLE root SET SCHEMA s");
    source().execute("INSERT INTO s.root VALUES (1)");
    EXPECT_EQ(texts(read_walpack({}).decoded),
              std::vector<std::string>{"insert public.leaf new(id='1')"});
    EXPECT_LE(count_changes(read_pgoutput({}).decoded), 1U);  // none up to version 19
}

TEST_F(DifferentialPublication, ExceptedTablesAreLeftOut) {
    if (server_version() < 190000) GTEST_SKIP() << "came with version 19";
    source().execute(
        "CREATE TABLE root (id int, k int) PARTITION BY LIST (k);"
        "CREATE TABLE leaf PARTITION OF root FOR VALUES IN (1);"
        "CREATE PUBLICATION p FOR ALL TABLES EXCEPT (TABLE t, root);"
        "CREATE PUBLICATION q FOR TABLE t");
    start_decoding();
    write_everywhere("v");
    source().execute("INSERT INTO root VALUES (1, 1); TRUNCATE t, u, root");
    expect_same_in_every_form({"p"});
    expect_same_in_every_form({"p", "q"});
}

TEST_F(DifferentialPublication, OriginsAreNamedAndLeftOut) {
    create_origin("walpack_differential");
    source().execute("CREATE PUBLICATION p FOR ALL TABLES");
    start_decoding();
    Session replica(conninfo());
    replica.execute("SELECT pg_replication_origin_session_setup('walpack_differential')");
    replica.execute("INSERT INTO t VALUES (1, 'replicated')");
    source().execute("INSERT INTO t VALUES (2, 'local')");
    replica.execute(
        "BEGIN; INSERT INTO t VALUES (3, 'replicated'); UPDATE t SET v = 'x';"
        "SELECT pg_logical_emit_message(true, 'm', 'replicated'); TRUNCATE u; COMMIT");
    EXPECT_EQ(count_changes(expect_same_in_every_form()), 8U);
    Reading local{.leaves_out_origins = true};
    EXPECT_EQ(count_changes(read_walpack(local).decoded), 1U);
    if (server_version() >= 160000) expect_same(local);
}

}  // namespace
}  // namespace walpack::differential
