// What the target already has, or has not, stops the consumer with a message that names it; nothing
// is skipped, and after a repair by hand it goes on exactly where it stopped.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class Conflicts : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE stock (id int PRIMARY KEY, v text)");
        source().execute("INSERT INTO stock SELECT g, 'v' FROM generate_series(1, 20) g");
        consumer().init();
        consumer().start();
        catch_up();
    }

    // Table, key, LSN and the option that says what to do instead.
    void expect_named(const std::string& log, const std::string& option) {
        EXPECT_TRUE(contains(log, "stock"));
        EXPECT_TRUE(contains(log, "id"));
        EXPECT_TRUE(names_an_lsn(log));
        EXPECT_TRUE(contains(log, option));
    }

    void expect_goes_on() {
        consumer().start();
        catch_up();
        expect_equal();
    }
};

TEST_F(Conflicts, UpdateOfAMissingRowStops) {
    target().execute("DELETE FROM stock WHERE id = 7");
    source().execute("UPDATE stock SET v = 'new' WHERE id BETWEEN 5 AND 9");
    const std::string log = expect_refusal();
    expect_named(log, "update_missing");
    EXPECT_EQ(target().value("SELECT count(*) FROM stock WHERE v = 'new'"), "0");
    target().execute("INSERT INTO stock VALUES (7, 'repaired')");
    expect_goes_on();
}

TEST_F(Conflicts, DeleteOfAMissingRowStops) {
    target().execute("DELETE FROM stock WHERE id = 7");
    source().execute("INSERT INTO stock VALUES (21, 'before')");
    source().execute("DELETE FROM stock WHERE id = 7");
    source().execute("INSERT INTO stock VALUES (22, 'after')");
    expect_named(expect_refusal(), "delete_missing");
    EXPECT_EQ(target().value("SELECT count(*) FROM stock WHERE id = 22"), "0");
    target().execute("INSERT INTO stock VALUES (7, 'repaired')");
    expect_goes_on();
}

TEST_F(Conflicts, InsertOfAnExistingKeyStops) {
    target().execute("INSERT INTO stock VALUES (30, 'local')");
    source().execute("INSERT INTO stock SELECT g, 'new' FROM generate_series(28, 32) g");
    expect_named(expect_refusal(), "insert_exists");
    EXPECT_EQ(target().value("SELECT count(*) FROM stock WHERE v = 'new'"), "0");
    target().execute("DELETE FROM stock WHERE id = 30");
    expect_goes_on();
}

TEST_F(Conflicts, WhatCameBeforeTheRefusedRowIsAppliedAlsoFromOneBacklog) {
    consumer().terminate();
    target().execute("DELETE FROM stock WHERE id = 7");
    for (int id = 101; id <= 120; ++id) {
        source().execute("INSERT INTO stock VALUES (" + std::to_string(id) + ", 'before')");
    }
    source().execute("DELETE FROM stock WHERE id = 7");
    source().execute("INSERT INTO stock VALUES (200, 'after')");
    consumer().start();
    expect_named(expect_refusal(), "delete_missing");
    EXPECT_EQ(target().value("SELECT count(*) FROM stock WHERE v = 'before'"), "20");
    EXPECT_EQ(target().value("SELECT count(*) FROM stock WHERE v = 'after'"), "0");
    target().execute("INSERT INTO stock VALUES (7, 'repaired')");
    expect_goes_on();
}

TEST_F(Conflicts, StartingAgainWithoutARepairStopsAgain) {
    target().execute("DELETE FROM stock WHERE id = 7");
    source().execute("UPDATE stock SET v = 'new' WHERE id = 7");
    (void)expect_refusal();
    consumer().clear_log();
    consumer().start();
    expect_named(expect_refusal(), "update_missing");
}

TEST_F(Conflicts, AValueThatTheTargetRefusesStops) {
    target().execute("ALTER TABLE stock ADD CHECK (v <> 'refused')");
    source().execute("INSERT INTO stock VALUES (40, 'refused')");
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "stock"));
    EXPECT_TRUE(names_an_lsn(log));
    target().execute("ALTER TABLE stock DROP CONSTRAINT stock_v_check");
    expect_goes_on();
}

TEST_F(Conflicts, ANumberTooLargeForTheTargetNamesItsColumn) {
    source().execute("ALTER TABLE stock ADD price numeric(10, 2), ADD other numeric(9, 1)");
    target().execute("ALTER TABLE stock ADD price numeric(5, 2), ADD other numeric(9, 1)");
    source().execute("INSERT INTO stock VALUES (50, 'dear', 123456.78, 1)");
    EXPECT_TRUE(contains(expect_refusal(), "value for column \"price\""));
    target().execute("ALTER TABLE stock ALTER price TYPE numeric(10, 2)");
    expect_goes_on();
}

TEST_F(Conflicts, ATableThatWasDroppedOnTheTargetStops) {
    target().execute("ALTER TABLE stock RENAME TO hidden");
    source().execute("INSERT INTO stock VALUES (50, 'v')");
    EXPECT_TRUE(contains(expect_refusal(), "stock"));
    target().execute("ALTER TABLE hidden RENAME TO stock");
    expect_goes_on();
}

TEST_F(Conflicts, ValuesOfRowsStayOutOfTheLog) {
    target().execute("INSERT INTO stock VALUES (60, 'local')");
    source().execute("INSERT INTO stock VALUES (60, 'Private words')");
    EXPECT_FALSE(contains(expect_refusal(), "Private words"));
}

}  // namespace
}  // namespace walpack::e2e
