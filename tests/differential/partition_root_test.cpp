// Partitions: published as themselves, or as rows of their root.
#include "differential/differential.h"

namespace walpack::differential {
namespace {

class DifferentialPartitionRoot : public Differential {
  protected:
    void SetUp() override {
        Differential::SetUp();
        source().execute(
            "CREATE TABLE root (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);"
            "CREATE TABLE one PARTITION OF root FOR VALUES IN (1);"
            // Other order of columns, and a dropped one in front.
            "CREATE TABLE two (gone int, v text, k int NOT NULL, id int NOT NULL,"
            " PRIMARY KEY (id, k)); ALTER TABLE two DROP gone;"
            "ALTER TABLE root ATTACH PARTITION two FOR VALUES IN (2);"
            "CREATE TABLE sub (v text, id int NOT NULL, k int NOT NULL, PRIMARY KEY (id, k))"
            " PARTITION BY RANGE (id);"
            "ALTER TABLE root ATTACH PARTITION sub FOR VALUES IN (3, 4);"
            "CREATE TABLE sub_low PARTITION OF sub FOR VALUES FROM (MINVALUE) TO (10);"
            "CREATE TABLE sub_high (k int NOT NULL, v text, id int NOT NULL,"
            " PRIMARY KEY (id, k));"
            "ALTER TABLE sub ATTACH PARTITION sub_high FOR VALUES FROM (10) TO (MAXVALUE)");
    }

    void write_everywhere() {
        source().execute(
            "INSERT INTO root SELECT g, g % 4 + 1, 'v' || g"
            " FROM generate_series(1, 16) g");
        source().execute("UPDATE root SET v = 'w' WHERE id % 3 = 0");
        source().execute("UPDATE root SET id = id + 20 WHERE id < 5");
        source().execute("UPDATE root SET k = 5 - k WHERE id IN (5, 6, 7)");  // moves rows
        source().execute("UPDATE two SET v = 'direct'; DELETE FROM sub_low WHERE id < 8");
        source().execute("DELETE FROM root WHERE id > 12");
    }
};

TEST_F(DifferentialPartitionRoot, WithoutTheOptionPartitionsAreThemselves) {
    source().execute("CREATE PUBLICATION p FOR TABLE root");
    source().execute("CREATE PUBLICATION q FOR TABLE sub, one");
    source().execute("CREATE PUBLICATION r FOR ALL TABLES");
    start_decoding();
    write_everywhere();
    source().execute("TRUNCATE root; TRUNCATE sub_low");
    expect_same_in_every_form({"p"});
    expect_same_in_every_form({"q"});
    expect_same_in_every_form({"r"});
}

TEST_F(DifferentialPartitionRoot, RowsComeAsThoseOfTheRoot) {
    source().execute(
        "CREATE PUBLICATION p FOR TABLE root"
        " WITH (publish_via_partition_root = true)");
    source().execute(
        "CREATE PUBLICATION q FOR ALL TABLES"
        " WITH (publish_via_partition_root = true)");
    source().execute(
        "CREATE PUBLICATION sub FOR TABLE sub"
        " WITH (publish_via_partition_root = true)");
    source().execute(
        "CREATE PUBLICATION leaf FOR TABLE two, sub_high"
        " WITH (publish_via_partition_root = true)");
    start_decoding();
    write_everywhere();
    for (const char* const name : {"p", "q", "sub", "leaf"}) expect_same_in_every_form({name});
}

TEST_F(DifferentialPartitionRoot, TheHighestRootOfAllPublicationsWins) {
    source().execute(
        "CREATE PUBLICATION root FOR TABLE root"
        " WITH (publish_via_partition_root = true)");
    source().execute(
        "CREATE PUBLICATION sub FOR TABLE sub"
        " WITH (publish_via_partition_root = true)");
    source().execute("CREATE PUBLICATION plain FOR TABLE root, sub_low");
    source().execute(
        "CREATE PUBLICATION inserts FOR TABLE sub"
        " WITH (publish = 'insert', publish_via_partition_root = true)");
    start_decoding();
    write_everywhere();
    source().execute("TRUNCATE root; INSERT INTO root VALUES (1, 3, 'x'); TRUNCATE sub; ");
    const std::vector<std::vector<std::string>> combinations = {
        {"root", "sub"},     {"sub", "root"},
        {"root", "plain"},   {"plain", "root"},
        {"sub", "plain"},    {"plain", "sub"},
        {"inserts"},         {"inserts", "plain"},
        {"inserts", "root"}, {"plain", "sub", "root", "inserts"}};
    for (const std::vector<std::string>& publications : combinations)
        expect_same({.publications = publications});
}

TEST_F(DifferentialPartitionRoot, FilterAndListAreThoseOfTheRoot) {
    if (server_version() < 150000) GTEST_SKIP() << "came with version 15";
    source().execute(
        "CREATE PUBLICATION p FOR TABLE root (id, k) WHERE (id % 2 = 0)"
        " WITH (publish_via_partition_root = true)");
    source().execute(
        "CREATE PUBLICATION v FOR TABLE root WHERE (v <> 'v7' OR v IS NULL)"
        " WITH (publish = 'insert', publish_via_partition_root = true)");
    source().execute("CREATE PUBLICATION leaf FOR TABLE two WHERE (id > 10), sub_low (id, k)");
    source().execute(
        "CREATE PUBLICATION other FOR TABLE sub WHERE (id > 12)"
        " WITH (publish_via_partition_root = true)");
    // Without the option a filter of the partitioned table itself is not used.
    source().execute("CREATE PUBLICATION plain FOR TABLE root");
    start_decoding();
    write_everywhere();
    const std::vector<std::vector<std::string>> combinations = {
        {"p"},          {"v"},          {"leaf"},
        {"other"},      {"p", "other"}, {"leaf", "other"},
        {"v", "other"}, {"plain", "v"}, {"plain", "other"},
        {"leaf", "v"}};
    for (const std::vector<std::string>& publications : combinations)
        expect_same({.publications = publications});
    expect_same_in_every_form({"p"});
}

TEST_F(DifferentialPartitionRoot, PartitionsOfOtherIdentitiesShowTheirOldTuples) {
    source().execute(
        "ALTER TABLE two REPLICA IDENTITY FULL; ALTER TABLE sub_high"
        " REPLICA IDENTITY FULL; ALTER TABLE two ALTER v SET STORAGE external");
    source().execute(
        "CREATE PUBLICATION p FOR TABLE root"
        " WITH (publish_via_partition_root = true)");
    source().execute("INSERT INTO root SELECT 100, 2, repeat('v', 9000)");
    start_decoding();
    source().execute("UPDATE root SET id = 101 WHERE id = 100");
    write_everywhere();
    expect_same_in_every_form();
}

TEST_F(DifferentialPartitionRoot, AttachedAndDetachedPartitionsChangeTheirName) {
    source().execute(
        "CREATE PUBLICATION p FOR TABLE root"
        " WITH (publish_via_partition_root = true)");
    source().execute(
        "CREATE PUBLICATION q FOR ALL TABLES"
        " WITH (publish_via_partition_root = true)");
    start_decoding();
    source().execute("INSERT INTO root VALUES (1, 2, 'in')");
    source().execute("ALTER TABLE root DETACH PARTITION two; INSERT INTO two VALUES ('out', 2, 2)");
    source().execute("INSERT INTO two VALUES ('alone', 2, 3)");
    source().execute(
        "BEGIN; INSERT INTO two VALUES ('alone', 2, 4);"
        "ALTER TABLE root ATTACH PARTITION two FOR VALUES IN (2);"
        "INSERT INTO two VALUES ('in', 2, 5); COMMIT");
    source().execute("ALTER TABLE root ADD extra int DEFAULT 7; INSERT INTO root VALUES (6, 2)");
    source().execute("ALTER TABLE root DROP v; INSERT INTO root VALUES (7, 2, 1)");
    source().execute(
        "CREATE TABLE five PARTITION OF root FOR VALUES IN (5);"
        "INSERT INTO root VALUES (8, 5, 1)");
    source().execute("ALTER TABLE root RENAME TO tree; UPDATE tree SET extra = 0");
    expect_same_in_every_form({"p"});
    expect_same_in_every_form({"q"});
}

TEST_F(DifferentialPartitionRoot, TruncateNamesWhatIsPublished) {
    source().execute("CREATE TABLE plain (id int)");
    source().execute(
        "CREATE PUBLICATION p FOR TABLE root, plain"
        " WITH (publish_via_partition_root = true)");
    source().execute(
        "CREATE PUBLICATION q FOR TABLE sub"
        " WITH (publish_via_partition_root = true)");
    source().execute("CREATE PUBLICATION r FOR TABLE one, sub_low, root");
    start_decoding();
    source().execute("TRUNCATE root, plain; TRUNCATE sub; TRUNCATE two, plain; TRUNCATE one");
    source().execute("TRUNCATE ONLY plain; TRUNCATE sub_low, one, root CASCADE");
    const std::vector<std::vector<std::string>> combinations = {{"p"},      {"q"},      {"r"},
                                                                {"p", "q"}, {"p", "r"}, {"q", "r"}};
    for (const std::vector<std::string>& publications : combinations)
        expect_same({.publications = publications});
}

TEST_F(DifferentialPartitionRoot, TheOptionCanBeSwitchedInTheMiddle) {
    source().execute("CREATE PUBLICATION p FOR TABLE root");
    start_decoding();
    write_everywhere();
    source().execute(
        "DELETE FROM root; ALTER PUBLICATION p SET (publish_via_partition_root = true)");
    write_everywhere();
    source().execute(
        "BEGIN; INSERT INTO root VALUES (500, 1, 'x');"
        "ALTER PUBLICATION p SET (publish_via_partition_root = false);"
        "INSERT INTO root VALUES (501, 1, 'x'); COMMIT; DELETE FROM root");
    expect_same_in_every_form();
}

}  // namespace
}  // namespace walpack::differential
