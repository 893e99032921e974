// Publications say which rows and columns are copied, and as rows of which table; the stream goes
// on with the same ones.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class PublicationCopy : public Scenario {
  protected:
    void publish(const std::string& sql) {
        source().execute(sql);
        source().execute("CREATE PUBLICATION marks FOR TABLE public.mark");
        consumer().set("publications", names_);
        consumer().init();
        consumer().start();
        wait_until_copied();
    }
    std::string refusal(const std::string& sql) {
        source().execute(sql);
        consumer().set("publications", names_);
        const Finished init = consumer().command("init");
        EXPECT_NE(init.status, 0);
        return init.output;
    }
    std::string rows(const std::string& query) {
        return target().value("SELECT string_agg(r::text, ' ' ORDER BY r) FROM (" + query + ") r");
    }
    void name_publications(const std::string& toml) { names_ = toml; }

  private:
    std::string names_ = R"(["p", "marks"])";
};

TEST_F(PublicationCopy, CopiesAndStreamsOnlyTheRowsOfARowFilter) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text)");
    source().execute("INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 10) g");
    publish("CREATE PUBLICATION p FOR TABLE t WHERE (id > 7)");
    EXPECT_EQ(rows("SELECT id FROM t"), "(8) (9) (10)");
    source().execute("INSERT INTO t VALUES (5000, 'new'), (-1, 'out'); DELETE FROM t WHERE id = 9");
    source().execute("UPDATE t SET id = 3000 WHERE id = 3; UPDATE t SET id = -8 WHERE id = 8");
    catch_up();
    EXPECT_EQ(rows("SELECT id FROM t"), "(10) (3000) (5000)");
}

TEST_F(PublicationCopy, FiltersTablesOfOddNames) {
    on_both(
        "CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('sad', 'ok'); "
        "CREATE TABLE app.\"T \"\"x\" (\"Id\" int PRIMARY KEY, m app.mood)");
    source().execute("INSERT INTO app.\"T \"\"x\" VALUES (1, 'sad'), (2, 'ok'), (3, NULL)");
    publish("CREATE PUBLICATION p FOR TABLE app.\"T \"\"x\" WHERE (\"Id\" > 0 AND \"Id\" < 3)");
    EXPECT_EQ(rows("SELECT \"Id\" FROM app.\"T \"\"x\""), "(1) (2)");
}

TEST_F(PublicationCopy, CopiesAndStreamsOnlyTheColumnsOfAList) {
    source().execute("CREATE TABLE t (secret text, id int PRIMARY KEY, v text)");
    target().execute("CREATE TABLE t (id int PRIMARY KEY, v text, secret text DEFAULT 'own')");
    source().execute("INSERT INTO t VALUES ('s', 1, 'a')");
    publish("CREATE PUBLICATION p FOR TABLE t (id, v)");
    source().execute("INSERT INTO t VALUES ('s', 2, 'b'); UPDATE t SET v = 'c' WHERE id = 1");
    catch_up();
    EXPECT_EQ(rows("SELECT id, v, secret FROM t"), "(1,c,own) (2,b,own)");
}

TEST_F(PublicationCopy, NeedsNoTargetColumnForOneThatIsNotPublished) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY, v text, secret text)");
    target().execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
    source().execute("INSERT INTO t VALUES (1, 'a', 's')");
    publish("CREATE PUBLICATION p FOR TABLE t (v, id) WHERE (id = 1)");
    catch_up();
    EXPECT_EQ(rows("SELECT id, v FROM t"), "(1,a)");
}

// Three levels, and a filter on a column whose place differs in the partitions.
TEST_F(PublicationCopy, CopiesAndStreamsPartitionsAsTheirRoot) {
    source().execute(
        "CREATE TABLE r (gone int, id int, v text, secret text, PRIMARY KEY (id)) "
        "PARTITION BY RANGE (id)");
    source().execute("ALTER TABLE r DROP gone");
    source().execute(
        "CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (100);"
        "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (100) TO (300) PARTITION BY RANGE (id);"
        "CREATE TABLE r2a PARTITION OF r2 FOR VALUES FROM (100) TO (200);"
        "CREATE TABLE r2b PARTITION OF r2 FOR VALUES FROM (200) TO (300)");
    target().execute("CREATE TABLE r (v text, id int PRIMARY KEY)");
    source().execute("INSERT INTO r SELECT g, 'v', 's' FROM generate_series(50, 250, 50) g");
    publish(
        "CREATE PUBLICATION p FOR TABLE r (id, v) WHERE (id <> 100) "
        "WITH (publish_via_partition_root)");
    EXPECT_EQ(rows("SELECT id, v FROM r"), "(50,v) (150,v) (200,v) (250,v)");
    source().execute("INSERT INTO r VALUES (1, 'new', 's'), (201, 'new', 's')");
    source().execute("UPDATE r SET id = 299 WHERE id = 50; DELETE FROM r WHERE id = 150");
    source().execute("DELETE FROM r WHERE id = 100; UPDATE r SET v = 'x' WHERE id = 200");
    catch_up();
    EXPECT_EQ(rows("SELECT id, v FROM r"), "(1,new) (200,x) (201,new) (250,v) (299,v)");
}

TEST_F(PublicationCopy, TakesThePartitionsOnceWhereTheirRootIsPublishedToo) {
    on_both(
        "CREATE TABLE r (id int PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (100);"
        "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (100) TO (200)");
    source().execute("INSERT INTO r VALUES (1), (101)");
    name_publications(R"(["p", "leaf", "marks"])");
    publish(
        "CREATE PUBLICATION p FOR TABLE r WITH (publish_via_partition_root);"
        "CREATE PUBLICATION leaf FOR TABLE r2");
    source().execute("INSERT INTO r VALUES (2), (102); DELETE FROM r WHERE id = 101");
    catch_up();
    expect_equal();
    EXPECT_EQ(rows("SELECT id FROM r"), "(1) (2) (102)");
}

TEST_F(PublicationCopy, LeavesThePartitionsOfAnUnpublishedRootAsTheyAre) {
    on_both(
        "CREATE TABLE r (id int PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (100);"
        "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (100) TO (200)");
    source().execute("INSERT INTO r VALUES (1), (101)");
    publish("CREATE PUBLICATION p FOR TABLE r1 WITH (publish_via_partition_root)");
    EXPECT_EQ(rows("SELECT id FROM r"), "(1)");
}

TEST_F(PublicationCopy, JoinsTheFiltersOfSeveralPublications) {
    on_both("CREATE TABLE t (id int PRIMARY KEY)");
    source().execute("INSERT INTO t SELECT generate_series(1, 10)");
    name_publications(R"(["p", "q", "marks"])");
    publish(
        "CREATE PUBLICATION p FOR TABLE t WHERE (id < 3);"
        "CREATE PUBLICATION q FOR TABLE t WHERE (id > 9)");
    source().execute("INSERT INTO t VALUES (-1), (8000); DELETE FROM t WHERE id IN (2, 4)");
    source().execute("UPDATE t SET id = 5000 WHERE id = 5");
    catch_up();
    EXPECT_EQ(rows("SELECT id FROM t"), "(-1) (1) (10) (5000) (8000)");
}

TEST_F(PublicationCopy, CopiesEveryRowWhereOnePublicationHasNoFilter) {
    on_both("CREATE TABLE t (id int PRIMARY KEY)");
    source().execute("INSERT INTO t SELECT generate_series(1, 5)");
    name_publications(R"(["p", "all", "marks"])");
    publish(
        "CREATE PUBLICATION p FOR TABLE t WHERE (id < 3);"
        "CREATE PUBLICATION \"all\" FOR TABLES IN SCHEMA public");
    catch_up();
    expect_equal();
    EXPECT_EQ(rows("SELECT id FROM t"), "(1) (2) (3) (4) (5)");
}

TEST_F(PublicationCopy, RefusesColumnListsThatDiffer) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text)");
    name_publications(R"(["p", "q"])");
    EXPECT_TRUE(contains(refusal("CREATE PUBLICATION p FOR TABLE t (id);"
                                 "CREATE PUBLICATION q FOR TABLE t"),
                         "publications \"p\" and \"q\" publish different columns of table "
                         "\"public.t\", which cannot be combined"));
}

}  // namespace
}  // namespace walpack::e2e
