// Servers, the consumer and the line between them fail at any moment; everything heals by itself,
// nothing is lost, nothing is applied twice.
#include "support/proxy.h"
#include "support/random.h"
#include "support/scenario.h"
#include "support/transfers.h"

namespace walpack::e2e {
namespace {

constexpr const char* kSum = Transfers::kSum;

class Crash : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both(Transfers::kTables);
        source().execute(Transfers::kAccounts);
    }

    void start_streaming() {
        consumer().init();
        consumer().start();
        catch_up();
    }

    std::string over(const Proxy& proxy, const std::string& database) {
        return toml_text("host=127.0.0.1 port=" + std::to_string(proxy.port()) +
                         " user=postgres dbname=" + database);
    }

    void expect_running() { EXPECT_TRUE(consumer().is_running()) << "the consumer gave up"; }

    // The rest of every scenario: writing ends, the target catches up, all is equal.
    void expect_healed(Transfers& transfers, Watcher& watcher) {
        transfers.stop();
        expect_running();
        catch_up();
        EXPECT_EQ(watcher.stop(), std::nullopt);
        EXPECT_GT(transfers.committed(), 0);
        expect_equal();
    }

    // Applying `change` waits for a lock for longer than the walsender has patience.
    void expect_line_outlives_lock(const std::string& change) {
        source().execute("ALTER DATABASE " + source_database() + " SET wal_sender_timeout = '2s'");
        start_streaming();
        Session blocker = new_target_session();
        blocker.execute("BEGIN; LOCK TABLE moves IN ACCESS EXCLUSIVE MODE");
        source().execute(change);
        const std::string walsender =
            "SELECT active_pid FROM pg_replication_slots WHERE slot_name = " + literal(slot());
        const std::string pid = source().value(walsender);
        const bool was_lost =
            holds_within(seconds(6), [&] { return source().value(walsender) != pid; });
        EXPECT_FALSE(was_lost) << "the walsender ended before the lock did";
        blocker.execute("ROLLBACK");
        catch_up();
        expect_equal();
    }
};

TEST_F(Crash, KillsOfServersAndConsumerAtRandomMomentsHeal) {
    start_streaming();
    Random random(2);
    Transfers transfers(source_conninfo());
    Watcher watcher(target_conninfo(), kSum, "50000");
    for (int round = 0; round < 8; ++round) {
        transfers.let_pass(random.between(1, 200));
        switch (random.between(0, 4)) {
            case 0:
                source_cluster().crash();
                source_cluster().start();
                break;
            case 1:
                target_cluster().crash();
                target_cluster().start();
                break;
            case 2:
                source_cluster().crash();
                target_cluster().crash();
                target_cluster().start();
                source_cluster().start();
                break;
            case 3:
                target_cluster().crash();
                consumer().kill();
                target_cluster().start();
                consumer().start();
                break;
            default:
                consumer().kill();
                consumer().start();
                break;
        }
    }
    expect_healed(transfers, watcher);
}

TEST_F(Crash, RestartsOfServersHeal) {
    start_streaming();
    Transfers transfers(source_conninfo());
    Watcher watcher(target_conninfo(), kSum, "50000");
    for (const char* mode : {"fast", "immediate"}) {
        transfers.let_pass(20);
        source_cluster().stop(mode);
        source_cluster().start();
        transfers.let_pass(20);
        target_cluster().stop(mode);
        transfers.let_pass(20);
        target_cluster().start();
    }
    expect_healed(transfers, watcher);
}

TEST_F(Crash, TerminatedBackendsHeal) {
    start_streaming();
    Transfers transfers(source_conninfo());
    Watcher watcher(target_conninfo(), kSum, "50000");
    const std::string name = literal("walpack_" + pipeline());
    const std::string terminate =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = " +
        name;
    for (int round = 0; round < 3; ++round) {
        transfers.let_pass(20);
        wait_until("the walsender is ended", seconds(20),
                   [&] { return source().number(terminate) > 0; });
        transfers.let_pass(20);
        wait_until("the applying backend is ended", seconds(20),
                   [&] { return target().number(terminate) > 0; });
    }
    expect_healed(transfers, watcher);
}

TEST_F(Crash, CutLinesHeal) {
    Proxy to_source(source_cluster().port());
    Proxy to_target(target_cluster().port());
    consumer().set("source", over(to_source, source_database()));
    consumer().set("target", over(to_target, target_database()));
    start_streaming();
    Random random(3);
    Transfers transfers(source_conninfo());
    Watcher watcher(target_conninfo(), kSum, "50000");
    for (int round = 0; round < 12; ++round) {
        transfers.let_pass(random.between(1, 60));
        (random.chance(0.5) ? to_source : to_target).cut();
    }
    expect_healed(transfers, watcher);
}

// Every transaction has a COMMIT: a group by itself, of many rows.
TEST_F(Crash, ACommitWhoseAnswerIsLostIsNotRepeated) {
    Proxy to_target(target_cluster().port());
    consumer().set("target", over(to_target, target_database()));
    consumer().set("durable_interval", "\"1min\"");  // no COMMIT without rows
    start_streaming();
    for (int round = 0; round < 5; ++round) {
        to_target.lose_answer(std::string("COMMIT\0", 7));
        source().execute("INSERT INTO moves (f, t) SELECT g, g FROM generate_series(1, 100) g");
        wait_until("an answer is lost", seconds(20), [&] { return to_target.has_lost_answer(); });
        catch_up();
    }
    expect_running();
    expect_equal();
}

// It is committed by the sync behind it: the answer to that one is what is lost.
TEST_F(Crash, ALoneTransactionWhoseAnswerIsLostIsNotRepeated) {
    Proxy to_target(target_cluster().port());
    consumer().set("target", over(to_target, target_database()));
    start_streaming();
    Watcher watcher(target_conninfo(), kSum, "50000");
    Transfers transfers(source_conninfo());
    for (int round = 0; round < 5; ++round) {
        transfers.let_pass(10);
        to_target.lose_answer(std::string("SELECT 1\0Z\0\0\0\5I", 15));
        wait_until("an answer is lost", seconds(20), [&] { return to_target.has_lost_answer(); });
    }
    expect_healed(transfers, watcher);
}

TEST_F(Crash, ASlowLineOnlyDelays) {
    Proxy to_source(source_cluster().port());
    consumer().set("source", over(to_source, source_database()));
    source().execute("ALTER DATABASE " + source_database() + " SET wal_sender_timeout = '2s'");
    start_streaming();
    to_source.limit(150'000);
    source().execute("INSERT INTO moves (f, t) SELECT g, g FROM generate_series(1, 40000) g");
    catch_up();
    expect_running();
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
    expect_equal();
}

// Nothing comes and nothing is closed: only time can tell.
TEST_F(Crash, ASilentLineIsGivenUp) {
    Proxy to_source(source_cluster().port());
    consumer().set("source", over(to_source, source_database()));
    consumer().set("receive_timeout", "\"2s\"");
    start_streaming();
    wait_until_streaming();
    to_source.freeze(true);
    source().execute("INSERT INTO moves (f, t) VALUES (1, 1)");
    wait_until("the silence is noticed", seconds(20),
               [&] { return consumer().log().find("trying again") != std::string::npos; });
    to_source.freeze(false);
    catch_up();
    expect_equal();
}

// Silence before the first byte of the stream is silence as well.
TEST_F(Crash, ALineThatFallsSilentWhileTheStreamStartsIsGivenUp) {
    Proxy to_source(source_cluster().port());
    consumer().set("source", over(to_source, source_database()));
    consumer().set("receive_timeout", "\"2s\"");
    consumer().init();
    for (const char* command : {"IDENTIFY_SYSTEM", "pg_replication_slots", "START_REPLICATION"}) {
        SCOPED_TRACE(command);
        consumer().clear_log();
        to_source.freeze_at(command);
        consumer().start();
        wait_until("the line is silent", seconds(20), [&] { return to_source.is_frozen(); });
        wait_until("the silence is noticed", seconds(20), [&] {
            return consumer().log().find("silent for longer than") != std::string::npos;
        });
        to_source.freeze(false);
        source().execute("INSERT INTO moves (f, t) VALUES (1, 1)");
        catch_up();
        expect_equal();
        consumer().kill();
    }
}

TEST_F(Crash, KeepalivesAreAnsweredWhileTheTargetIsLocked) {
    consumer().set("log_memory_max", "\"1MB\"");  // so that reading stops as well
    expect_line_outlives_lock(
        "INSERT INTO moves (f, t) SELECT g, g FROM generate_series(1, 200000) g");
}

// The stream is with the thread that waits for the lock.
TEST_F(Crash, KeepalivesAreAnsweredWhileALoneTransactionWaits) {
    expect_line_outlives_lock("INSERT INTO moves (f, t) VALUES (1, 1)");
}

// A confirmed position is durable on the target, also when its server dies without a checkpoint.
TEST_F(Crash, TheSlotIsConfirmedOnlyUpToWhatTheTargetHasOnDisk) {
    consumer().set("durable_interval", "\"100ms\"");
    start_streaming();
    Transfers transfers(source_conninfo());
    for (int round = 0; round < 5; ++round) {
        transfers.let_pass(50);
        const std::string confirmed = source().value(
            "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = " +
            literal(slot()));
        target_cluster().crash();
        target_cluster().start();
        EXPECT_EQ(target().value("SELECT bool_and(applied_lsn >= " + literal(confirmed) +
                                 ") FROM walpack.progress"),
                  "t");
    }
    transfers.stop();
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
