// Column lists: from 15 on. Generated columns: from 18 on.
#include "differential/differential.h"

namespace walpack::differential {
namespace {

class DifferentialColumnList : public Differential {
  protected:
    void SetUp() override {
        Differential::SetUp();
        if (server_version() < 150000) GTEST_SKIP() << "column lists came with version 15";
        source().execute("CREATE TABLE t (a int, id int PRIMARY KEY, b text, c text)");
        source().execute("CREATE TABLE u (id int PRIMARY KEY, b text)");
    }
};

TEST_F(DifferentialColumnList, OnlyNamedColumnsAreSent) {
    source().execute("CREATE PUBLICATION p FOR TABLE t (c, id), u (id)");
    start_decoding();
    source().execute("INSERT INTO t SELECT g, g, 'b', 'c' FROM generate_series(1, 3) g");
    source().execute(
        "UPDATE t SET a = 0; UPDATE t SET c = 'x'; UPDATE t SET id = id + 10;"
        "DELETE FROM t; INSERT INTO u VALUES (1, 'b'); TRUNCATE t, u");
    const Decoded decoded = expect_same_in_every_form();
    EXPECT_EQ(texts(decoded).at(0), "insert public.t new(id='1', c='c')");
}

TEST_F(DifferentialColumnList, AListWithAllColumnsIsLikeNone) {
    source().execute("CREATE PUBLICATION p FOR TABLE u (b, id)");
    source().execute("CREATE PUBLICATION q FOR TABLE u");
    start_decoding();
    source().execute("INSERT INTO u VALUES (1, 'b'); UPDATE u SET b = 'c'; DELETE FROM u");
    expect_same_in_every_form({"p"});
    // Allowed from 18 on.
    expect_same({.publications = {"p", "q"}, .may_be_refused = true});
}

// pgoutput of version 15 counts dropped columns, and refuses what is no difference.
TEST_F(DifferentialColumnList, AListWithAllColumnsIsLikeNoneBesideADroppedColumn) {
    source().execute("ALTER TABLE t DROP a");
    source().execute("CREATE PUBLICATION p FOR TABLE t (b, id, c)");
    source().execute("CREATE PUBLICATION q FOR TABLE t");
    start_decoding();
    source().execute("INSERT INTO t VALUES (1, 'b', 'c')");
    const Reading both{.publications = {"p", "q"}};
    EXPECT_EQ(texts(read_walpack(both).decoded).at(0), "insert public.t new(id='1', b='b', c='c')");
    EXPECT_EQ(read_pgoutput(both).refusal.empty(), server_version() >= 160000);
    if (server_version() >= 160000) expect_same(both);
}

TEST_F(DifferentialColumnList, ListsThatDifferAreRefused) {
    source().execute("CREATE PUBLICATION p FOR TABLE t (c, id)");
    source().execute("CREATE PUBLICATION q FOR TABLE t (b, id)");
    source().execute("CREATE PUBLICATION r FOR TABLE t");
    source().execute("CREATE PUBLICATION s FOR ALL TABLES");
    source().execute("CREATE PUBLICATION same FOR TABLE t (id, c) WITH (publish = 'insert')");
    start_decoding();
    source().execute("INSERT INTO t VALUES (1, 1, 'b', 'c')");
    const char* const message = "different column lists for table \"public.t\"";
    expect_refusal(message, {.publications = {"p", "q"}});
    expect_refusal(message, {.publications = {"p", "r"}});
    expect_refusal(message, {.publications = {"p", "s"}});
    expect_refusal(message, {.publications = {"r", "p"}});
    expect_same({.publications = {"p", "same"}});
    expect_same({.publications = {"q"}});
}

TEST_F(DifferentialColumnList, UnchangedToastOfANamedColumnIsMarked) {
    source().execute(
        "ALTER TABLE t ALTER b SET STORAGE external, ALTER c SET STORAGE external;"
        "INSERT INTO t SELECT 1, 1, repeat('b', 9000), repeat('c', 9000)");
    source().execute("CREATE PUBLICATION p FOR TABLE t (id, c)");
    start_decoding();
    source().execute(
        "UPDATE t SET a = 2; UPDATE t SET b = 'short'; UPDATE t SET c = 'short';"
        "UPDATE t SET c = repeat('d', 9000); UPDATE t SET id = 2; DELETE FROM t");
    expect_same_in_every_form();
}

TEST_F(DifferentialColumnList, ListsFollowTheTablesDefinition) {
    source().execute("CREATE PUBLICATION p FOR TABLE t (id, c)");
    start_decoding();
    source().execute(
        "INSERT INTO t VALUES (1, 1, 'b', 'c'); ALTER TABLE t DROP b, ADD d int;"
        "INSERT INTO t VALUES (2, 2, 'c', 2)");
    source().execute("ALTER TABLE t RENAME c TO \"C\"; INSERT INTO t VALUES (3, 3, 'c', 3)");
    source().execute(
        "ALTER PUBLICATION p SET TABLE t (id, d); INSERT INTO t VALUES (4, 4, 'c', 4)");
    source().execute("ALTER PUBLICATION p SET TABLE t; INSERT INTO t VALUES (5, 5, 'c', 5)");
    source().execute(
        "BEGIN; ALTER PUBLICATION p SET TABLE t (id, a);"
        "UPDATE t SET a = 7; ALTER TABLE t REPLICA IDENTITY NOTHING; COMMIT;"
        "INSERT INTO t VALUES (6, 6, 'c', 6)");
    expect_same_in_every_form();
}

TEST_F(DifferentialColumnList, AFilterMayNeedAColumnThatIsNotSent) {
    source().execute("ALTER TABLE t REPLICA IDENTITY NOTHING");
    source().execute(
        "CREATE PUBLICATION p FOR TABLE t (c) WHERE (a > 5 AND b = 'b')"
        " WITH (publish = 'insert')");
    start_decoding();
    source().execute(
        "INSERT INTO t VALUES (1, 1, 'b', 'no'), (9, 2, 'b', 'yes'), (9, 3, 'x', 'no')");
    EXPECT_EQ(texts(expect_same_in_every_form()),
              std::vector<std::string>{"insert public.t new(c='yes')"});
}

TEST_F(DifferentialColumnList, StoredGeneratedColumnsAreSentWhenAsked) {
    if (server_version() < 180000) GTEST_SKIP() << "came with version 18";
    source().execute(
        "CREATE TABLE g (id int PRIMARY KEY, s int GENERATED ALWAYS AS (id * 2) STORED,"
        " virt int GENERATED ALWAYS AS (id * 3) VIRTUAL, v text)");
    source().execute("CREATE PUBLICATION p FOR TABLE g WITH (publish_generated_columns = stored)");
    source().execute(
        "CREATE PUBLICATION q FOR ALL TABLES WITH (publish_generated_columns = stored)");
    source().execute("CREATE PUBLICATION r FOR TABLE g (id, s)");
    source().execute("CREATE PUBLICATION n FOR TABLE g");
    source().execute(
        "CREATE PUBLICATION w FOR TABLE g (id, v, s) WHERE (v <> 'x')"
        " WITH (publish = 'insert', publish_generated_columns = stored)");
    start_decoding();
    source().execute(
        "INSERT INTO g (id, v) VALUES (1, 'v'), (2, 'x'); UPDATE g SET v = 'w';"
        "UPDATE g SET id = id + 10; DELETE FROM g WHERE id = 11");
    for (const char* const name : {"p", "q", "r", "n", "w"}) expect_same({.publications = {name}});
    expect_same({.publications = {"p", "q"}});
    expect_same({.publications = {"p", "n"}, .may_be_refused = true});
    expect_same({.publications = {"r", "n"}, .may_be_refused = true});
}

TEST_F(DifferentialColumnList, VirtualGeneratedColumnsServeInFilters) {
    if (server_version() < 180000) GTEST_SKIP() << "came with version 18";
    source().execute(
        "CREATE TABLE g (id int, virt int GENERATED ALWAYS AS (id * 3) VIRTUAL,"
        " v text); ALTER TABLE g REPLICA IDENTITY FULL");
    source().execute(
        "CREATE PUBLICATION p FOR TABLE g WHERE (virt > 10)"
        " WITH (publish = 'insert')");
    start_decoding();
    source().execute("INSERT INTO g (id, v) SELECT x, 'v' FROM generate_series(1, 8) x");
    expect_same_in_every_form();
}

}  // namespace
}  // namespace walpack::differential
