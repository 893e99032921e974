// Rows of a chunk that only its COMMIT would refuse, by constraints that are deferred, are put
// aside as those that are refused at once.
#include "quarantine_scenario.h"

namespace walpack::e2e {
namespace {

class QuarantineCopyDeferred : public QuarantineScenario {
  protected:
    void SetUp() override {
        QuarantineScenario::SetUp();
        on_both("CREATE TABLE item (id int PRIMARY KEY, v int, needs int, t text)");
        source().execute(
            "INSERT INTO item SELECT g, g, NULL, repeat('x', 100) FROM generate_series(1, 3000) g; "
            "UPDATE item SET v = 1 WHERE id IN (507, 2507); ANALYZE");
        consumer().set("copy_chunk_bytes", "65536");
        use_table_owner({"item"});
    }

    // A row needs the one that it names.
    void require_what_is_needed() {
        target().execute(
            "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
            "IF NEW.needs IS NOT NULL AND NOT EXISTS (SELECT FROM public.item WHERE id = NEW.needs)"
            " THEN RAISE EXCEPTION ''it is alone''; END IF; RETURN NULL; END'; "
            "CREATE CONSTRAINT TRIGGER look AFTER INSERT OR UPDATE ON item "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION look()");
    }
    std::string loaded_rows() { return target().value("SELECT count(*) FROM item"); }
};

TEST_F(QuarantineCopyDeferred, AValueThatIsThereTwiceIsHeldOnce) {
    target().execute(
        "ALTER TABLE item ADD CONSTRAINT one_each UNIQUE (v) DEFERRABLE INITIALLY DEFERRED");
    start();
    catch_up();
    expect_running();
    EXPECT_EQ(loaded_rows(), "2998");
    EXPECT_EQ(held("string_agg(sqlstate || ' ' || constraint_name, ', ')"),
              "23505 one_each, 23505 one_each");
    source().execute("UPDATE item SET t = 'later' WHERE id = 507");
    catch_up();
    EXPECT_EQ(behind(), "- - 2") << "either has its value";
    target().execute("ALTER TABLE item DROP CONSTRAINT one_each");
    expect_all_retried();
}

TEST_F(QuarantineCopyDeferred, WhatAConstraintTriggerRefusesIsHeldInEveryChunk) {
    require_what_is_needed();
    source().execute("UPDATE item SET needs = 9999 WHERE id IN (3, 1500, 2999)");
    start();
    catch_up();
    expect_running();
    EXPECT_EQ(loaded_rows(), "2997");
    EXPECT_EQ(held("string_agg(sqlstate || ' ' || kind, ', ')"),
              "P0001 value, P0001 value, P0001 value");
    EXPECT_FALSE(contains(consumer().log(), "it is alone")) << "what the trigger raised";
    target().execute("DROP TRIGGER look ON item");
    expect_all_retried();
}

TEST_F(QuarantineCopyDeferred, ARowThatNeedsOneThatComesLaterIsNotHeld) {
    require_what_is_needed();
    consumer().set("copy_chunk_bytes", "\"64MB\"");
    source().execute(
        "UPDATE item SET needs = id + 500 WHERE id <= 2500; "
        "UPDATE item SET needs = 9999 WHERE id = 10");
    start();
    catch_up();
    EXPECT_EQ(held("string_agg(new_row ->> 'id', ' ')"), "10");
    EXPECT_EQ(loaded_rows(), "2999");
    target().execute("DROP TRIGGER look ON item");
    expect_all_retried();
}

TEST_F(QuarantineCopyDeferred, WhereRowsAreNotHeldTheCommitStopsTheCopy) {
    require_what_is_needed();
    consumer().set("table.\"public.item\".on_error", toml_text("error"));
    source().execute("UPDATE item SET needs = 9999 WHERE id = 3");
    start();
    EXPECT_TRUE(contains(expect_refusal(seconds(60)), "raised an exception with SQLSTATE P0001"));
}

}  // namespace
}  // namespace walpack::e2e
