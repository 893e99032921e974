// The line between the consumer and a server ends or falls silent at any message, in either
// direction, from the first of a connection to the answer to a COMMIT.
#include "e2e/fault_scenario.h"

namespace walpack::e2e {
namespace {

constexpr int kRounds = 24;
constexpr int kBytesMax = 40;

enum class End { source, target };

struct LineCase {
    const char* name;
    End end;
    Way way;
    // About twice what setting up takes, so that about half of the cuts are in it.
    int messages_max;
    std::uint64_t stream;  // of the chance
};

class FaultLine : public FaultScenario {
  protected:
    // Both lines lead through proxies.
    void SetUp() override {
        FaultScenario::SetUp();
        consumer().set("source", over(to_source_, source_database()));
        consumer().set("target", over(to_target_, target_database()));
        consumer().set("retry_delay_min", "\"10ms\"");
        consumer().set("retry_delay_max", "\"20ms\"");
        // What the source is told while all goes well.
        consumer().set("status_interval", "\"100ms\"");
    }
    Proxy& to(End end) { return end == End::source ? to_source_ : to_target_; }

    Proxy to_source_{source_cluster().port()};
    Proxy to_target_{target_cluster().port()};
};

class FaultLineCut : public FaultLine, public testing::WithParamInterface<LineCase> {};

TEST_P(FaultLineCut, AtAnyMessageHeals) {
    const LineCase& line = GetParam();
    Random random(line.stream);
    start_under_load();
    for (int round = 0; round < kRounds; ++round) {
        CutPoint cut;
        cut.messages = static_cast<int>(random.between(1, line.messages_max));
        // Half of them amid a message, most of which are short.
        cut.bytes = random.chance(0.5) ? static_cast<std::size_t>(random.between(0, kBytesMax))
                                       : std::size_t{1} << 30;
        SCOPED_TRACE("message " + std::to_string(cut.messages) + ", byte " +
                     std::to_string(cut.bytes));
        to(line.end).end_at(line.way, cut);
        wait_until("the line is cut", seconds(20), [&] {
            if (consumer().has_given_up()) throw std::runtime_error("the consumer has given up");
            return to(line.end).has_met_cut();
        });
    }
    expect_healed();
}

// One connection falls silent while the others live, and ends only when the line is repaired.
TEST_P(FaultLineCut, SilenceAtAnyMessageLosesNothing) {
    const LineCase& line = GetParam();
    Random random(line.stream + 100);
    consumer().set("receive_timeout", "\"1s\"");
    start_under_load();
    for (int round = 0; round < 4; ++round) {
        to(line.end).mute_at(line.way, {static_cast<int>(random.between(1, line.messages_max)), 7});
        wait_until("the line is silent", seconds(20), [&] { return to(line.end).has_met_cut(); });
        std::this_thread::sleep_for(milliseconds(300));
        to(line.end).cut();
        transfers().let_pass(5);
    }
    expect_healed();
}

INSTANTIATE_TEST_SUITE_P(
    Lines, FaultLineCut,
    testing::Values(LineCase{"RequestsToTheSource", End::source, Way::to_server, 16, 1},
                    LineCase{"AnswersOfTheSource", End::source, Way::to_client, 90, 2},
                    LineCase{"RequestsToTheTarget", End::target, Way::to_server, 90, 3},
                    LineCase{"AnswersOfTheTarget", End::target, Way::to_client, 90, 4}),
    [](const testing::TestParamInfo<LineCase>& info) { return std::string(info.param.name); });

// A source that takes requests and never answers is given up by time, at every state.
TEST_F(FaultLine, ASourceThatNeverAnswersIsGivenUpAtAnyState) {
    Random random(5);
    consumer().set("source", toml_text("host=127.0.0.1 port=" + std::to_string(to_source_.port()) +
                                       " user=postgres sslmode=disable gssencmode=disable "
                                       "connect_timeout=1 dbname=" +
                                       source_database()));
    consumer().set("receive_timeout", "\"1s\"");
    // Its own walsender learns of nothing either, and has the slot meanwhile.
    source().execute("ALTER DATABASE " + source_database() + " SET wal_sender_timeout = '2s'");
    start_under_load();
    for (int round = 0; round < 4; ++round) {
        consumer().clear_log();
        to_source_.mute_at(Way::to_client, {static_cast<int>(random.between(1, 30)), 5});
        wait_until("the line is silent", seconds(20), [&] { return to_source_.has_met_cut(); });
        wait_for_retry();
    }
    expect_healed();
}

// A proxy keeps its side of the line while nothing comes through: what TCP looks at is alive.
class SilentTarget : public FaultLine, public testing::WithParamInterface<const char*> {};

TEST_P(SilentTarget, IsLeftWhenItWaitsForUs) {
    Random random(6);
    consumer().set("apply_workers", GetParam());
    consumer().set("target", toml_text("host=127.0.0.1 port=" + std::to_string(to_target_.port()) +
                                       " user=postgres sslmode=disable gssencmode=disable "
                                       "tcp_user_timeout=1000 dbname=" +
                                       target_database()));
    start_under_load();
    for (int round = 0; round < 6; ++round) {
        transfers().let_pass(20);
        const Way way = round % 2 == 0 ? Way::to_client : Way::to_server;
        to_target_.mute_at(way, {static_cast<int>(random.between(20, 300)), 5});
        wait_until("the line is silent", seconds(20), [&] { return to_target_.has_met_cut(); });
        // It may be one that nobody needs at the moment.
        catch_up(seconds(40));
    }
    EXPECT_TRUE(contains(consumer().log(), "is dead: the server waits for us"));
    expect_healed();
}

INSTANTIATE_TEST_SUITE_P(Workers, SilentTarget, testing::Values("1", "3"),
                         [](const testing::TestParamInfo<const char*>& info) {
                             return std::string("Workers") + info.param;
                         });

// A long lock is no dead line, however often it is looked at.
TEST_F(FaultLine, ATargetThatIsAtWorkIsWaitedFor) {
    consumer().set("target", toml_text("host=127.0.0.1 port=" + std::to_string(to_target_.port()) +
                                       " user=postgres sslmode=disable gssencmode=disable "
                                       "tcp_user_timeout=300 dbname=" +
                                       target_database()));
    start_under_load();
    Session holder = new_target_session();
    holder.execute("BEGIN; LOCK TABLE moves");
    consumer().clear_log();
    std::this_thread::sleep_for(seconds(4));
    holder.execute("COMMIT");
    expect_healed();
    EXPECT_TRUE(contains(consumer().log(), "waits for Lock relation"));
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
}

// A target that begins again asks the source about its history.
TEST_F(FaultLine, AStopDoesNotWaitForASourceThatIsSilent) {
    start_under_load();
    transfers().let_pass(50);
    catch_up();
    to_source_.freeze(true);
    to_target_.cut();
    wait_for_retry();
    std::this_thread::sleep_for(seconds(1));
    EXPECT_EQ(consumer().terminate(seconds(8)), 0);
    to_source_.freeze(false);
    consumer().start();
    expect_healed();
}

// The answer to one COMMIT comes late, which is no reason to repeat anything.
TEST_F(FaultLine, ATargetThatIsSilentForAWhileOnlyDelays) {
    start_under_load();
    to_target_.freeze(true);
    transfers().let_pass(200);
    std::this_thread::sleep_for(seconds(2));
    to_target_.freeze(false);
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
}

TEST_F(FaultLine, ASlowLineToTheTargetOnlyDelays) {
    source().execute("ALTER DATABASE " + source_database() + " SET wal_sender_timeout = '2s'");
    start_under_load();
    to_target_.limit(300'000);
    source().execute("INSERT INTO moves (f, t) SELECT g, g FROM generate_series(1, 30000) g");
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
}

}  // namespace
}  // namespace walpack::e2e
