// A transaction that changes more rows than hold_transaction_over_rows waits for a human: nothing
// of it is there, everything before it is.
#include "control_scenario.h"
#include "support/random.h"

namespace walpack::e2e {
namespace {

class Hold : public ControlScenario {
  protected:
    void SetUp() override {
        ControlScenario::SetUp();
        consumer().set("hold_transaction_over_rows", "100");
    }

    // Rows (id, v): before it one of 100 rows, behind it a single one.
    Place make_backlog() {
        source().execute("INSERT INTO t SELECT g, 'before' FROM generate_series(1, 100) g");
        const Place place = place_of(
            "BEGIN; INSERT INTO t SELECT g, 'held' FROM generate_series(101, 200) g; "
            "INSERT INTO other VALUES (1), (2); COMMIT");
        source().execute("INSERT INTO t VALUES (1000, 'after')");
        return place;
    }
    void expect_held(const Place& place) {
        wait_until_held(place);
        EXPECT_EQ(rows("v = 'before'"), "100");
        EXPECT_EQ(rows("v <> 'before'"), "0");
        EXPECT_EQ(target().value("SELECT count(*) FROM other"), "0");
    }
    void expect_all() {
        catch_up();
        expect_equal();
        EXPECT_EQ(target().value("SELECT count(*) FROM walpack.held_transaction"), "0");
    }
};

TEST_F(Hold, ALargeTransactionWaitsForItsRelease) {
    start();
    const Place place = make_backlog();
    expect_held(place);
    const std::string log = consumer().log();
    EXPECT_TRUE(contains(log, "holding transaction"));
    EXPECT_TRUE(contains(log, "102 rows of public.other, public.t"));
    EXPECT_TRUE(contains(log, "walpack release"));
    EXPECT_TRUE(contains(log, "walpack skip --lsn " + place.commit_lsn));
    EXPECT_EQ(log.find("holding transaction"), log.rfind("holding transaction"));
    const std::string screen = consumer().command("status").output;
    EXPECT_TRUE(contains(screen, "holding"));
    EXPECT_TRUE(contains(screen, "102 rows of public.other, public.t"));
    const std::string json = consumer().command("status", {"--json"}).output;
    EXPECT_TRUE(contains(json, "\"held_transaction\":{\"xid\":"));
    EXPECT_TRUE(contains(json, "\"commit_lsn\":\"" + place.commit_lsn + "\""));
    EXPECT_TRUE(contains(json, "\"rows\":102"));
    EXPECT_FALSE(catches_up(milliseconds(1500)));
    expect_release();
    expect_all();
    EXPECT_EQ(requests(), "release done 102 {public.other,public.t}");
}

TEST_F(Hold, OneThatIsSentInPartsIsRolledBack) {
    consumer().set("hold_transaction_over_rows", "120000");
    start();
    const Place place = place_of("INSERT INTO t SELECT g, 'v' FROM generate_series(1, 130000) g");
    wait_until_held(place);
    EXPECT_EQ(rows("true"), "0");
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass "
                             "AND pid <> pg_backend_pid()"),
              "0");
    expect_release({"--lsn", place.end_lsn});
    expect_all();
}

TEST_F(Hold, ItIsHeldAcrossKillsAndReleasedWhileStopped) {
    start();
    const Place place = make_backlog();
    expect_held(place);
    consumer().kill();
    consumer().start();
    wait_until("it is held again", seconds(20), [&] {
        const std::string log = consumer().log();
        return log.find("holding transaction") != log.rfind("holding transaction");
    });
    expect_held(place);
    EXPECT_EQ(consumer().terminate(seconds(5)), 0);
    expect_release({"--lsn", place.commit_lsn});
    consumer().start();
    expect_all();
}

TEST_F(Hold, OneThatIsSkippedIsLeftOut) {
    start();
    const Place place = make_backlog();
    expect_held(place);
    expect_skip(place.commit_lsn);
    catch_up();
    EXPECT_EQ(rows("v = 'held'"), "0");
    EXPECT_EQ(rows("v = 'after'"), "1");
    EXPECT_EQ(requests(), "skip done 102 {public.other,public.t}");
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.held_transaction"), "0");
    wait_until("status shows that it goes on", seconds(10), [&] {
        const std::string screen = consumer().command("status").output;
        return screen.find("target: applying") != std::string::npos &&
               screen.find("holding") == std::string::npos;
    });
}

TEST_F(Hold, OneThatIsSkippedByItsEndIsLeftOut) {
    start();
    const Place place = make_backlog();
    expect_held(place);
    expect_skip(place.end_lsn);
    catch_up();
    EXPECT_EQ(rows("v = 'held'"), "0");
    EXPECT_EQ(rows("v = 'after'"), "1");
}

TEST_F(Hold, AStreamedTransactionIsCountedWithoutWhatWasRolledBack) {
    source().execute("ALTER DATABASE " + source_database() +
                     " SET logical_decoding_work_mem = '64kB'");
    consumer().set("streaming", "true");
    consumer().set("hold_transaction_over_rows", "3000");
    start();
    source().execute(
        "BEGIN; INSERT INTO t SELECT g, repeat('.', 50) FROM generate_series(1, 2000) g; "
        "SAVEPOINT a; INSERT INTO t SELECT g, repeat('.', 50) FROM generate_series(2001, 5000) g; "
        "ROLLBACK TO a; COMMIT");
    catch_up();
    const Place place =
        place_of("INSERT INTO t SELECT g, repeat('.', 50) FROM generate_series(10001, 15000) g");
    wait_until_held(place);
    EXPECT_EQ(rows("id > 10000"), "0");
    expect_release();
    expect_all();
}

TEST_F(Hold, AHigherLimitLetsItThrough) {
    start();
    const Place place = make_backlog();
    expect_held(place);
    EXPECT_EQ(consumer().terminate(seconds(5)), 0);
    consumer().set("hold_transaction_over_rows", "102");
    consumer().start();
    expect_all();
}

TEST_F(Hold, OnlyWhatIsHeldCanBeReleased) {
    start();
    expect_refused(consumer().command("release"), "holds no transaction");
    const Place place = make_backlog();
    expect_held(place);
    expect_refused(consumer().command("release", {"--lsn", "1/0"}), place.commit_lsn);
    expect_refused(consumer().command("release", {"--lsn", "x"}), "not an LSN");
    EXPECT_EQ(requests(), "");
}

TEST_F(Hold, TheCopyOfATableGoesOnMeanwhile) {
    on_both("CREATE TABLE large (id int PRIMARY KEY, v text)");
    source().execute(
        "INSERT INTO large SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g");
    consumer().set("copy_chunk_bytes", "65536");
    start();
    EXPECT_EQ(consumer().terminate(), 0);
    consumer().set("copy_rate_limit", "400000");
    EXPECT_EQ(consumer().command("recopy", {"public.large"}).status, 0);
    consumer().start();
    wait_until("it is copied again", seconds(30), [&] {
        return target().value("SELECT state FROM walpack.copy_table WHERE table_name = 'large'") ==
               "copying";
    });
    const Place place = make_backlog();
    wait_until_held(place);
    wait_until("all rows are copied", seconds(30),
               [&] { return target().number("SELECT count(*) FROM large") == 20000; });
    EXPECT_EQ(rows("v = 'held'"), "0");
    expect_release();
    expect_all();
}

TEST_F(Hold, EachWaitsForItsOwnReleaseWhoeverIsKilled) {
    consumer().set("apply_workers", "2");
    start();
    Random random(42);
    for (int n = 1; n <= 5; ++n) {
        const std::string from = std::to_string(n * 1000);
        source().execute("INSERT INTO t VALUES (" + std::to_string(n) + ", 'small')");
        const Place place = place_of("INSERT INTO t SELECT g, 'large' FROM generate_series(" +
                                     from + ", " + from + " + 150) g");
        source().execute("UPDATE t SET v = 'changed' WHERE id = " + from);
        wait_until_held(place);
        EXPECT_EQ(rows("v = 'large'"), std::to_string((n - 1) * 150));
        if (random.between(0, 1) == 0) {
            consumer().kill();
            consumer().start();
        }
        expect_release();
        std::this_thread::sleep_for(milliseconds(random.between(0, 1500)));
        consumer().kill();
        consumer().start();
        wait_until("it is applied", seconds(30),
                   [&] { return rows("v = 'changed'") == std::to_string(n); });
    }
    expect_all();
}

}  // namespace
}  // namespace walpack::e2e
