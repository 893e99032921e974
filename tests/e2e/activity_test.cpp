// What a consumer tells of its speed: table walpack.activity and what status makes of it.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class ActivityFigures : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY)");
    }
    bool has_table() { return target().value("SELECT to_regclass('walpack.activity')") != ""; }
    std::string status(const std::vector<std::string>& arguments = {}) {
        const Finished finished = consumer().command("status", arguments);
        EXPECT_EQ(finished.status, 0) << finished.output;
        return finished.output;
    }
    // As a consumer would have told it.
    void tell(const std::string& age) {
        target().execute("INSERT INTO walpack.activity VALUES (" + literal(pipeline()) +
                         ", now() - interval " + literal(age) +
                         ", '{\"slow_stage\": \"order\", \"applied_rows_per_second\": 4711}') "
                         "ON CONFLICT (pipeline) DO UPDATE SET reported_at = EXCLUDED.reported_at, "
                         "figures = EXCLUDED.figures");
    }
};

TEST_F(ActivityFigures, InitMakesTheTableAlsoWhereOnlyProgressIs) {
    consumer().init();
    ASSERT_TRUE(has_table());
    target().execute("DROP TABLE walpack.activity");
    consumer().init();
    EXPECT_TRUE(has_table());
}

TEST_F(ActivityFigures, ATargetWithoutTheTableWorksAllTheSame) {
    consumer().init();
    target().execute("DROP TABLE walpack.activity");
    consumer().start();
    source().execute("INSERT INTO t VALUES (1)");
    catch_up();
    EXPECT_FALSE(contains(status(), "activity"));
    EXPECT_TRUE(contains(status({"--json"}), "\"activity\":null"));
    EXPECT_EQ(consumer().terminate(), 0);
    const Finished dropped = consumer().command("drop");
    EXPECT_EQ(dropped.status, 0) << dropped.output;
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_namespace WHERE nspname = 'walpack'"), "0");
}

TEST_F(ActivityFigures, DropRemovesThePipelinesRowAndThenTheTable) {
    consumer().init();
    Consumer second({{"pipeline", toml_text(pipeline() + "_b")},
                     {"source", toml_text(source_conninfo())},
                     {"target", toml_text(target_conninfo())}});
    second.init();
    tell("1 s");
    EXPECT_EQ(consumer().command("drop").status, 0);
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.activity"), "0");
    EXPECT_EQ(second.command("drop").status, 0);
    EXPECT_FALSE(has_table());
}

TEST_F(ActivityFigures, StatusShowsThemOnlyWhileTheyAreOfNow) {
    consumer().init();
    tell("1 s");
    EXPECT_TRUE(contains(status(), "stopped, last figures 1 s ago"));
    consumer().start();
    wait_until_streaming();
    tell("1 s");
    EXPECT_TRUE(contains(status(), "slow stage: order"));
    EXPECT_TRUE(contains(status(), "4711 rows/s"));
    tell("40 s");
    EXPECT_TRUE(contains(status(), "quiet, last figures 4"));
    EXPECT_TRUE(contains(status({"--json"}), "\"applied_rows_per_second\":null"));
}

TEST_F(ActivityFigures, ARunningConsumerTellsThem) {
    consumer().init();
    consumer().start();
    wait_until_streaming();
    wait_until("the consumer tells its speed", seconds(20), [&] {
        source().execute("INSERT INTO t SELECT count(*) FROM t");
        return target().number(
                   "SELECT count(*) FROM walpack.activity WHERE (figures ->> "
                   "'applied_rows_per_second')::float8 > 0") == 1;
    });
    EXPECT_TRUE(contains(status(), "slow stage: "));
    catch_up();
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
