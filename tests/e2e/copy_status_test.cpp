// `walpack status` shows from another shell how far and how fast the copy is, and what it waits
// for.
#include <charconv>

#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class CopyStatus : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY)");
        source().execute(
            "INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series(1, 40000) g; "
            "INSERT INTO u SELECT generate_series(1, 100); ANALYZE");
        consumer().set("copy_chunk_bytes", "\"256kB\"");
    }

    std::string screen() { return consumer().command("status").output; }
    std::string json() { return consumer().command("status", {"--json"}).output; }

    // Of the first member of that name; -1 when it is null.
    static double number_in(const std::string& text, const std::string& member) {
        const std::string key = "\"" + member + "\":";
        const std::size_t at = text.find(key);
        EXPECT_NE(at, std::string::npos) << member << " in " << text;
        double value = -1;
        if (at != std::string::npos)
            std::from_chars(text.data() + at + key.size(), text.data() + text.size(), value);
        return value;
    }
    // Of the table in JSON.
    static double rows_of(const std::string& text, const std::string& table) {
        const std::size_t at = text.find("\"table\":\"" + table + "\"");
        return at == std::string::npos ? -1 : number_in(text.substr(at), "rows");
    }

    void copy_all() {
        consumer().init();
        consumer().start();
        catch_up();
    }
    void recopy(const std::string& table) {
        const Finished again = consumer().command("recopy", {table});
        ASSERT_EQ(again.status, 0) << again.output;
    }
    void expect_wait_is_told(const std::string& holder) {
        wait_until("the wait is in the status", seconds(20),
                   [&] { return contains(screen(), "  waits for   " + holder); });
        const std::string shown = screen();
        EXPECT_TRUE(contains(shown, "transaction began at 20"));
        EXPECT_TRUE(contains(shown, "initial copy  running"));
        EXPECT_TRUE(contains(shown, "public.t                       waiting, 0 rows"));
        const std::string object = json();
        EXPECT_TRUE(contains(object, "\"copy\":\"running\""));
        EXPECT_TRUE(contains(object, "\"copy_waits\":[{\"holder\":\""));
        EXPECT_GE(number_in(object.substr(object.find("copy_waits")), "seconds"), 0);
        wait_until("the wait is in the log", seconds(20),
                   [&] { return contains(consumer().log(), "waiting for " + holder); });
    }
};

TEST_F(CopyStatus, ShowsSpeedAndTimeLeft) {
    consumer().set("copy_rate_limit", "\"300kB\"");
    consumer().init();
    consumer().start();
    // At first there are rows of small tables alone.
    std::string object;
    wait_until("speed and time left are known", seconds(30), [&] {
        object = json();
        return number_in(object, "copy_seconds_left") > 0 &&
               number_in(object, "copy_bytes_per_second") > 50'000;
    });
    EXPECT_GT(number_in(object, "copy_rows_per_second"), 100);
    EXPECT_NEAR(number_in(object, "copy_bytes_per_second"), 300'000, 250'000);
    EXPECT_GT(number_in(object, "copy_part"), 0);
    EXPECT_LT(number_in(object, "copy_part"), 1);
    wait_until("the time left of a table is known", seconds(30), [&] {
        const std::string text = json();
        const std::size_t at = text.find("\"table\":\"public.t\"");
        return at != std::string::npos && number_in(text.substr(at), "bytes_per_second") > 10'000 &&
               number_in(text.substr(at), "seconds_left") > 0;
    });
    const std::string shown = screen();
    EXPECT_TRUE(contains(shown, " rows/s, "));
    EXPECT_TRUE(contains(shown, "/s, about "));
    EXPECT_TRUE(contains(shown, " s left"));
}

TEST_F(CopyStatus, ShowsRowsOfChunksThatAreBeingLoaded) {
    consumer().set("copy_rate_limit", "\"300kB\"");
    consumer().set("copy_chunk_bytes", "\"64MB\"");
    consumer().init();
    consumer().start();
    wait_until("rows are shown", seconds(30), [&] { return rows_of(json(), "public.t") > 0; });
    EXPECT_EQ(
        target().number("SELECT sum(c.rows) FROM walpack.copy_chunk c JOIN walpack.copy_table "
                        "USING (table_oid) WHERE table_name = 't'"),
        0);
}

TEST_F(CopyStatus, GoesOnFromTheTrueNumbersAfterARestart) {
    copy_all();
    stop_consumer();
    consumer().set("copy_rate_limit", "\"300kB\"");
    consumer().start();
    recopy("public.t");
    wait_until("chunks are loaded", seconds(30), [&] {
        return target().number("SELECT count(loaded_at) FROM walpack.copy_chunk") >= 3;
    });
    consumer().kill();
    const std::string before = json();
    EXPECT_TRUE(contains(before, "\"copy_rows_per_second\":null"));
    EXPECT_TRUE(contains(before, "\"copy\":\"pending\""));
    consumer().clear_log();
    consumer().start();
    std::string after;
    wait_until("it is told again", seconds(30), [&] {
        after = json();
        return number_in(after, "copy_part") > 0;
    });
    EXPECT_GE(rows_of(after, "public.t"), rows_of(before, "public.t"));
    EXPECT_GE(number_in(after, "copy_part") * 40'000, rows_of(before, "public.t") * 0.8);
    wait_until("the log tells it", seconds(30),
               [&] { return contains(consumer().log(), "tables copied"); });
    EXPECT_TRUE(contains(consumer().log(), "2 of 3 tables copied"));
}

TEST_F(CopyStatus, SaysForWhichTransactionARecopyWaits) {
    copy_all();
    EXPECT_TRUE(contains(screen(), "initial copy  complete"));
    Session other = new_source_session();
    other.execute("BEGIN; INSERT INTO u VALUES (1000)");
    recopy("public.t");
    expect_wait_is_told("process " + other.value("SELECT pg_backend_pid()"));
    other.execute("COMMIT");
    wait_until("the table is there again", seconds(30),
               [&] { return contains(screen(), "initial copy  complete"); });
    EXPECT_TRUE(contains(json(), "\"copy_waits\":[]"));
    catch_up();
    expect_equal();
}

TEST_F(CopyStatus, SaysForWhichPreparedTransactionARecopyWaits) {
    copy_all();
    const std::string gid = "of " + pipeline();
    source().execute("BEGIN; INSERT INTO u VALUES (1000); PREPARE TRANSACTION " + literal(gid));
    recopy("public.t");
    expect_wait_is_told("prepared transaction \"" + gid + "\"");
    source().execute("COMMIT PREPARED " + literal(gid));
    wait_until("the table is there again", seconds(30),
               [&] { return contains(screen(), "initial copy  complete"); });
    catch_up();
    expect_equal();
}

// The very first one too, before there is a table to show.
TEST_F(CopyStatus, SaysForWhichTransactionTheCopyWaitsToBegin) {
    consumer().init();
    Session other = new_source_session();
    other.execute("BEGIN; INSERT INTO u VALUES (1000)");
    consumer().start();
    const std::string holder = "process " + other.value("SELECT pg_backend_pid()");
    wait_until("the wait is in the status", seconds(20),
               [&] { return contains(screen(), "waits for   " + holder); });
    wait_until("the wait is in the log", seconds(20),
               [&] { return contains(consumer().log(), "waiting for " + holder); });
    other.execute("COMMIT");
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
