// Rows that the target refuses while they are copied are put aside with all their data, the rest of
// the copy goes on, and what comes for them later waits; after a retry both sides are equal.
#include "chunked_copy_scenario.h"
#include "quarantine_scenario.h"

namespace walpack::e2e {
namespace {

class QuarantineCopy : public QuarantineScenario {
  protected:
    explicit QuarantineCopy(DatabaseOptions options = {})
        : QuarantineScenario(std::move(options)) {}

    void SetUp() override {
        QuarantineScenario::SetUp();
        on_both(
            "CREATE TABLE item (id int PRIMARY KEY, v int, t text, d date);"
            "CREATE TABLE loose (id int, v int); ALTER TABLE loose REPLICA IDENTITY FULL");
        source().execute(
            "INSERT INTO item SELECT g, CASE WHEN g % 500 = 7 THEN 1000 + g ELSE g % 7 END, "
            "repeat('x', 100), '2026-01-01'::date + g FROM generate_series(1, 3000) g; "
            "UPDATE item SET t = E'Private\\twords\\nline \\\\N \\\\. é', d = NULL WHERE id = 507; "
            "INSERT INTO loose SELECT g, CASE g WHEN 400 THEN 1000 ELSE 1 END "
            "FROM generate_series(1, 2000) g; ANALYZE");
        consumer().set("copy_chunk_bytes", "65536");
    }

    void refuse_large(const std::string& table) {
        target().execute("ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (v < 1000)");
    }
    void accept_large(const std::string& table) {
        target().execute("ALTER TABLE " + table + " DROP CONSTRAINT small");
    }
    // Made by init: no key before all chunks are there, so they wait with their backlog, which is
    // more than a group keeps in memory.
    void start_with_large_backlogs() {
        target().execute("DROP TABLE item");
        consumer().set("group_bytes_max", "\"64kB\"");
        consumer().set("copy_rate_limit", "\"150kB\"");
        consumer().set("copy_workers", "1");
        consumer().init();
        refuse_large("item");
        consumer().start();
        wait_until("a chunk is loaded", seconds(30), [&] {
            return target().value("SELECT to_regclass('walpack.copy_chunk')") != "" &&
                   target().number(
                       "SELECT count(*) FROM walpack.copy_chunk "
                       "WHERE snapshot IS NOT NULL AND NOT is_live") > 0;
        });
        for (int round = 0; round < 3; ++round)
            source().execute("UPDATE item SET t = repeat('b', 500) WHERE id <= 300");
    }
    std::string loaded_rows() { return target().value("SELECT count(*) FROM item"); }
};

TEST_F(QuarantineCopy, RefusedRowsArePutAsideWithTheirDataAndAllElseIsCopied) {
    refuse_large("item");
    refuse_large("loose");
    start();
    catch_up();
    expect_running();
    EXPECT_EQ(loaded_rows(), "2994");
    EXPECT_EQ(target().value("SELECT count(*) FROM loose"), "1999");
    EXPECT_EQ(held("string_agg(DISTINCT change || ' ' || kind || ' ' || sqlstate || ' ' || "
                   "constraint_name, ',')"),
              "insert value 23514 small");
    EXPECT_EQ(held("count(*) FILTER (WHERE table_name = 'item')"), "6");
    EXPECT_EQ(held("count(DISTINCT id)"), "7");
    const std::string id = held("max(id) FILTER (WHERE new_row ->> 'id' = '507')");
    const std::string shown = quarantine({"show", id}).output;
    EXPECT_TRUE(contains(shown, "Private\twords\nline \\N \\. é"));
    EXPECT_TRUE(contains(shown, "while the table was copied"));
    EXPECT_TRUE(contains(quarantine({"list"}).output, "constraint small"));
    EXPECT_FALSE(contains(consumer().log(), "Private")) << "a value";
    accept_large("item");
    accept_large("loose");
    expect_all_retried();
}

TEST_F(QuarantineCopy, ARowMayBeEditedOrDiscarded) {
    refuse_large("item");
    start();
    catch_up();
    const std::string id = held("min(id)");
    EXPECT_EQ(quarantine({"edit", id, "--set", "v=999"}).status, 0);
    EXPECT_EQ(quarantine({"retry", id}).status, 0);
    EXPECT_EQ(target().value("SELECT count(*) FROM item WHERE v = 999"), "1");
    EXPECT_EQ(quarantine({"discard", "--all"}).status, 0);
    EXPECT_EQ(loaded_rows(), "2995");
    source().execute("DELETE FROM item WHERE v >= 1000");
    catch_up();
    EXPECT_EQ(held("count(*) || ' ' || min(kind)"), "5 delete_missing") << "what was discarded";
}

TEST_F(QuarantineCopy, ValuesThatCannotBeConvertedKeysThatExistAndTriggersAreCovered) {
    target().execute(
        "CREATE UNIQUE INDEX by_v ON loose (v) WHERE v > 1; ALTER TABLE item ALTER t TYPE "
        "varchar(100);"
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.v = 1507 THEN "
        "RAISE EXCEPTION ''none''; ELSIF NEW.v = 2007 THEN RETURN NULL; END IF; RETURN NEW; END'; "
        "CREATE TRIGGER fail BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION fail(); "
        "ALTER TABLE item ENABLE ALWAYS TRIGGER fail");
    source().execute(
        "UPDATE item SET t = repeat('y', 101) WHERE id IN (3, 2500); "
        "UPDATE loose SET v = 5 WHERE id IN (11, 1900)");
    start();
    catch_up();
    EXPECT_EQ(held("string_agg(table_name || ' ' || kind || ' ' || sqlstate, ', ' "
                   "ORDER BY table_name, sqlstate)"),
              "item value , item value 22001, item value 22001, item value P0001, "
              "loose insert_exists 23505");
    target().execute(
        "DROP INDEX by_v; ALTER TABLE item ALTER t TYPE text; DROP TRIGGER fail ON item");
    expect_all_retried();
}

TEST_F(QuarantineCopy, WhatComesForAHeldRowWhileTheCopyRunsWaitsForIt) {
    refuse_large("item");
    consumer().set("copy_rate_limit", "\"150kB\"");
    consumer().set("copy_workers", "1");
    start();
    wait_until_some_are_held();
    source().execute("UPDATE item SET v = v + 1, t = 'later' WHERE v >= 1000");
    source().execute("DELETE FROM item WHERE id = 7; DELETE FROM item WHERE id = 2507");
    source().execute("INSERT INTO item VALUES (7, 3000, 'again', NULL)");
    source().execute("UPDATE item SET id = 100007 WHERE id = 507");
    source().execute("UPDATE item SET v = 4 WHERE id = 1007");
    catch_up();
    expect_running();
    EXPECT_EQ(target().value("SELECT count(*) FROM item WHERE v >= 1000"), "0");
    EXPECT_GT(held("count(*) FILTER (WHERE behind IS NOT NULL)"), "0");
    accept_large("item");
    expect_all_retried();
    source().execute("UPDATE item SET v = 5 WHERE id IN (7, 100007, 1007)");
    catch_up();
    expect_equal();
}

TEST_F(QuarantineCopy, KillsLeaveNoRowHeldTwice) {
    refuse_large("item");
    refuse_large("loose");
    consumer().set("copy_rate_limit", "\"300kB\"");
    Random random(3);
    start();
    for (int kills = 0; kills < 10; ++kills) {
        std::this_thread::sleep_for(milliseconds(random.between(100, 700)));
        ASSERT_TRUE(consumer().is_running()) << consumer().log();
        consumer().kill();
        consumer().start();
    }
    catch_up();
    EXPECT_EQ(held("count(*) || ' ' || count(DISTINCT new_row ->> 'id' || table_name)"), "7 7");
    EXPECT_EQ(loaded_rows(), "2994");
    accept_large("item");
    accept_large("loose");
    expect_all_retried();
}

TEST_F(QuarantineCopy, ATruncateAndAnotherCopyMakeThemVoid) {
    refuse_large("item");
    consumer().set("copy_rate_limit", "\"150kB\"");
    consumer().set("copy_workers", "1");
    start();
    wait_until_some_are_held();
    source().execute(
        "TRUNCATE item; INSERT INTO item VALUES (7, 5000, 'new', NULL), (8, 1, 'n', NULL)");
    catch_up();
    EXPECT_EQ(held("string_agg(new_row ->> 'v', ' ') FILTER (WHERE table_name = 'item')"), "5000");
    EXPECT_EQ(loaded_rows(), "1");
    EXPECT_EQ(quarantine({"discard", "--table", "public.item"}).status, 0);
    const Finished again = consumer().command("recopy", {"public.item"});
    EXPECT_EQ(again.status, 0) << again.output;
    wait_until("it is held again", seconds(30), [&] { return held() == "1"; });
    source().execute("UPDATE item SET v = 5001 WHERE id = 7");
    catch_up();
    accept_large("item");
    expect_all_retried();
}

// A change that is held between two chunks of which only one may have its rows anew: all of the
// table is copied again.
TEST_F(QuarantineCopy, AHeldChangeFromOneChunkToAnotherIsVoidWithBoth) {
    refuse_large("item");
    consumer().set("copy_rate_limit", "\"60kB\"");
    consumer().set("copy_workers", "1");
    start();
    const std::string chunks = "SELECT count(*) FROM walpack.copy_chunk WHERE ";
    wait_until("two chunks are live", seconds(30), [&] {
        return target().value("SELECT to_regclass('walpack.copy_chunk')") != "" &&
               target().number(chunks + "is_live") >= 2;
    });
    source().execute(
        "BEGIN; DELETE FROM item WHERE id = 600; UPDATE item SET id = 600, v = 5000 WHERE id = 10; "
        "COMMIT");
    wait_until("the update is held", seconds(30),
               [&] { return held("count(*) FILTER (WHERE change = 'update_key')") == "1"; });
    ASSERT_GT(target().number(chunks + "snapshot IS NULL"), 0) << "too slow to mean anything";
    source().execute("TRUNCATE item; INSERT INTO item VALUES (10, 1), (600, 2000)");
    wait_until("the table is asked for again", seconds(30), [&] {
        return consumer().log().find("public.item is copied again") != std::string::npos;
    });
    catch_up();
    EXPECT_EQ(held("string_agg(change || ' ' || (new_row ->> 'v'), ',')"), "insert 2000");
    accept_large("item");
    expect_all_retried();
}

// A table that init made has no key before all chunks are there, so they wait with their backlog.
// That of one becomes too large, and it is loaded again.
TEST_F(QuarantineCopy, AChunkThatIsTakenBackLeavesNothingOfItHeld) {
    target().execute("DROP TABLE item");
    consumer().init();
    refuse_large("item");
    consumer().set("copy_rate_limit", "\"300kB\"");
    consumer().set("copy_workers", "1");
    consumer().set("copy_backlog_bytes_max", "\"1MB\"");
    consumer().start();
    wait_until_some_are_held();
    const std::string large = "UPDATE item SET t = repeat('z', 2000) WHERE id <= 400; ";
    source().execute("BEGIN; " + large + large + large + large + "COMMIT");
    catch_up();
    EXPECT_GT(target().number("SELECT count(*) FROM walpack.quarantine_history "
                              "WHERE action = 'recopied'"),
              0);
    EXPECT_EQ(held("count(*) || ' ' || count(DISTINCT new_row ->> 'id')"), "6 6");
    accept_large("item");
    expect_all_retried();
}

TEST_F(QuarantineCopy, TooManyStopTheTargetAndTheTableIsNamed) {
    consumer().set("quarantine_max_rows", "3");
    refuse_large("item");
    start();
    const std::string log = expect_refusal(seconds(60));
    EXPECT_TRUE(contains(log, "\"public.item\" would be put into quarantine, which holds 3 rows"));
    EXPECT_TRUE(contains(log, "quarantine_max_rows"));
    EXPECT_LE(std::stoi(held()), 3);
    accept_large("item");
    consumer().start();
    catch_up();
    expect_all_retried();
}

// A row that a worker has just committed counts once, though the worker has it in hand still.
TEST_F(QuarantineCopy, AsManyAsThereMayBeAreHeldWhateverTheWorkersDoSideBySide) {
    source().execute("UPDATE item SET v = 1000 + id WHERE id % 50 = 7");
    consumer().set("copy_workers", "4");
    consumer().set("quarantine_max_rows", "60");
    refuse_large("item");
    start();
    catch_up();
    expect_running();
    EXPECT_EQ(held(), "60");
    accept_large("item");
    expect_all_retried();
}

TEST_F(QuarantineCopy, ATableWhoseRowsAreNotHeldStopsTheCopy) {
    consumer().set("table.\"public.item\".on_error", toml_text("error"));
    refuse_large("loose");
    target().execute("ALTER TABLE item ALTER t TYPE varchar(100)");
    source().execute("UPDATE item SET t = repeat('y', 101) WHERE id = 3");
    start();
    const std::string log = expect_refusal(seconds(60));
    EXPECT_TRUE(contains(log, "copy of \"public.item\" failed"));
    EXPECT_FALSE(contains(log, "yyyy"));
}

TEST_F(QuarantineCopy, ALargeBacklogWaitsForARowThatIsHeld) {
    start_with_large_backlogs();
    source().execute("UPDATE item SET t = 'end' WHERE id <= 300");
    catch_up();
    expect_running();
    EXPECT_EQ(held("count(*) FILTER (WHERE behind IS NOT NULL)"), "4");
    accept_large("item");
    expect_all_retried();
}

TEST_F(QuarantineCopy, ARowOfALargeBacklogMayBeRefused) {
    source().execute("UPDATE item SET v = 1");
    start_with_large_backlogs();
    source().execute("UPDATE item SET v = 5000 WHERE id IN (20, 30)");
    source().execute("UPDATE item SET t = 'end' WHERE id <= 300");
    catch_up();
    expect_running();
    EXPECT_EQ(held("string_agg(change || COALESCE(' behind ' || behind, ''), ', ' ORDER BY id)"),
              "update, update, update behind 1, update behind 2");
    accept_large("item");
    expect_all_retried();
}

class QuarantineCopyToLatin1 : public QuarantineCopy {
  protected:
    QuarantineCopyToLatin1()
        : QuarantineCopy(
              {.source = "", .target = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"}) {}
};

TEST_F(QuarantineCopyToLatin1, ACharacterWithoutEquivalentIsHeldAsItIs) {
    source().execute(
        "UPDATE item SET t = 'ü 5 €' WHERE id = 8; UPDATE item SET t = 'ü' WHERE id = 9");
    start();
    catch_up();
    EXPECT_EQ(held("string_agg(kind || ' ' || sqlstate, ',')"), "value 22P05");
    EXPECT_EQ(loaded_rows(), "2999");
    source().execute("UPDATE item SET v = 99 WHERE id = 8");
    catch_up();
    const std::string id = held("min(id)");
    EXPECT_TRUE(contains(quarantine({"show", id}).output, "t = ü 5 €"));
    EXPECT_EQ(quarantine({"edit", id, "--set", "t=ü 5 EUR"}).status, 0);
    EXPECT_EQ(quarantine({"edit", held("max(id)"), "--set", "t=ü 5 EUR"}).status, 0);
    const Finished retried = quarantine({"retry", "--all"});
    EXPECT_EQ(retried.status, 0) << retried.output;
    EXPECT_EQ(target().value("SELECT count(*) FROM item WHERE v = 99 AND t LIKE '% 5 EUR'"), "1");
}

// Rows that the target refuses at some time, in tables of many tiny chunks, while they move and the
// consumer is killed.
class QuarantineChunkedCopy : public ChunkedCopy {
  protected:
    void SetUp() override {
        ChunkedCopy::SetUp();
        consumer().set("on_error", toml_text("quarantine"));
        consumer().set("quarantine_max_rows", "1000000");
    }
    void refuse_some() {
        for (const std::string& table : kTables)
            target().execute("ALTER TABLE " + identifier(table) +
                             " ADD CONSTRAINT odd CHECK (n % 50 <> 7)");
    }
    void kill_again_and_again(Random& random) {
        for (int kills = 0; kills < 8; ++kills) {
            const auto ended = consumer().wait_exit(milliseconds(random.between(50, 1200)));
            ASSERT_FALSE(ended.has_value()) << consumer().log();
            consumer().kill();
            consumer().start();
        }
    }
    void expect_equal_after_retry() {
        EXPECT_GT(target().number("SELECT count(*) FROM walpack.quarantine"), 0);
        for (const std::string& table : kTables)
            target().execute("ALTER TABLE " + identifier(table) + " DROP CONSTRAINT odd");
        const Finished retried = consumer().command("quarantine", {"retry", "--all"});
        EXPECT_EQ(retried.status, 0) << retried.output.substr(0, 2000);
        catch_up();
        expect_equal();
    }
};

TEST_F(QuarantineChunkedCopy, RowsThatMoveAmongChunksAreAllThereAfterARetry) {
    consumer().set("copy_rate_limit", "\"1500kB\"");
    refuse_some();
    RowMovers movers(source_conninfo(), kTables, kRows);
    consumer().init();
    consumer().start();
    wait_until_copied(seconds(120));
    EXPECT_EQ(movers.stop(), "");
    catch_up(seconds(120));
    expect_equal_after_retry();
}

TEST_F(QuarantineChunkedCopy, KillsLoseAndRepeatNoChange) {
    consumer().set("copy_rate_limit", "\"1MB\"");
    refuse_some();
    Random random(17);
    RowMovers movers(source_conninfo(), kTables, kRows);
    consumer().init();
    consumer().start();
    kill_again_and_again(random);
    wait_until_copied(seconds(120));
    EXPECT_EQ(movers.stop(), "");
    catch_up(seconds(120));
    expect_equal_after_retry();
}

// Their chunks wait with their backlog until the keys are made.
TEST_F(QuarantineChunkedCopy, TablesThatInitMadeAreEqualAfterKillsAndARetryToo) {
    consumer().set("apply_workers", "3");
    consumer().set("copy_rate_limit", "\"1MB\"");
    for (const std::string& table : kTables) target().execute("DROP TABLE " + identifier(table));
    consumer().init();
    refuse_some();
    Random random(18);
    RowMovers movers(source_conninfo(), kTables, kRows);
    consumer().start();
    kill_again_and_again(random);
    wait_until_copied(seconds(120));
    EXPECT_EQ(movers.stop(), "");
    catch_up(seconds(120));
    expect_equal_after_retry();
}

}  // namespace
}  // namespace walpack::e2e
