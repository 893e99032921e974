// One slot feeds several targets, each at its own speed.
#include <csignal>
#include <fstream>

#include "support/scratch.h"
#include "targets_scenario.h"

namespace walpack::e2e {
namespace {

TEST_F(Targets, BothGetEverythingFromOneSlot) {
    set_both();
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    source().execute("UPDATE t SET v = 'new' WHERE id % 2 = 0; DELETE FROM u WHERE id < 5");
    wait_until_all_are_equal();
    EXPECT_EQ(source().number("SELECT count(*) FROM pg_replication_slots WHERE database = " +
                              literal(source_database())),
              1);
    consumer_->kill();
    source().execute("INSERT INTO u SELECT generate_series(100, 200)");
    consumer_->start();
    wait_until_all_are_equal();
}

TEST_F(Targets, OneThatStandsStillDelaysNoOther) {
    set_both();
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    Session second(second_conninfo());
    second.execute("BEGIN; LOCK TABLE t");
    write_ten_megabytes();
    wait_until_equal(target_conninfo(), "t");
    wait_until("the source may remove WAL", seconds(20), [&] { return retained() < 8 << 20; });
    EXPECT_LT(second.number("SELECT count(*) FROM t"), 2100);
    second.execute("ROLLBACK");
    wait_until_all_are_equal();
}

class TargetsOfAFullLog : public Targets {
  protected:
    void SetUp() override {
        Targets::SetUp();
        set_both();
        consumer_->set("log_bytes_max", "\"4MB\"");
        consumer_->set("log_memory_max", "\"1MB\"");
        consumer_->set("wal_budget", "\"1MB\"");
        consumer_->init();
        consumer_->start();
        wait_until_all_are_equal();
    }
};

// Neither does one whose log is full: what does not fit into that stays at the source.
TEST_F(TargetsOfAFullLog, OneThatStandsStillDelaysNoOther) {
    Session second(second_conninfo());
    second.execute("BEGIN; LOCK TABLE t");
    write_ten_megabytes();
    wait_until_equal(target_conninfo(), "t");
    EXPECT_GT(retained(), 4 << 20);
    write_ten_megabytes();
    wait_until_equal(target_conninfo(), "t");
    second.execute("ROLLBACK");
    wait_until_all_are_equal();
    wait_until_source_may_remove_wal();
}

TEST_F(TargetsOfAFullLog, OneThatIsAwayDelaysNoOther) {
    allow_second(false);
    end_sessions_of_second();
    write_ten_megabytes();
    wait_until_equal(target_conninfo(), "t");
    EXPECT_GT(retained(), 4 << 20);
    consumer_->kill();
    consumer_->start();
    write_ten_megabytes();
    wait_until_equal(target_conninfo(), "t");
    allow_second(true);
    wait_until_all_are_equal();
    wait_until_source_may_remove_wal();
}

// What it lacks was dropped from memory before anything was written, as the source had it still: it
// has to come from there once more before the log may stand for it.
TEST_F(Targets, OneThatIsAwayWhileTheServiceBeginsAgainMissesNothing) {
    set_both();
    consumer_->set("log_memory_max", "\"1MB\"");
    consumer_->set("wal_budget", "\"40MB\"");
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    allow_second(false);
    end_sessions_of_second();
    write_ten_megabytes();
    wait_until_equal(target_conninfo(), "t");
    consumer_->kill();
    consumer_->start();
    for (int i = 0; i < 4; ++i) write_ten_megabytes();
    wait_until_equal(target_conninfo(), "t");
    wait_until_source_may_remove_wal();
    EXPECT_TRUE(has_said("received once more"));
    allow_second(true);
    wait_until_all_are_equal();
}

TEST_F(Targets, OneThatIsAwayAtTheFirstStartDelaysNoOtherForLong) {
    set_both("stopped_retry_delay = \"500ms\"\n");
    consumer_->init();
    allow_second(false);
    const auto started = std::chrono::steady_clock::now();
    consumer_->start();
    wait_until_equal(target_conninfo(), "t");  // it is copied
    source().execute("UPDATE t SET v = 'new' WHERE id % 2 = 0; DELETE FROM u WHERE id < 5");
    for (const char* table : {"t", "u"}) wait_until_equal(target_conninfo(), table);
    EXPECT_LT(std::chrono::steady_clock::now() - started, seconds(20));
    // The source is protected from it, also when the service has begun again.
    write_ten_megabytes();
    wait_until_source_may_remove_wal();
    consumer_->kill();
    consumer_->start();
    write_ten_megabytes();
    wait_until_equal(target_conninfo(), "t");
    wait_until_source_may_remove_wal();
    allow_second(true);
    source().execute("DELETE FROM t WHERE id % 3 = 0");
    wait_until_all_are_equal();
    source().execute("UPDATE t SET v = 'end' WHERE id % 5 = 0");
    wait_until_all_are_equal();
    wait_until("nobody needs the log any more", seconds(20),
               [&] { return has_said("have caught up"); });
}

// What commits there wait for would confirm nothing until that target is there, which waits for
// them.
TEST_F(Targets, OneThatIsAwayIsWaitedForWhereCommitsWaitForTheStream) {
    set_both("stopped_retry_delay = \"500ms\"\n");
    consumer_->init();
    allow_second(false);
    set_standbys("FIRST 1 (\"WALPACK_" + pipeline() + "\", other)");
    consumer_->start();
    wait_until("the first one is ready", seconds(10),
               [&] { return has_said("the stream begins at"); });
    std::this_thread::sleep_for(seconds(12));
    EXPECT_FALSE(has_said("streaming from slot"));
    set_standbys("");
    wait_until("the stream begins", seconds(15), [&] { return has_said("streaming from slot"); });
}

TEST_F(Targets, EachHasItsTables) {
    set_both("tables = [\"public.u\"]\n");
    consumer_->init();
    consumer_->start();
    wait_until_equal(target_conninfo(), "t");
    wait_until_equal(second_conninfo(), "u");
    source().execute("INSERT INTO t VALUES (-1, 'x'); TRUNCATE t, u; INSERT INTO u VALUES (7)");
    wait_until_equal(target_conninfo(), "t");
    wait_until_equal(second_conninfo(), "u");
    EXPECT_EQ(
        Session(second_conninfo()).number("SELECT count(*) FROM pg_class WHERE relname = 't'"), 0);
}

TEST_F(Targets, OneJoinsAndLeavesWhileTheOtherRuns) {
    set_entries(entry("first", target_conninfo()));
    consumer_->init();
    consumer_->start();
    wait_until_equal(target_conninfo(), "t");
    set_both();
    consumer_->init();
    ::kill(consumer_->pid(), SIGHUP);
    source().execute("UPDATE t SET v = 'meanwhile' WHERE id < 100");
    wait_until_all_are_equal();
    EXPECT_TRUE(consumer_->is_running());
    set_entries(entry("first", target_conninfo()));
    ::kill(consumer_->pid(), SIGHUP);
    wait_until("the second one is left alone", seconds(10), [&] {
        return target().number("SELECT count(*) FROM pg_stat_activity WHERE datname = " +
                               literal(second_) + " AND application_name LIKE 'walpack%'") == 0;
    });
    source().execute("DELETE FROM t WHERE id < 50");
    wait_until_equal(target_conninfo(), "t");
    EXPECT_EQ(Session(second_conninfo()).number("SELECT count(*) FROM t WHERE id < 50"), 49);
}

// The one ends at once, as a row stops it; the other one first applies what it has in hand.
TEST_F(Targets, NewSettingsOfAllConfirmNothingBeyondTheOneThatIsBehind) {
    const auto set_all = [&](const std::string& more) {
        const std::string settings = "stopped_retry_delay = \"500ms\"\n" + more;
        set_entries(entry("first", target_conninfo(), settings) +
                    entry("second", second_conninfo(), settings));
    };
    set_all("");
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    target().execute("ALTER TABLE t ADD CONSTRAINT fine CHECK (v <> 'bad') NOT VALID");
    Session second(second_conninfo());
    second.execute("BEGIN; LOCK TABLE t");
    source().execute("INSERT INTO t VALUES (-1, 'bad')");
    const std::string behind = source().value("SELECT pg_current_wal_lsn()");
    source().execute("UPDATE t SET v = 'new' WHERE id = 1");
    wait_until("a row stops it", seconds(10), [&] { return has_said("the target is stopped"); });
    set_all("group_rows_max = 77\n");
    ::kill(consumer_->pid(), SIGHUP);
    wait_until("the file is read", seconds(10), [&] { return has_said("was read again"); });
    std::this_thread::sleep_for(milliseconds(500));
    second.execute("ROLLBACK");
    wait_until("the other one goes on", seconds(20),
               [&] { return second.number("SELECT count(*) FROM t WHERE v = 'new'") > 0; });
    EXPECT_FALSE(holds_within(seconds(3), [&] {
        return source().value("SELECT confirmed_flush_lsn >= " + literal(behind) +
                              " FROM pg_replication_slots WHERE slot_name = " + literal(slot())) ==
               "t";
    })) << "the slot is confirmed beyond what one of them has";
    target().execute("ALTER TABLE t DROP CONSTRAINT fine");
    wait_until_all_are_equal();
}

TEST_F(Targets, AWrongFileLeavesWhatRuns) {
    set_both();
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    set_both("no_such_key = 1\n");
    ::kill(consumer_->pid(), SIGHUP);
    wait_until("the error is told", seconds(10), [&] { return has_said("no_such_key"); });
    source().execute("DELETE FROM t WHERE id < 50");
    wait_until_all_are_equal();
}

TEST_F(Targets, ANewOptionOfItsConnectionIsTakenUpThoughItIsNotShown) {
    const auto named = [&](const std::string& name) {
        return entry("first", target_conninfo() + " application_name=" + name) +
               entry("second", second_conninfo());
    };
    const auto sessions = [&](const std::string& name) {
        return target().number("SELECT count(*) FROM pg_stat_activity WHERE application_name = " +
                               literal(name));
    };
    set_entries(named("before"));
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    EXPECT_GT(sessions("before"), 0);
    set_entries(named("after"));
    ::kill(consumer_->pid(), SIGHUP);
    wait_until("it connects anew", seconds(10),
               [&] { return sessions("after") > 0 && sessions("before") == 0; });
    source().execute("DELETE FROM t WHERE id < 50");
    wait_until_all_are_equal();
}

TEST_F(Targets, DropOfOneKeepsTheSlotForTheOther) {
    set_both();
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    ASSERT_EQ(consumer_->terminate(), 0);
    EXPECT_EQ(consumer_->command("drop", {"--only-target", "second"}).status, 0);
    EXPECT_EQ(source().number("SELECT count(*) FROM pg_replication_slots WHERE slot_name = " +
                              literal(slot())),
              1);
    set_entries(entry("first", target_conninfo()));
    source().execute("DELETE FROM t WHERE id < 50");
    consumer_->start();
    wait_until_equal(target_conninfo(), "t");
    ASSERT_EQ(consumer_->terminate(), 0);
    EXPECT_EQ(consumer_->command("drop").status, 0);
    EXPECT_EQ(source().number("SELECT count(*) FROM pg_replication_slots WHERE slot_name = " +
                              literal(slot())),
              0);
}

TEST_F(Targets, StatusShowsEach) {
    set_both();
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    wait_until("status shows both at work", seconds(10), [&] {
        const Finished status = consumer_->command("status");
        return status.status == 0 && status.output.find("first: applying") != std::string::npos &&
               status.output.find("second: applying") != std::string::npos;
    });
    const Finished one = consumer_->command("diff");
    EXPECT_NE(one.status, 0);
    EXPECT_TRUE(contains(one.output, "--only-target"));
}

}  // namespace
}  // namespace walpack::e2e
