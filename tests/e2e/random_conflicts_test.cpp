// Conflicts of every kind at random, while the consumer is killed: with a policy that lets the
// source win for each of them, both sides are equal in the end.
#include "e2e/random_refusals.h"
#include "support/backlog.h"
#include "support/random.h"

namespace walpack::e2e {
namespace {

constexpr int kRounds = 12;

constexpr const char* kSourceWinsOverOthers =
    "{ insert_exists = \"apply\", update_exists = \"apply\", multiple_unique_conflicts = "
    "\"apply\", update_missing = \"insert\", delete_missing = \"apply\", "
    "update_origin_differs = \"apply\", delete_origin_differs = \"apply\" }";

struct Variant {
    int workers = 1;
    bool has_origins = false;
};

class RandomConflicts : public BacklogScenario, public ::testing::WithParamInterface<Variant> {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        if (GetParam().has_origins) keep_commits(true);
        on_both(kStockTable);
        source().execute("INSERT INTO stock SELECT g, g, 'old' FROM generate_series(1, 150) g");
        consumer().set("conflict", GetParam().has_origins ? kSourceWinsOverOthers : kSourceWins);
        consumer().set("apply_workers", std::to_string(GetParam().workers));
        consumer().set("group_rows_max", "50");
        consumer().init();
        consumer().start();
        catch_up();
    }

    void TearDown() override {
        if (GetParam().has_origins) keep_commits(false);
        Scenario::TearDown();
    }

    std::string changes(int count) { return change_stock(random_, count); }

    Random random_{4711};
};

TEST_P(RandomConflicts, BothSidesAreEqualInTheEnd) {
    for (int round = 0; round < kRounds; ++round) {
        target().execute(changes(10));
        for (int i = 0; i < 20; ++i) source().execute(changes(random_.between(1, 4)));
        target().execute(changes(10));
        if (random_.chance(0.5)) consumer().kill();
        if (!consumer().is_running()) consumer().start();
    }
    catch_up();
    source().execute(kSweepStock);
    catch_up();
    expect_equal();
    EXPECT_GT(target().number("SELECT count(DISTINCT kind) FROM walpack.conflict_log"), 2);
    EXPECT_EQ(target().number("SELECT count(DISTINCT kind) FROM walpack.conflict_log "
                              "WHERE kind LIKE '%origin_differs'"),
              GetParam().has_origins ? 2 : 0);
    EXPECT_FALSE(contains(consumer().log(), "ERROR"));
}

INSTANTIATE_TEST_SUITE_P(, RandomConflicts,
                         ::testing::Values(Variant{1, false}, Variant{3, false}, Variant{3, true}),
                         [](const auto& parameter) {
                             return std::to_string(parameter.param.workers) + "Workers" +
                                    (parameter.param.has_origins ? "TellingOrigins" : "");
                         });

// A backlog in which every hundredth transaction conflicts, and none.
class ConflictBacklog : public BacklogScenario {
  protected:
    static constexpr int kTransactions = 20'000;

    double arrival(int first) {
        each_in_transaction(first, first + kTransactions - 1,
                            "INSERT INTO stock VALUES (i, 'new')");
        const auto begun = Clock::now();
        expect_backlog_arrives();
        const std::chrono::duration<double> took = Clock::now() - begun;
        stop();
        return took.count();
    }
};

TEST_F(ConflictBacklog, ConflictsAmongManyTransactionsAreAnsweredOnTheWay) {
    on_both("CREATE TABLE stock (id int PRIMARY KEY, v text)");
    consumer().set("conflict", kSourceWins);
    copy_and_stop();
    const double without = arrival(1);
    target().execute(
        "INSERT INTO stock SELECT g, 'local' FROM generate_series(20100, 40000, 100) g");
    const double with = arrival(kTransactions + 1);
    std::printf("%d transactions without conflicts in %.2f s, with 200 in %.2f s\n", kTransactions,
                without, with);
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.conflict_log"), "200");
}

// Times of commit, which a server keeps only when it is started so.
class CommitTimes : public BacklogScenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        keep_commits(true);
    }
    void TearDown() override {
        Scenario::TearDown();
        keep_commits(false);
    }
};

TEST_F(CommitTimes, DecideWhichRowIsTheNewest) {
    on_both("CREATE TABLE stock (id int PRIMARY KEY, v text)");
    consumer().set("conflict", "{ insert_exists = \"newest\" }");
    copy_and_stop();
    target().execute("INSERT INTO stock VALUES (1, 'local')");
    source().execute("INSERT INTO stock VALUES (1, 'new')");
    source().execute("INSERT INTO stock VALUES (2, 'new')");
    target().execute("INSERT INTO stock VALUES (2, 'local')");
    consumer().start();
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id || v, ' ' ORDER BY id) FROM stock"),
              "1new 2local");
    EXPECT_EQ(target().value("SELECT string_agg(policy || '/' || outcome, ' ' ORDER BY id) "
                             "FROM walpack.conflict_log"),
              "newest/applied newest/kept");
}

// Its changes are not kept: the attempt ends, and the next one applies them row by row.
TEST_F(ConflictBacklog, ConflictsOfALargeTransactionAreAnsweredByTheNextAttempt) {
    on_both("CREATE TABLE stock (id int PRIMARY KEY, v text)");
    consumer().set("conflict", kSourceWins);
    consumer().set("group_bytes_max", "\"64kB\"");
    copy_and_stop();
    target().execute(
        "INSERT INTO stock SELECT g, 'local' FROM generate_series(100, 20000, 1000) g");
    source().execute("INSERT INTO stock SELECT g, 'new' FROM generate_series(1, 20000) g");
    source().execute("INSERT INTO stock VALUES (0, 'after')");
    consumer().start();
    expect_caught_up();
    EXPECT_TRUE(contains(consumer().log(), "row by row"));
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.conflict_log"), "20");
}

}  // namespace
}  // namespace walpack::e2e
