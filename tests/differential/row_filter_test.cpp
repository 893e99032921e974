// Row filters: from 15 on.
#include "differential/differential.h"

namespace walpack::differential {
namespace {

class DifferentialRowFilter : public Differential {
  protected:
    void SetUp() override {
        Differential::SetUp();
        if (server_version() < 150000) GTEST_SKIP() << "row filters came with version 15";
        source().execute("CREATE TABLE t (id int PRIMARY KEY, n int, v text)");
        source().execute("CREATE TABLE f (id int, n int, v text, big text)");
        source().execute(
            "ALTER TABLE f REPLICA IDENTITY FULL; "
            "ALTER TABLE f ALTER big SET STORAGE external");
    }
};

TEST_F(DifferentialRowFilter, OnlyRowsThatPassAreSent) {
    source().execute("CREATE PUBLICATION p FOR TABLE t WHERE (id % 2 = 0), f WHERE (n > 5)");
    start_decoding();
    source().execute("INSERT INTO t SELECT g, g, 'v' FROM generate_series(1, 10) g");
    source().execute(
        "UPDATE t SET v = 'w'; UPDATE t SET id = id + 100 WHERE id <= 4;"
        "DELETE FROM t WHERE id > 6");
    source().execute("INSERT INTO f SELECT g, g, 'v' FROM generate_series(1, 10) g");
    source().execute("DELETE FROM f WHERE id IN (2, 9)");
    source().execute("TRUNCATE t, f");
    EXPECT_GT(count_changes(expect_same_in_every_form()), 10U);
}

TEST_F(DifferentialRowFilter, NullIsNotTrue) {
    source().execute("CREATE PUBLICATION p FOR TABLE f WHERE (n > 5 AND v <> 'x')");
    source().execute("CREATE PUBLICATION q FOR TABLE f WHERE (n > 5 OR v IS NULL)");
    source().execute("CREATE PUBLICATION r FOR TABLE f WHERE (NULL)");
    start_decoding();
    const std::string rows =
        "(NULL, NULL, NULL), (1, 7, NULL), (2, NULL, 'x'), (3, 7, 'y'), (4, 1, 'y')";
    source().execute("INSERT INTO f VALUES " + rows);
    source().execute(
        "UPDATE f SET n = NULL; UPDATE f SET n = 8; UPDATE f SET v = NULL;"
        "UPDATE f SET v = 'z'; DELETE FROM f");
    expect_same_in_every_form({"p"});
    expect_same_in_every_form({"q"});
    expect_same_in_every_form({"r"});
    expect_same_in_every_form({"p", "r"});
}

TEST_F(DifferentialRowFilter, AnUpdateThatCrossesTheFilterComesOrGoes) {
    source().execute("CREATE PUBLICATION p FOR TABLE f WHERE (n > 5), t WHERE (id > 5)");
    start_decoding();
    source().execute("INSERT INTO f VALUES (1, 1, 'out'), (2, 9, 'in')");
    source().execute("INSERT INTO t VALUES (1, 1, 'out'), (9, 9, 'in')");
    source().execute("UPDATE f SET n = 10 - n; UPDATE f SET n = 10 - n; UPDATE f SET v = 'same'");
    source().execute("UPDATE t SET id = 8 WHERE id = 1");
    source().execute("UPDATE t SET id = 2 WHERE id = 9 AND v = 'in'; UPDATE t SET v = 'same'");
    const std::vector<std::string> said = texts(expect_same_in_every_form());
    EXPECT_EQ(said.at(2).substr(0, 15), "insert public.f");
    EXPECT_EQ(said.at(3).substr(0, 15), "delete public.f");
}

TEST_F(DifferentialRowFilter, ARowThatComesInBringsItsUnchangedToast) {
    source().execute("CREATE PUBLICATION p FOR TABLE f WHERE (n > 5)");
    source().execute("CREATE PUBLICATION q FOR TABLE f WHERE (length(big) > 5000)");
    source().execute("INSERT INTO f SELECT 1, 1, 'v', repeat(md5('x'), 1000)");
    source().execute("INSERT INTO f SELECT 2, 9, 'v', repeat(md5('y'), 100)");
    start_decoding();
    source().execute("UPDATE f SET n = 10 - n; UPDATE f SET n = 10 - n; UPDATE f SET v = 'w'");
    source().execute("UPDATE f SET big = repeat(md5('z'), 900) WHERE id = 2");
    source().execute("UPDATE f SET big = NULL; DELETE FROM f");
    expect_same_in_every_form({"p"});
    expect_same_in_every_form({"q"});
    expect_same_in_every_form({"p", "q"});
}

// The key is out of line and unchanged, and the old tuple has it.
TEST_F(DifferentialRowFilter, AFilterReadsAnUnchangedKeyThatIsOutOfLine) {
    source().execute("CREATE TABLE k (big text PRIMARY KEY, n int)");
    source().execute("INSERT INTO k SELECT repeat('k', 180000), 0");
    source().execute("CREATE PUBLICATION p FOR TABLE k WHERE (length(big) > 100)");
    source().execute("CREATE PUBLICATION q FOR TABLE k WHERE (length(big) < 100)");
    start_decoding();
    source().execute(
        "UPDATE k SET n = 1; UPDATE k SET big = 's'; UPDATE k SET n = 2;"
        "UPDATE k SET big = repeat('k', 180000); DELETE FROM k");
    expect_same_in_every_form({"p"});
    expect_same_in_every_form({"q"});
}

TEST_F(DifferentialRowFilter, FiltersOfSeveralPublicationsAreOred) {
    source().execute("CREATE PUBLICATION p FOR TABLE f WHERE (n < 3)");
    source().execute("CREATE PUBLICATION q FOR TABLE f WHERE (n > 7)");
    source().execute("CREATE PUBLICATION r FOR TABLE f");
    source().execute("CREATE PUBLICATION s FOR ALL TABLES");
    source().execute("CREATE PUBLICATION u FOR TABLES IN SCHEMA public WITH (publish = 'update')");
    start_decoding();
    source().execute("INSERT INTO f SELECT g, g, 'v' FROM generate_series(1, 10) g");
    source().execute("UPDATE f SET n = 11 - n; UPDATE f SET n = n + 2; DELETE FROM f");
    const std::vector<std::vector<std::string>> combinations = {
        {"p"}, {"q"}, {"p", "q"}, {"q", "p"}, {"p", "r"}, {"p", "s"}, {"p", "u"}, {"u"}};
    for (const std::vector<std::string>& publications : combinations)
        expect_same({.publications = publications});
}

TEST_F(DifferentialRowFilter, EachActionHasTheFiltersOfThePublicationsThatPublishIt) {
    source().execute("CREATE PUBLICATION p FOR TABLE f WHERE (n < 3) WITH (publish = 'insert')");
    source().execute("CREATE PUBLICATION q FOR TABLE f WHERE (n > 7) WITH (publish = 'update')");
    source().execute("CREATE PUBLICATION r FOR TABLE f WHERE (n = 5) WITH (publish = 'delete')");
    source().execute("CREATE PUBLICATION s FOR TABLE f WITH (publish = 'insert, truncate')");
    start_decoding();
    source().execute("INSERT INTO f SELECT g, g, 'v' FROM generate_series(1, 10) g");
    source().execute("UPDATE f SET n = 11 - n; UPDATE f SET n = n + 2; UPDATE f SET v = 'w'");
    source().execute("DELETE FROM f WHERE n < 8; TRUNCATE f");
    const std::vector<std::vector<std::string>> combinations = {
        {"p"}, {"q"}, {"r"}, {"s"}, {"p", "q"}, {"p", "q", "r"}, {"p", "r"}, {"p", "q", "r", "s"}};
    for (const std::vector<std::string>& publications : combinations)
        expect_same({.publications = publications});
}

TEST_F(DifferentialRowFilter, AnUpdateThatBecomesAnotherActionIsSentOnlyWhenThatIsPublished) {
    source().execute("CREATE PUBLICATION p FOR TABLE f WHERE (n > 5) WITH (publish = 'update')");
    source().execute(
        "CREATE PUBLICATION q FOR TABLE f WHERE (n > 5)"
        " WITH (publish = 'update, delete')");
    start_decoding();
    source().execute("INSERT INTO f VALUES (1, 1, 'out'), (2, 9, 'in')");
    source().execute("UPDATE f SET n = 10 - n; UPDATE f SET n = 10 - n; UPDATE f SET v = 'w'");
    expect_same_in_every_form({"p"});
    expect_same_in_every_form({"q"});
}

TEST_F(DifferentialRowFilter, AFilterThatChangesHoldsFromThenOn) {
    source().execute("CREATE PUBLICATION p FOR TABLE f WHERE (n > 5)");
    start_decoding();
    source().execute("INSERT INTO f SELECT g, g, 'a' FROM generate_series(1, 10) g");
    source().execute("ALTER PUBLICATION p SET TABLE f WHERE (n < 3)");
    source().execute("INSERT INTO f SELECT g, g, 'b' FROM generate_series(1, 10) g");
    source().execute(
        "BEGIN; INSERT INTO f VALUES (1, 1, 'c'), (9, 9, 'c');"
        "ALTER PUBLICATION p SET TABLE f WHERE (n > 8);"
        "INSERT INTO f VALUES (1, 1, 'd'), (9, 9, 'd'); COMMIT");
    source().execute("ALTER TABLE f RENAME n TO m; INSERT INTO f VALUES (1, 1, 'e'), (9, 9, 'e')");
    source().execute("ALTER PUBLICATION p DROP TABLE f; INSERT INTO f VALUES (9, 9, 'f')");
    source().execute("ALTER PUBLICATION p ADD TABLE f; INSERT INTO f VALUES (1, 1, 'g')");
    expect_same_in_every_form();
}

// By the types' own operators, casts, and what becomes of a division by zero.
TEST_F(DifferentialRowFilter, ExpressionsOfManyKindsAreEvaluated) {
    source().execute(
        "CREATE TABLE x (id int, a int[], j jsonb, d date, t text COLLATE \"C\");"
        "ALTER TABLE x REPLICA IDENTITY FULL");
    const std::vector<std::string> filters = {"array_length(a, 1) = 1 OR 7 = ANY (a)",
                                              "j ->> 'k' = 'v'",
                                              "d BETWEEN '2020-01-01' AND '2020-12-31'",
                                              "t LIKE 'a%' AND t COLLATE \"POSIX\" < 'b'",
                                              "id IN (1, 3, 5)",
                                              "(t, id) = ('a', 1)",
                                              "CASE WHEN id > 2 THEN true END",
                                              "COALESCE(t, 'a') = 'a'",
                                              "NOT (id IS DISTINCT FROM 3)",
                                              "row(id, t) IS NOT NULL",
                                              "t::text = ANY (ARRAY['a', 'ab'])"};
    for (std::size_t at = 0; at < filters.size(); ++at)
        source().execute("CREATE PUBLICATION p" + std::to_string(at) + " FOR TABLE x WHERE (" +
                         filters[at] + ")");
    start_decoding();
    source().execute(
        "INSERT INTO x VALUES (1, '{1,7}', '{\"k\": \"v\"}', '2020-05-05', 'a'),"
        "(2, '{}', '{}', '2021-01-01', 'ab'), (3, '{2,7}', NULL, NULL, NULL),"
        "(NULL, NULL, '{\"k\": null}', 'infinity', 'b'), (5, '{1}', '1', NULL, 'a')");
    source().execute("UPDATE x SET id = id + 1; UPDATE x SET t = t || 'b'; DELETE FROM x");
    for (std::size_t at = 0; at < filters.size(); ++at)
        expect_same({.publications = {"p" + std::to_string(at)}});
}

TEST_F(DifferentialRowFilter, AFilterThatFailsStopsBoth) {
    source().execute("CREATE PUBLICATION p FOR TABLE f WHERE (10 / n > 2)");
    start_decoding();
    source().execute("INSERT INTO f VALUES (1, 3, 'fine'), (2, 0, 'not')");
    expect_refusal("division by zero");
}

}  // namespace
}  // namespace walpack::differential
