// Rows that the target refuses are put aside, what depends on them waits in order, everything else
// flows; after `walpack quarantine retry` both sides are equal.
#include <fstream>

#include "quarantine_scenario.h"
#include "support/scratch.h"

namespace walpack::e2e {
namespace {

class Quarantine : public QuarantineScenario {
  protected:
    explicit Quarantine(DatabaseOptions options = {}) : QuarantineScenario(std::move(options)) {}

    void SetUp() override {
        QuarantineScenario::SetUp();
        on_both(
            "CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, v int);"
            "CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, v int);"
            "CREATE TABLE other (id int PRIMARY KEY, v int)");
    }

    void start() {
        QuarantineScenario::start();
        catch_up();
    }
};

TEST_F(Quarantine, OneBadRowOfABatchIsPutAsideAndEverythingElseArrives) {
    target().execute("ALTER TABLE other ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute(
        "INSERT INTO other SELECT g, CASE g WHEN 777 THEN 1000 ELSE g % 7 END "
        "FROM generate_series(1, 3000) g");
    catch_up();
    source().execute("UPDATE other SET v = 5 WHERE id IN (776, 777, 778)");
    catch_up();
    expect_running();
    EXPECT_EQ(target().value("SELECT count(*) FROM other"), "2999");
    EXPECT_EQ(target().value("SELECT count(*) FROM other WHERE id IN (776, 778) AND v = 5"), "2");
    EXPECT_EQ(behind(), "- 1") << "the update waits for its row";
    EXPECT_EQ(held("sqlstate || ' ' || constraint_name || ' ' || kind"), "23514 small value");
    target().execute("ALTER TABLE other DROP CONSTRAINT small");
    expect_all_retried();
    EXPECT_EQ(target().value("SELECT v FROM other WHERE id = 777"), "5");
    EXPECT_EQ(target().value("SELECT string_agg(action, ' ') FROM walpack.quarantine_history"),
              "retried retried");
}

TEST_F(Quarantine, WhatDependsOnAHeldRowWaitsInOrderThroughSeveralRows) {
    target().execute("ALTER TABLE users ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute("INSERT INTO users VALUES (1, 'a', 1000), (2, 'b', 1)");
    source().execute("INSERT INTO orders VALUES (10, 1, 1), (20, 2, 1)");
    source().execute("UPDATE orders SET v = 2");
    source().execute("UPDATE users SET email = 'c', v = 3 WHERE id = 1");
    source().execute("INSERT INTO users VALUES (3, 'a', 1)");  // free at the source since then
    source().execute("DELETE FROM orders WHERE id = 10");
    source().execute("DELETE FROM users WHERE id = 1");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ') FROM users"), "2");
    EXPECT_EQ(target().value("SELECT string_agg(id || '=' || v, ' ') FROM orders"), "20=2");
    EXPECT_EQ(behind(), "- 1 2 1 1 3 4") << quarantine({"list"}).output;
    target().execute("ALTER TABLE users DROP CONSTRAINT small");
    expect_all_retried();
}

// Of the row that is held, only the target knows what it has there.
TEST_F(Quarantine, AValueThatAHeldUpdateGivesUpIsWaitedForWhateverItsType) {
    on_both(
        "CREATE TABLE address (id int PRIMARY KEY, usual bool, code text, v int, "
        "UNIQUE (code, usual)); CREATE TABLE offer (id int PRIMARY KEY, price money UNIQUE, v "
        "int)");
    for (const std::string table : {"address", "offer"})
        target().execute("ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute(
        "INSERT INTO address VALUES (1, true, 'a', 1); INSERT INTO offer VALUES (1, 1, 1)");
    catch_up();
    source().execute("UPDATE address SET usual = false, v = 1000");
    source().execute("INSERT INTO address VALUES (2, true, 'a', 1), (3, true, 'b', 1)");
    source().execute("UPDATE offer SET price = 2, v = 1000");
    source().execute("INSERT INTO offer VALUES (2, 1, 1)");
    catch_up();
    expect_running();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ') FROM address"), "1 3");
    EXPECT_EQ(behind(), "- 1 - 3");
    for (const std::string table : {"address", "offer"})
        target().execute("ALTER TABLE " + table + " DROP CONSTRAINT small");
    expect_all_retried();
}

TEST_F(Quarantine, ARetriedRowTakesAllAlongThatWaitsForItAndNothingElse) {
    target().execute("ALTER TABLE users ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute("INSERT INTO users VALUES (1, 'a', 1000), (2, 'b', 2000)");
    source().execute("INSERT INTO orders VALUES (10, 1, 1), (20, 2, 1)");
    catch_up();
    EXPECT_EQ(behind(), "- - 1 2");
    target().execute("ALTER TABLE users DROP CONSTRAINT small, ADD CHECK (v < 1500)");
    const Finished one = quarantine({"retry", "1"});
    EXPECT_EQ(one.status, 0) << one.output;
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ') FROM orders"), "10");
    EXPECT_EQ(behind(), "- 2");
    const Finished other = quarantine({"retry", "--table", "public.users"});
    EXPECT_EQ(other.status, 1);
    EXPECT_TRUE(contains(other.output, "1 failed again, 1 wait"));
    EXPECT_EQ(held("string_agg(constraint_name, ',' ORDER BY id)"), "users_v_check,");
    target().execute("ALTER TABLE users DROP CONSTRAINT users_v_check");
    expect_all_retried();
}

TEST_F(Quarantine, AnEditPutsAnotherValueInItsPlace) {
    target().execute("ALTER TABLE users ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute("INSERT INTO users VALUES (1, 'a', 1000)");
    source().execute("UPDATE users SET email = 'b' WHERE id = 1");
    catch_up();
    EXPECT_NE(quarantine({"edit", "1", "--set", "id=7"}).status, 0);
    EXPECT_NE(quarantine({"edit", "1", "--set", "gone=7"}).status, 0);
    EXPECT_NE(quarantine({"edit", "9", "--set", "v=7"}).status, 0);
    EXPECT_EQ(quarantine({"edit", "1", "--set", "v=999", "--set-null", "email"}).status, 0);
    EXPECT_TRUE(contains(quarantine({"show", "1"}).output, "v = 999"));
    const std::string file = new_scratch_path("value");
    EXPECT_NE(quarantine({"edit", "2", "--set-file", "v=" + file}).status, 0);
    std::ofstream(file) << "998";
    EXPECT_EQ(quarantine({"edit", "2", "--set-file", "v=" + file}).status, 0);
    EXPECT_EQ(quarantine({"retry", "1"}).status, 0);
    EXPECT_EQ(held(), "0");
    EXPECT_EQ(target().value("SELECT id || email || v FROM users"), "1b998");
    EXPECT_EQ(target().value("SELECT string_agg(action, ' ' ORDER BY done_at, id) "
                             "FROM walpack.quarantine_history"),
              "edited edited retried retried");
    EXPECT_EQ(target().value("SELECT DISTINCT done_by FROM walpack.quarantine_history"),
              "postgres");
}

TEST_F(Quarantine, ADiscardedRowIsKeptInTheHistoryAndWhatWaitedForItStays) {
    target().execute("ALTER TABLE users ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute("INSERT INTO users VALUES (1, 'a', 1000)");
    source().execute("UPDATE users SET v = 1 WHERE id = 1");
    source().execute("DELETE FROM users WHERE id = 1");
    catch_up();
    EXPECT_NE(quarantine({"discard", "9"}).status, 0);
    EXPECT_NE(quarantine({"discard"}).status, 0) << "nothing is meant by default";
    EXPECT_EQ(quarantine({"discard", "1"}).status, 0);
    EXPECT_EQ(behind(), "- 2");
    EXPECT_EQ(target().value("SELECT detail -> 'new_row' ->> 'v' FROM walpack.quarantine_history"),
              "1000");
    const Finished retried = quarantine({"retry", "--all"});
    EXPECT_EQ(retried.status, 1);
    EXPECT_EQ(held("string_agg(kind, ',' ORDER BY id)"), "update_missing,");
    EXPECT_EQ(quarantine({"discard", "--all"}).status, 0);
    expect_equal();
    source().execute("INSERT INTO users VALUES (1, 'a', 5)");
    catch_up();
    expect_equal();
}

TEST_F(Quarantine, TooManyRowsStopThePipelineWithNothingOfTheTransaction) {
    consumer().set("quarantine_max_rows", "3");
    target().execute("ALTER TABLE other ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute("INSERT INTO other VALUES (1, 1), (2, 1000)");
    source().execute(
        "INSERT INTO other SELECT g, 998 + g FROM generate_series(-5, 20) g "
        "WHERE g NOT IN (1, 2)");
    const std::string log = expect_refusal(seconds(60));
    EXPECT_TRUE(contains(log, "\"public.other\""));
    EXPECT_TRUE(contains(log, "holds 3 rows"));
    EXPECT_TRUE(contains(log, "quarantine_max_rows"));
    EXPECT_EQ(held(), "1");
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ') FROM other"), "1");
    target().execute("ALTER TABLE other DROP CONSTRAINT small");
    consumer().start();
    catch_up();
    expect_all_retried();
}

TEST_F(Quarantine, ATruncateMakesHeldRowsVoid) {
    target().execute("ALTER TABLE other ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute("INSERT INTO other VALUES (1, 1000), (2, 2)");
    catch_up();
    EXPECT_EQ(held(), "1");
    source().execute("BEGIN; TRUNCATE other; INSERT INTO other VALUES (1, 1); COMMIT");
    catch_up();
    EXPECT_EQ(held(), "0");
    EXPECT_EQ(target().value("SELECT action FROM walpack.quarantine_history"), "truncated");
    expect_equal();
}

TEST_F(Quarantine, AColumnThatTheTargetLacksHoldsTheRows) {
    start();
    source().execute("ALTER TABLE other ADD more text");
    source().execute("INSERT INTO other VALUES (1, 1, 'm')");
    source().execute("INSERT INTO users VALUES (1, 'a', 1)");
    source().execute("INSERT INTO other VALUES (2, 2, 'n')");
    source().execute("UPDATE other SET v = 3 WHERE id = 1");
    catch_up();
    expect_running();
    EXPECT_EQ(behind(), "- - 1");
    EXPECT_EQ(target().value("SELECT count(*) FROM users"), "1");
    EXPECT_EQ(quarantine({"retry", "--all"}).status, 1);
    EXPECT_TRUE(contains(quarantine({"show", "1"}).output, "\"more\""));
    target().execute("ALTER TABLE other ADD more text");
    source().execute("INSERT INTO other VALUES (3, 3, 'o')");
    catch_up();
    EXPECT_EQ(target().value("SELECT id FROM other"), "3");
    expect_all_retried();
}

TEST_F(Quarantine, ATableThatTheTargetLacksHoldsTheRows) {
    start();
    target().execute("ALTER TABLE other RENAME TO hidden");
    source().execute("INSERT INTO other VALUES (1, 1), (2, 2)");
    source().execute("INSERT INTO users VALUES (1, 'a', 1)");
    catch_up();
    expect_running();
    EXPECT_EQ(behind(), "- 1") << "nobody knows the keys of a table that is not there";
    EXPECT_EQ(target().value("SELECT count(*) FROM users"), "1");
    target().execute("ALTER TABLE hidden RENAME TO other");
    expect_all_retried();
}

TEST_F(Quarantine, ADomainAndATypeThatDoNotTakeTheValueHoldTheRow) {
    on_both("CREATE TABLE typed (id int PRIMARY KEY, d int, t text, f real, b bytea, n numeric)");
    target().execute(
        "CREATE DOMAIN tiny AS int CHECK (VALUE < 10); ALTER TABLE typed ALTER d TYPE tiny; "
        "ALTER TABLE typed ALTER t TYPE varchar(5)");
    start();
    source().execute(
        "INSERT INTO typed VALUES (1, 5, 'ok', 0.1, '\\x00ff', 1.00), "
        "(2, 50, 'ok', 1e-30, '\\x', 'NaN'), (3, 5, 'too long', 'Infinity', NULL, 0)");
    source().execute("UPDATE typed SET n = n + 1");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ') FROM typed"), "1");
    EXPECT_EQ(behind(), "- - 1 2");
    target().execute("ALTER TABLE typed ALTER d TYPE int, ALTER t TYPE text");
    expect_all_retried();
}

TEST_F(Quarantine, ARowThatIsTooLargeForAnIndexIsHeld) {
    on_both("CREATE TABLE page (id int PRIMARY KEY, v text)");
    target().execute("CREATE INDEX by_v ON page (v)");
    start();
    source().execute(
        "INSERT INTO page SELECT g, CASE g WHEN 7 THEN (SELECT string_agg(md5(i::text), '') FROM "
        "generate_series(1, 100) i) ELSE 'short' END FROM generate_series(1, 10) g");
    catch_up();
    expect_running();
    EXPECT_EQ(target().value("SELECT count(*) FROM page"), "9");
    EXPECT_EQ(held("sqlstate || ' ' || kind"), "54000 value");
    target().execute("DROP INDEX by_v");
    expect_all_retried();
}

TEST_F(Quarantine, ARowForWhichATriggerMissesATableIsHeld) {
    target().execute(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.v > 1000 THEN "
        "INSERT INTO public.noted VALUES (NEW.id); END IF; RETURN NEW; END'; "
        "CREATE TRIGGER note BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION note(); "
        "ALTER TABLE other ENABLE ALWAYS TRIGGER note");
    start();
    source().execute(
        "INSERT INTO other SELECT g, CASE g WHEN 7 THEN 2000 ELSE 1 END FROM generate_series(1, "
        "10) g");
    source().execute("INSERT INTO other VALUES (11, 3000)");
    catch_up();
    expect_running();
    EXPECT_EQ(target().value("SELECT count(*) FROM other"), "9");
    EXPECT_EQ(held("string_agg(sqlstate || ' ' || kind, ', ')"), "42P01 value, 42P01 value");
    target().execute("CREATE TABLE public.noted (id int)");
    EXPECT_EQ(quarantine({"retry", "--all"}).status, 0);
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM noted"), "7 11");
    EXPECT_EQ(target().value("SELECT count(*) FROM other"), "11");
}

TEST_F(Quarantine, ARowForWhichAFunctionReportsAnInternalErrorIsHeld) {
    target().execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.v > 1000 THEN "
        "RAISE EXCEPTION ''no % here'', NEW.v USING ERRCODE = ''XX000''; END IF; RETURN NEW; END'; "
        "CREATE TRIGGER fail BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION fail(); "
        "ALTER TABLE other ENABLE ALWAYS TRIGGER fail");
    start();
    source().execute(
        "INSERT INTO other SELECT g, CASE g WHEN 7 THEN 2000 ELSE 1 END FROM generate_series(1, "
        "10) g");
    catch_up();
    expect_running();
    EXPECT_EQ(target().value("SELECT count(*) FROM other"), "9");
    EXPECT_EQ(held("sqlstate || ' ' || kind || ' ' || message"), "XX000 value no 2000 here");
    EXPECT_EQ(quarantine({"retry", "--all"}).status, 1) << "refused again, and told so";
    EXPECT_EQ(held(), "1");
    EXPECT_FALSE(contains(consumer().log(), "no 2000 here"));
    target().execute("DROP TRIGGER fail ON other");
    expect_all_retried();
}

TEST_F(Quarantine, ConflictsAreHeldToo) {
    start();
    source().execute("INSERT INTO other VALUES (1, 1), (2, 2)");
    catch_up();
    target().execute("DELETE FROM other WHERE id = 1; INSERT INTO other VALUES (3, 33)");
    source().execute("UPDATE other SET v = v + 10; INSERT INTO other VALUES (3, 3), (4, 4)");
    catch_up();
    EXPECT_EQ(held("string_agg(kind, ' ' ORDER BY id)"), "update_missing insert_exists");
    target().execute("DELETE FROM other WHERE id = 3; INSERT INTO other VALUES (1, 1)");
    expect_all_retried();
}

TEST_F(Quarantine, ATableMayHaveItsOwnAnswer) {
    consumer().set("on_error", toml_text("error"));
    consumer().set("table.\"public.other\".on_error", toml_text("quarantine"));
    target().execute(
        "ALTER TABLE other ADD CONSTRAINT small CHECK (v < 1000);"
        "ALTER TABLE users ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute("INSERT INTO other VALUES (1, 1000)");
    catch_up();
    EXPECT_EQ(held(), "1");
    source().execute("INSERT INTO users VALUES (1, 'a', 1000)");
    EXPECT_TRUE(contains(expect_refusal(seconds(60)), "\"public.users\""));
}

TEST_F(Quarantine, WhatWaitsGoesOnWaitingWhenTheSettingIsTakenBack) {
    target().execute("ALTER TABLE other ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute("INSERT INTO other VALUES (1, 1000)");
    catch_up();
    consumer().terminate();
    consumer().set("on_error", toml_text("error"));
    consumer().start();
    source().execute("UPDATE other SET v = 1");
    source().execute("INSERT INTO other VALUES (2, 2)");
    catch_up();
    EXPECT_EQ(behind(), "- 1");
    target().execute("ALTER TABLE other DROP CONSTRAINT small");
    expect_all_retried();
    source().execute("UPDATE other SET v = 9");
    catch_up();
    expect_equal();
}

TEST_F(Quarantine, StatusAndListTellWhatIsHeldAndTheLogNoValues) {
    target().execute("ALTER TABLE users ADD CONSTRAINT small CHECK (v < 1000)");
    start();
    source().execute("INSERT INTO users VALUES (1, 'Private words', 1000)");
    source().execute("UPDATE users SET v = 3");
    catch_up();
    EXPECT_TRUE(contains(consumer().command("status").output, "2 rows, of which 1 wait"));
    EXPECT_TRUE(contains(consumer().command("status", {"--json"}).output,
                         "\"quarantine\":{\"rows\":2,\"waiting_rows\":1"));
    const std::string list = quarantine({"list"}).output;
    EXPECT_TRUE(contains(list, "waits for row 1"));
    EXPECT_TRUE(contains(list, "23514, constraint small"));
    EXPECT_FALSE(contains(list, "Private words"));
    EXPECT_TRUE(contains(quarantine({"show", "1"}).output, "email = Private words"));
    EXPECT_TRUE(
        contains(quarantine({"show", "1", "--json"}).output, "\"email\":\"Private words\""));
    EXPECT_TRUE(contains(quarantine({"list", "--json"}).output, "\"behind\":1"));
    EXPECT_FALSE(contains(consumer().log(), "Private words"));
    EXPECT_TRUE(contains(consumer().log(), "is put into quarantine as row 1"));
}

class QuarantineOfLatin1 : public Quarantine {
  protected:
    QuarantineOfLatin1()
        : Quarantine({"", "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"}) {}
};

TEST_F(QuarantineOfLatin1, ACharacterThatTheTargetDoesNotHaveHoldsTheRow) {
    start();
    source().execute("INSERT INTO users VALUES (1, 'caf\xc3\xa9', 1), (2, '5 \xe2\x82\xac', 2)");
    source().execute("UPDATE users SET v = 7");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id || email, ' ') FROM users"), "1caf\xc3\xa9");
    EXPECT_EQ(behind(), "- 1");
    EXPECT_EQ(quarantine({"retry", "--all"}).status, 1) << "it still has none";
    EXPECT_EQ(quarantine({"edit", "1", "--set", "email=5 EUR"}).status, 0);
    EXPECT_EQ(quarantine({"edit", "2", "--set", "email=5 EUR"}).status, 0);
    EXPECT_EQ(quarantine({"retry", "--all"}).status, 0);
    EXPECT_EQ(target().value("SELECT email || v FROM users WHERE id = 2"), "5 EUR7");
}

}  // namespace
}  // namespace walpack::e2e
