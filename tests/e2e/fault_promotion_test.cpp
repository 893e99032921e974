// The source dies and its standby takes over: walpack goes on there only when nothing can be
// missing, on either side.
#include "e2e/fault_scenario.h"
#include "support/standby_slot.h"

namespace walpack::e2e {
namespace {

class FaultPromotion : public FaultScenario {
  protected:
    // The standby is older than the slot, so it has all the WAL that the slot needs.
    void SetUp() override {
        FaultScenario::SetUp();
        standby_.emplace("standby_" + pipeline(), source_cluster());
        consumer().set("source",
                       toml_text("host=" + source_cluster().folder() + "," + standby_->folder() +
                                 " port=" + std::to_string(source_cluster().port()) + "," +
                                 std::to_string(standby_->port()) +
                                 " user=postgres dbname=" + source_database()));
        start_streaming();
    }
    void TearDown() override {
        standby_.reset();
        if (!Session(source_cluster().conninfo("postgres")).try_execute("SELECT 1"))
            source_cluster().start();
        FaultScenario::TearDown();
    }

    void begin_anew_with_a_large_table() {
        stop_consumer();
        EXPECT_EQ(consumer().command("drop").status, 0);
        on_both("CREATE TABLE a_large (id int PRIMARY KEY, v text)");
        source().execute(
            "INSERT INTO a_large SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g");
        target().execute("TRUNCATE mark, accounts, moves");
    }

    Session on_standby() { return Session(standby_->conninfo(source_database())); }

    void carry_slot_over() { e2e::carry_slot_over(source_cluster(), *standby_, slot()); }
    void wait_until_replayed() {
        const std::string written = source().value("SELECT pg_current_wal_lsn()");
        Session standby = on_standby();
        wait_until("the standby has replayed all", seconds(30), [&] {
            return standby.value("SELECT pg_last_wal_replay_lsn() >= " + literal(written)) == "t";
        });
    }
    void promote() { on_standby().execute("SELECT pg_promote()"); }
    void expect_equal_to_standby() {
        Session standby = on_standby();
        standby.execute("INSERT INTO mark VALUES (1000) ON CONFLICT DO NOTHING");
        wait_until("the target has caught up", seconds(30), [&] {
            if (consumer().has_given_up()) throw std::runtime_error("the consumer has given up");
            return target().value("SELECT count(*) FROM mark WHERE id = 1000") == "1";
        });
        EXPECT_EQ(difference(standby, target()), "");
    }

    std::optional<Cluster> standby_;
};

// All that the old primary wrote reached the standby, and the slot was there.
TEST_F(FaultPromotion, AfterACleanSwitchItGoesOn) {
    carry_slot_over();
    standby_->start();
    wait_until_replayed();
    source().execute("UPDATE accounts SET balance = balance + 1");
    source_cluster().stop("fast");
    wait_for_log("is a standby");
    promote();
    expect_equal_to_standby();
    EXPECT_TRUE(contains(consumer().log(), "from timeline 1 to 2"));
    EXPECT_EQ(target().value("SELECT timeline FROM walpack.progress"), "2");
    // The old one comes back, with the slot, as if nothing had been.
    EXPECT_EQ(consumer().terminate(), 0);
    standby_->stop("fast");
    source_cluster().start();
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "an older primary has come back"));
}

// The target has rows that nobody else has any more. New ones use their LSNs again.
TEST_F(FaultPromotion, ATargetAheadOfTheNewPrimaryIsRefused) {
    carry_slot_over();
    source().execute("UPDATE accounts SET balance = balance + 1");
    catch_up();
    source_cluster().crash();
    standby_->start();
    promote();
    on_standby().execute("INSERT INTO moves (f, t) SELECT g, g FROM generate_series(1, 5000) g");
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "another history than the "));
    EXPECT_TRUE(contains(log, "walpack init"));
    EXPECT_TRUE(contains(consumer().command("check").output, "another history than the target"));
    EXPECT_EQ(target().value("SELECT count(*) FROM moves"), "0");
}

TEST_F(FaultPromotion, ANewPrimaryWithoutTheSlotIsRefused) {
    wait_until_replayed();
    source_cluster().stop("fast");
    promote();
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "does not exist on the source"));
    EXPECT_TRUE(contains(log, "promoted from a standby, from timeline 1 to 2"));
    EXPECT_TRUE(contains(log, "walpack init"));
}

TEST_F(FaultPromotion, ASlotMadeAgainOnTheNewPrimaryIsRefused) {
    wait_until_replayed();
    stop_consumer();
    source().execute("INSERT INTO moves (f, t) VALUES (1, 1)");
    source_cluster().stop("fast");
    promote();
    on_standby().execute("SELECT pg_create_logical_replication_slot(" + literal(slot()) +
                         ", 'walpack')");
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "beyond the target's position"));
    EXPECT_EQ(target().value("SELECT count(*) FROM moves"), "0");
}

// What has not been replayed there yet is no reason for anything: a table that seems not to be
// published, a snapshot that is older than what the stream has brought.
TEST_F(FaultPromotion, WhatAStandbyAnswersMeanwhileDoesNotCountForTheCopy) {
    begin_anew_with_a_large_table();
    consumer().set("copy_workers", "1");
    consumer().set("copy_chunk_bytes", "65536");
    consumer().set("copy_rate_limit", "4000000");
    consumer().init();
    consumer().start();
    Transfers transfers(source_conninfo());
    wait_until("some of it is copied", seconds(30),
               [&] { return target().number("SELECT count(*) FROM a_large") > 0; });
    transfers.let_pass(20);
    source_cluster().crash();
    wait_for_log("is a standby");
    std::this_thread::sleep_for(milliseconds(500));
    source_cluster().start();
    transfers.let_pass(20);
    transfers.stop();
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "recovery is in progress"));
}

// The stream waits for what the standby has; snapshots of the copy do not.
TEST_F(FaultPromotion, RowsThatOnlyTheOldPrimaryHadAreNotKept) {
    begin_anew_with_a_large_table();
    Proxy line(source_cluster().port());
    const std::string behind = "," + standby_->folder() + " port=";
    const std::string and_port = "," + std::to_string(standby_->port()) +
                                 " user=postgres connect_timeout=2 sslmode=disable "
                                 "gssencmode=disable dbname=" +
                                 source_database();
    consumer().set("source",
                   toml_text("host=127.0.0.1" + behind + std::to_string(line.port()) + and_port));
    consumer().set("copy_from", toml_text("host=" + source_cluster().folder() + behind +
                                          std::to_string(source_cluster().port()) + and_port));
    consumer().set("copy_workers", "1");
    consumer().set("copy_chunk_bytes", "65536");
    consumer().set("copy_rate_limit", "1000000");
    consumer().set("receive_timeout", "\"60s\"");
    consumer().init();
    consumer().start();
    const auto count = [&](const char* rows) {
        return target().number(std::string("SELECT count(*) FROM a_large WHERE v ") + rows);
    };
    wait_until("some of it is copied", seconds(30), [&] { return count("<> 'lost'") > 0; });
    wait_until_streaming();
    wait_until_replayed();
    carry_slot_over();
    line.freeze(true);
    source().execute("UPDATE a_large SET v = 'lost' WHERE id > 1000");
    wait_until("rows are copied that the standby does not have", seconds(30),
               [&] { return count("= 'lost'") > 0; });
    source_cluster().crash();
    standby_->start();
    promote();
    line.freeze(false);
    line.cut();
    wait_until("it is copied once more", seconds(60),
               [&] { return contains(consumer().log(), "\"public.a_large\" is copied from"); });
    wait_until_copied();
    expect_equal_to_standby();
    EXPECT_EQ(count("= 'lost'"), 0);
}

}  // namespace
}  // namespace walpack::e2e
