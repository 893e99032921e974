// Target tables that have rows before they are copied: refused, or emptied where that is set.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class CopyNonEmpty : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both(
            "CREATE TABLE parent (id int PRIMARY KEY, v text); "
            "CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent)");
        source().execute(
            "INSERT INTO parent SELECT g, 'source' FROM generate_series(1, 10) g; "
            "INSERT INTO child SELECT g, g FROM generate_series(1, 10) g");
        target().execute(
            "INSERT INTO parent SELECT g, 'own' FROM generate_series(5, 20) g; "
            "INSERT INTO child VALUES (99, 20)");
    }
    void let_empty() { consumer().set("copy_non_empty_tables", "\"empty\""); }
    void expect_own_rows() {
        EXPECT_EQ(target().value("SELECT count(*) || ' ' || min(v) FROM parent"), "16 own");
    }
};

TEST_F(CopyNonEmpty, IsRefusedByInit) {
    const Finished init = consumer().command("init");
    EXPECT_EQ(init.status, 1);
    EXPECT_TRUE(contains(init.output, "tables to be copied into are not empty"));
    EXPECT_TRUE(contains(init.output, "\"public\".\"parent\""));
    EXPECT_TRUE(contains(init.output, "copy_non_empty_tables = \"empty\""));
    expect_own_rows();
}

TEST_F(CopyNonEmpty, IsRefusedByRun) {
    let_empty();
    consumer().init();
    consumer().set("copy_non_empty_tables", "\"refuse\"");
    consumer().start();
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "target tables of the initial copy are not empty"));
    EXPECT_TRUE(contains(log, "copy_non_empty_tables = \"empty\""));
    expect_own_rows();
}

TEST_F(CopyNonEmpty, IsEmptiedWhereThatIsSet) {
    let_empty();
    const Finished init = consumer().command("init");
    EXPECT_EQ(init.status, 0) << init.output;
    EXPECT_TRUE(contains(init.output, "tables are not empty, and are emptied before the copy"));
    expect_own_rows();
    consumer().start();
    catch_up();
    EXPECT_TRUE(contains(consumer().log(), "deleting the rows that target tables have before"));
    expect_equal();
    source().execute("INSERT INTO parent VALUES (30, 'source')");
    catch_up();
    stop_consumer();
    target().execute("INSERT INTO parent VALUES (40, 'own')");
    consumer().start();
    catch_up();
    EXPECT_EQ(target().value("SELECT v FROM parent WHERE id = 40"), "own");
}

TEST_F(CopyNonEmpty, IsEmptiedWhereForeignKeysAreChecked) {
    let_empty();
    use_table_owner({"parent", "child", "mark"});
    consumer().init();
    consumer().start();
    catch_up();
    EXPECT_TRUE(contains(consumer().log(), "all tables are copied under one snapshot"));
    expect_equal();
}

TEST_F(CopyNonEmpty, IsEmptiedWhenItIsPublishedLater) {
    let_empty();
    consumer().set("tables", "[\"public.mark\"]");
    consumer().init();
    consumer().start();
    catch_up();
    expect_own_rows();
    source().execute("ALTER PUBLICATION " + slot() + " ADD TABLE parent, child");
    source().execute("UPDATE parent SET v = 'new' WHERE id = 1; UPDATE child SET p = 2");
    wait_until("both are copied", seconds(30), [&] {
        return target().value("SELECT count(*) FROM walpack.copy_table WHERE state = 'ready'") ==
               "3";
    });
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
