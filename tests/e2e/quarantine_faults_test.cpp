// The quarantine in use while the consumer is killed, several sessions apply, and an operator
// retries amid the stream; at the end a retry makes both sides equal.
#include <atomic>
#include <thread>
#include <tuple>

#include "e2e/random_refusals.h"
#include "quarantine_scenario.h"
#include "support/random.h"
#include "support/scenario.h"
#include "support/writers.h"

namespace walpack::e2e {
namespace {

// No faster than a machine that is busy with other tests can follow.
std::string random_change(Random& random) {
    return "SELECT pg_sleep(0.005); " + change_users(random);
}

class QuarantineFaults : public Scenario,
                         public ::testing::WithParamInterface<std::tuple<int, Refusing>> {
  protected:
    static int workers() { return std::get<int>(GetParam()); }
    static Refusing refusing() { return std::get<Refusing>(GetParam()); }

    void SetUp() override {
        Scenario::SetUp();
        on_both(kUserTables);
        target().execute(kRefusingFunction);
        target().execute(refuse_large("users", refusing()));
        target().execute(refuse_large("plain", refusing()));
        consumer().set("on_error", toml_text("quarantine"));
        consumer().set("quarantine_max_rows", "1000000");
        consumer().set("apply_workers", std::to_string(workers()));
        consumer().init();
        consumer().start();
        catch_up();
    }

    Finished quarantine(const std::vector<std::string>& arguments) {
        return consumer().command("quarantine", arguments);
    }
    std::string held(const std::string& condition = "true") {
        return target().value("SELECT count(*) FROM walpack.quarantine WHERE " + condition);
    }
    // Everything that is not held is equal on both sides by then, and what is held applies.
    void expect_healed(Writers& writers) {
        EXPECT_EQ(writers.stop(), "");
        ASSERT_TRUE(consumer().is_running()) << consumer().log();
        catch_up(seconds(120));
        EXPECT_NE(target().value("SELECT (SELECT count(*) FROM walpack.quarantine_history) + "
                                 "(SELECT count(*) FROM walpack.quarantine)"),
                  "0");
        target().execute(accept_large("users", refusing()));
        target().execute(accept_large("plain", refusing()));
        const Finished retried = quarantine({"retry", "--all"});
        EXPECT_EQ(retried.status, 0) << retried.output << quarantine({"list"}).output;
        EXPECT_EQ(held(), "0");
        expect_equal();
    }
    // Others may still hold rows that an operator's command waits for.
    void retry_some(Random& random) {
        if (random.chance(0.5)) {
            quarantine({"retry", "--all"});
        } else {
            const std::string id =
                target().value("SELECT id FROM walpack.quarantine ORDER BY random() LIMIT 1");
            if (!id.empty()) quarantine({"retry", id});
        }
    }
    // Whatever was wrong with the held rows is right for a moment.
    void accept_for_a_while(Random& random) {
        target().execute(accept_large("users", refusing()));
        retry_some(random);
        target().execute(refuse_large("users", refusing()));
    }
};

TEST_P(QuarantineFaults, KillsAtRandomMomentsLoseNothing) {
    Random random(static_cast<std::uint64_t>(500 + workers()));
    Writers writers(source_conninfo(), 2, random_change);
    for (int round = 0; round < 8; ++round) {
        const auto ended = consumer().wait_exit(milliseconds(random.between(100, 1500)));
        ASSERT_FALSE(ended) << "the consumer ended by itself: " << consumer().log();
        if (random.chance(0.7)) {
            consumer().kill();
            if (random.chance(0.5)) retry_some(random);
            consumer().start();
        } else {
            accept_for_a_while(random);
        }
    }
    expect_healed(writers);
}

TEST_P(QuarantineFaults, RetriesAmidTheStreamKeepTheOrder) {
    Random random(static_cast<std::uint64_t>(600 + workers()));
    Writers writers(source_conninfo(), 3, random_change);
    wait_until("some rows are held", seconds(60), [this] { return held() != "0"; });
    for (int round = 0; round < 10; ++round) accept_for_a_while(random);
    expect_healed(writers);
}

INSTANTIATE_TEST_SUITE_P(, QuarantineFaults,
                         ::testing::Combine(::testing::Values(1, 3),
                                            ::testing::Values(Refusing::at_once,
                                                              Refusing::at_commit)),
                         [](const auto& parameter) {
                             const bool is_late =
                                 std::get<Refusing>(parameter.param) == Refusing::at_commit;
                             return std::to_string(std::get<int>(parameter.param)) +
                                    (is_late ? "WorkersAtCommit" : "WorkersAtOnce");
                         });

class QuarantineVersion : public Scenario {};

// The window between a decision and its commit, held open: a transaction that none of the held rows
// concern waits for a lock while an operator retries, and then must not commit by the old state.
TEST_F(QuarantineVersion, ATransactionThatWasDecidedBeforeARetryIsDecidedAgain) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE slow (id int PRIMARY KEY)");
    target().execute("ALTER TABLE t ADD CONSTRAINT small CHECK (v < 1000)");
    consumer().set("on_error", toml_text("quarantine"));
    consumer().init();
    consumer().start();
    catch_up();
    source().execute("INSERT INTO t VALUES (1, 1000)");
    catch_up();
    target().execute("ALTER TABLE t DROP CONSTRAINT small");
    Session blocker = new_target_session();
    blocker.execute("BEGIN; LOCK TABLE slow IN SHARE MODE");
    source().execute("BEGIN; INSERT INTO t VALUES (2, 2); INSERT INTO slow VALUES (1); COMMIT");
    wait_until("the transaction waits", seconds(30), [this] {
        return target().value(
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                   "AND datname = current_database()") == "1";
    });
    const Finished retried = consumer().command("quarantine", {"retry", "--all"});
    EXPECT_EQ(retried.status, 0) << retried.output;
    EXPECT_EQ(target().value("SELECT v FROM t"), "1000");
    blocker.execute("COMMIT");
    catch_up();
    EXPECT_TRUE(contains(consumer().log(), "trying again"));
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.quarantine"), "0");
    expect_equal();
}

class QuarantineFromLatin1 : public QuarantineScenario {
  protected:
    QuarantineFromLatin1()
        : QuarantineScenario(
              {"ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0", ""}) {}
};

// The command writes it in UTF-8; the consumer reads the table in the source's encoding.
TEST_F(QuarantineFromLatin1, AMessageWithACharacterThatTheSourceLacksStopsNothing) {
    on_both(
        "CREATE TYPE mood AS ENUM ('calm', 'glad'); CREATE TABLE t (id int PRIMARY KEY, m mood)");
    target().execute("ALTER TABLE t ADD CONSTRAINT only_calm CHECK (m = 'calm')");
    start();
    source().execute("INSERT INTO t VALUES (1, 'glad')");
    catch_up();
    EXPECT_EQ(quarantine({"edit", "1", "--set", "m=\xd0\x96"}).status, 0);
    EXPECT_EQ(quarantine({"retry", "1"}).status, 1);
    EXPECT_NE(held("message"), "");
    source().execute("INSERT INTO t VALUES (2, 'calm')");
    catch_up();
    expect_running();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ' ') FROM t"), "2");
}

}  // namespace
}  // namespace walpack::e2e
