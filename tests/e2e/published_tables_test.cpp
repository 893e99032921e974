// What is published changes while a pipeline runs: tables come, go and come back.
#include <thread>

#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class PublishedTables : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE first (id int PRIMARY KEY, n int)");
        source().execute("INSERT INTO first SELECT g, g FROM generate_series(1, 100) g");
        consumer().set("tables", "[\"public.first\", \"public.mark\"]");
        consumer().init();
        consumer().start();
        catch_up();
    }

    // With ten rows at the source.
    void make(const std::string& table, bool is_on_target = true) {
        const std::string sql = "CREATE TABLE " + table + " (id int PRIMARY KEY, n int)";
        source().execute(sql + "; INSERT INTO " + table +
                         " SELECT g, g FROM generate_series(1, 10) g");
        if (is_on_target) target().execute(sql);
    }
    void publish(const std::string& tables) {
        source().execute("ALTER PUBLICATION " + slot() + " ADD TABLE " + tables);
    }
    // It looks at once, and otherwise every minute.
    void restart() {
        stop_consumer();
        consumer().start();
    }
    void wait_for_rows(const std::string& table, int rows) {
        wait_until("the rows of " + table + " are there", seconds(30),
                   [&] { return target().number("SELECT count(*) FROM " + table) == rows; });
    }
    int lines_of_log(const std::string& text) {
        const std::string log = consumer().log();
        int lines = 0;
        for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1))
            ++lines;
        return lines;
    }
    void wait_for_log(const std::string& text) {
        wait_until("the log says \"" + text + "\"", seconds(30),
                   [&] { return contains(consumer().log(), text); });
    }
};

TEST_F(PublishedTables, SeveralThatAreWrittenInOneTransactionAreAllCopied) {
    for (const char* table : {"m1", "m2", "m3"}) make(table);
    publish("m1, m2, m3");
    source().execute(
        "BEGIN; INSERT INTO m1 VALUES (11, 1); INSERT INTO m2 VALUES (11, 1); INSERT INTO m3 "
        "VALUES (11, 1); COMMIT");
    for (const char* table : {"m1", "m2", "m3"}) wait_for_rows(table, 11);
    catch_up();
    expect_equal();
}

// A snapshot that sees all that was dropped waits for every transaction that runs.
TEST_F(PublishedTables, SeveralWaitTogetherForTransactionsThatRun) {
    stop_consumer();
    consumer().set("copy_workers", "3");
    consumer().start();
    std::string tables;
    std::string inserts;
    for (int i = 1; i <= 8; ++i) {
        const std::string table = "m" + std::to_string(i);
        make(table);
        tables += (tables.empty() ? "" : ", ") + table;
        inserts += "; INSERT INTO " + table + " VALUES (11, 1)";
    }
    Session running = new_source_session();
    running.execute("BEGIN; INSERT INTO first VALUES (101, 1)");
    publish(tables);
    source().execute("BEGIN" + inserts + "; COMMIT");
    const std::string waits = "waiting for a snapshot that sees what was dropped";
    wait_for_log(waits);
    wait_until("the copy knows all of them", seconds(20), [&] {
        return target().number(
                   "SELECT count(*) FROM walpack.copy_table WHERE table_name ~ '^m[1-8]$' "
                   "AND state = 'requested'") == 8;
    });
    std::this_thread::sleep_for(seconds(1));  // the stream drops their changes by then
    running.execute("COMMIT");
    for (int i = 1; i <= 8; ++i) wait_for_rows("m" + std::to_string(i), 11);
    EXPECT_EQ(lines_of_log(waits), 1);
    catch_up();
    expect_equal();
}

TEST_F(PublishedTables, OneThatNobodyWritesToIsCopied) {
    make("quiet");
    publish("quiet");
    restart();
    wait_for_rows("quiet", 10);
    catch_up();
    expect_equal();
}

TEST_F(PublishedTables, OneThatTheTargetLacksIsLeftOutUntilItIsThere) {
    make("lacking", false);
    publish("lacking");
    source().execute("INSERT INTO lacking VALUES (11, 1)");
    wait_for_log("\"public.lacking\" is published and cannot be copied yet");
    source().execute("UPDATE first SET n = n + 1; INSERT INTO lacking VALUES (12, 1)");
    catch_up();
    EXPECT_EQ(target().value("SELECT sum(n) FROM first"),
              source().value("SELECT sum(n) FROM first"));
    wait_until("the status names it", seconds(10), [&] {
        return contains(consumer().command("status").output, "not copied: \"public.lacking\"");
    });
    target().execute("CREATE TABLE lacking (id int PRIMARY KEY, n int)");
    restart();
    wait_for_rows("lacking", 12);
    catch_up();
    expect_equal();
}

TEST_F(PublishedTables, InitSaysThatRunCopiesOneThatIsAdded) {
    make("lacking", false);
    consumer().set("tables", "[\"public.first\", \"public.mark\", \"public.lacking\"]");
    const Finished listed = consumer().command("init");
    EXPECT_EQ(listed.status, 1);
    EXPECT_TRUE(contains(listed.output,
                         "holds other tables than \"tables\" lists; what is added "
                         "to it is copied by \"walpack run\" by itself"));
    publish("lacking");
    consumer().set("create_schema", "false");
    const Finished published = consumer().command("init");
    EXPECT_EQ(published.status, 1);
    EXPECT_TRUE(contains(published.output,
                         "1 published table missing; \"walpack run\" copies a "
                         "table that was added by itself"));
    EXPECT_TRUE(contains(published.output, "pg_dump --schema-only"));
    target().execute("CREATE TABLE lacking (id int PRIMARY KEY, n int)");
    source().execute("INSERT INTO lacking VALUES (11, 1)");
    wait_for_rows("lacking", 11);
    EXPECT_EQ(consumer().command("init").status, 0);
    catch_up();
    expect_equal();
}

TEST_F(PublishedTables, InitSaysWhereTheListOfTablesDoesNotHold) {
    consumer().set("tables", "[\"public.first\", \"public.mark\"]");
    EXPECT_EQ(consumer().command("check").status, 0);
    source().execute("CREATE SCHEMA more; ALTER PUBLICATION " + slot() +
                     " ADD TABLES IN SCHEMA more");
    const Finished of_schema = consumer().command("check");
    EXPECT_NE(of_schema.status, 0);
    EXPECT_TRUE(contains(of_schema.output, "holds other tables than \"tables\" lists"));
    source().execute("ALTER PUBLICATION " + slot() + " DROP TABLES IN SCHEMA more; " +
                     "CREATE PUBLICATION " + slot() + "_more FOR TABLES IN SCHEMA more");
    consumer().set("publications", "[\"" + slot() + "\", \"" + slot() + "_more\"]");
    const Finished of_several = consumer().command("check");
    EXPECT_NE(of_several.status, 0);
    EXPECT_TRUE(contains(of_several.output, "\"tables\" lists what one publication holds"));
}

// What was changed meanwhile is nowhere in the stream.
TEST_F(PublishedTables, OneThatComesBackIsANewTable) {
    source().execute("ALTER PUBLICATION " + slot() + " DROP TABLE first");
    restart();
    wait_for_log("\"public.first\" is not published any more");
    source().execute("UPDATE first SET n = 7 WHERE id < 10");
    publish("first");
    source().execute("UPDATE first SET n = 8 WHERE id > 90");
    wait_for_log("\"public.first\" is published and cannot be copied yet");
    EXPECT_TRUE(contains(consumer().log(), "not empty"));
    target().execute("TRUNCATE first");
    restart();
    wait_for_rows("first", 100);
    catch_up();
    expect_equal();
}

TEST_F(PublishedTables, OneThatIsMadeAnewIsANewTable) {
    source().execute(
        "DROP TABLE first; CREATE TABLE first (id int PRIMARY KEY, n int); INSERT INTO first "
        "VALUES (1, 1), (1000, 1)");
    publish("first");
    source().execute("INSERT INTO first VALUES (1001, 1)");
    restart();
    wait_for_log("\"public.first\" is published and cannot be copied yet");
    target().execute("TRUNCATE first");
    restart();
    wait_for_rows("first", 3);
    catch_up();
    expect_equal();
}

TEST_F(PublishedTables, OneThatIsMadeAnewIsCopiedWhenThatIsAskedFor) {
    source().execute(
        "DROP TABLE first; CREATE TABLE first (id int PRIMARY KEY, n int); INSERT INTO first "
        "VALUES (1, 1), (1000, 1)");
    publish("first");
    EXPECT_EQ(consumer().command("recopy", {"public.first"}).status, 0);
    wait_for_rows("first", 2);
    restart();
    source().execute("INSERT INTO first VALUES (1001, 1)");
    wait_for_rows("first", 3);
    catch_up();
    expect_equal();
    EXPECT_FALSE(contains(consumer().log(), "left out"));
}

TEST_F(PublishedTables, OneThatIsRenamedOnBothSidesGoesOn) {
    for (Session* session : {&source(), &target()})
        session->execute("ALTER TABLE first RENAME TO renamed");
    restart();
    source().execute("UPDATE renamed SET n = n + 1");
    catch_up();
    expect_equal();
    wait_until("its new name is noted", seconds(20), [&] {
        return target().value(
                   "SELECT state FROM walpack.copy_table WHERE table_name = 'renamed'") == "ready";
    });
}

// Changes come by name: both go on where both sides exchange them.
TEST_F(PublishedTables, TwoThatExchangeTheirNamesGoOn) {
    make("second");
    publish("second");
    restart();
    wait_until("its copy is complete", seconds(30), [&] {
        return target().value("SELECT state FROM walpack.copy_table WHERE table_name = 'second'") ==
               "ready";
    });
    for (Session* session : {&source(), &target()})
        session->execute(
            "ALTER TABLE first RENAME TO other; ALTER TABLE second RENAME TO first; ALTER TABLE "
            "other RENAME TO second");
    restart();
    for (int i = 0; i < 3; ++i) {
        source().execute("UPDATE first SET n = n + 1; UPDATE second SET n = n - 1");
        catch_up();
        std::this_thread::sleep_for(seconds(1));
    }
    expect_equal();
    EXPECT_EQ(target().number("SELECT count(*) FROM walpack.copy_table WHERE state = 'ready' AND "
                              "table_name IN ('first', 'second')"),
              2);
}

class AllTables : public Scenario {};

// The old one steps aside, as programs do that fill a table anew.
TEST_F(AllTables, OneThatTakesThePlaceOfAnotherGoesOn) {
    on_both("CREATE TABLE first (id int PRIMARY KEY, n int)");
    source().execute("INSERT INTO first SELECT g, g FROM generate_series(1, 100) g");
    source().execute("CREATE PUBLICATION all_tables FOR ALL TABLES");
    consumer().set("publications", "[\"all_tables\"]");
    consumer().init();
    consumer().start();
    catch_up();
    for (Session* session : {&source(), &target()})
        session->execute(
            "ALTER TABLE first RENAME TO old; CREATE TABLE first (id int PRIMARY KEY, n int)");
    source().execute("INSERT INTO first SELECT g, -g FROM generate_series(1, 50) g");
    catch_up();
    stop_consumer();
    consumer().start();
    for (int i = 0; i < 3; ++i) {
        source().execute("UPDATE first SET n = n + 1; UPDATE old SET n = n - 1");
        catch_up();
        std::this_thread::sleep_for(seconds(1));
    }
    expect_equal();
    EXPECT_FALSE(contains(consumer().log(), "left out"));
}

// Both were known, and one is gone.
TEST_F(AllTables, OneThatTakesTheNameOfOneThatIsDroppedGoesOn) {
    on_both(
        "CREATE TABLE first (id int PRIMARY KEY, n int); CREATE TABLE anew (LIKE first INCLUDING "
        "ALL)");
    source().execute("INSERT INTO anew SELECT g, g FROM generate_series(1, 100) g");
    source().execute("CREATE PUBLICATION all_tables FOR ALL TABLES");
    consumer().set("publications", "[\"all_tables\"]");
    consumer().init();
    consumer().start();
    catch_up();
    stop_consumer();
    on_both("DROP TABLE first; ALTER TABLE anew RENAME TO first");
    consumer().start();
    for (int i = 0; i < 3; ++i) {
        source().execute("UPDATE first SET n = n + 1");
        catch_up();
        std::this_thread::sleep_for(seconds(1));
    }
    expect_equal();
    EXPECT_EQ(
        target().value("SELECT string_agg(state, ' ') FROM walpack.copy_table WHERE table_name = "
                       "'first'"),
        "ready");
}

}  // namespace
}  // namespace walpack::e2e
