// A TRUNCATE that names a table which the target cannot take: with rows in quarantine for the same
// reason it must not be what stops the stream.
#include "quarantine_scenario.h"

namespace walpack::e2e {
namespace {

class QuarantineTruncate : public QuarantineScenario {
  protected:
    void SetUp() override {
        QuarantineScenario::SetUp();
        on_both(
            "CREATE TABLE gone (id int PRIMARY KEY, v int);"
            "CREATE TABLE other (id int PRIMARY KEY, v int)");
    }

    void start() {
        QuarantineScenario::start();
        catch_up();
    }
    std::string history() {
        return target().value(
            "SELECT string_agg(action, ' ' ORDER BY id) FROM walpack.quarantine_history");
    }
};

TEST_F(QuarantineTruncate, OfATableThatTheTargetLacksVoidsWhatIsHeldAndTruncatesTheOthers) {
    start();
    source().execute("INSERT INTO other VALUES (1, 1)");
    catch_up();
    target().execute("ALTER TABLE gone RENAME TO hidden");
    source().execute("INSERT INTO gone VALUES (1, 1), (2, 2)");
    catch_up();
    EXPECT_EQ(held(), "2");
    source().execute("BEGIN; TRUNCATE gone, other; INSERT INTO other VALUES (5, 5); COMMIT");
    source().execute("INSERT INTO gone VALUES (3, 3)");
    catch_up();
    expect_running();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ') FROM other"), "5");
    EXPECT_EQ(held(), "1") << "what came after the TRUNCATE";
    EXPECT_EQ(history(), "truncated truncated");
    EXPECT_TRUE(contains(consumer().log(), "\"public.gone\" is left out of a TRUNCATE"));
    target().execute("ALTER TABLE hidden RENAME TO gone");
    expect_all_retried();
}

TEST_F(QuarantineTruncate, OfATableWhoseColumnsDoNotFitEmptiesItAllTheSame) {
    start();
    source().execute("INSERT INTO gone VALUES (9, 9)");
    catch_up();
    source().execute("ALTER TABLE gone ADD more text");
    source().execute("INSERT INTO gone VALUES (1, 1, 'm')");
    source().execute("TRUNCATE gone");
    source().execute("INSERT INTO other VALUES (1, 1)");
    catch_up();
    expect_running();
    EXPECT_EQ(held(), "0");
    EXPECT_EQ(target().value("SELECT count(*) FROM gone"), "0");
    EXPECT_EQ(target().value("SELECT count(*) FROM other"), "1");
    target().execute("ALTER TABLE gone ADD more text");
    expect_equal();
}

// What stands in the way is looked for while the table is locked.
TEST_F(QuarantineTruncate, RowsThatFollowItMayStandInEachOthersWay) {
    target().execute("CREATE UNIQUE INDEX single ON other (v)");
    start();
    source().execute("INSERT INTO other VALUES (1, 1)");
    source().execute(
        "BEGIN; TRUNCATE other; INSERT INTO other VALUES (5, 5), (6, 5), (7, 7); COMMIT");
    catch_up();
    expect_running();
    EXPECT_EQ(held("string_agg(kind || ' ' || (new_row ->> 'id'), ',')"), "insert_exists 6");
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM other"), "5 7");
    target().execute("DROP INDEX single");
    expect_all_retried();
}

TEST_F(QuarantineTruncate, OfATableWhoseRowsAreNotHeldStopsThePipeline) {
    consumer().set("table.\"public.gone\".on_error", toml_text("error"));
    start();
    target().execute("ALTER TABLE gone RENAME TO hidden");
    source().execute("TRUNCATE gone, other");
    EXPECT_TRUE(contains(expect_refusal(seconds(60)), "\"public.gone\" does not exist"));
}

}  // namespace
}  // namespace walpack::e2e
