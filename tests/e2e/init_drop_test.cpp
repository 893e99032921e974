// The life of a pipeline from the command line: init, status, drop, mistakes in the configuration.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class InitDrop : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY)");
    }
    std::int64_t slots() {
        return source().number("SELECT count(*) FROM pg_replication_slots WHERE slot_name = " +
                               literal(slot()));
    }
    std::int64_t publications() { return source().number("SELECT count(*) FROM pg_publication"); }
    std::int64_t schemas() {
        return target().number("SELECT count(*) FROM pg_namespace WHERE nspname = 'walpack'");
    }
    // The command fails with a message, and not by a crash.
    void expect_mistake(const Finished& finished, const std::string& part) {
        EXPECT_GT(finished.status, 0) << finished.output;
        EXPECT_LT(finished.status, 128) << finished.output;
        EXPECT_TRUE(contains(finished.output, part));
    }
};

TEST_F(InitDrop, InitMakesSlotPublicationAndProgress) {
    consumer().init();
    EXPECT_EQ(slots(), 1);
    EXPECT_EQ(publications(), 1);
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.progress"), "1");
}

TEST_F(InitDrop, InitTwiceIsHarmless) {
    consumer().init();
    consumer().init();
    EXPECT_EQ(slots(), 1);
    EXPECT_EQ(publications(), 1);
    consumer().start();
    source().execute("INSERT INTO t VALUES (1)");
    catch_up();
    consumer().init();  // beside a running consumer
    source().execute("INSERT INTO t VALUES (2)");
    catch_up();
    expect_equal();
}

TEST_F(InitDrop, DropLeavesNothingAndTwiceIsHarmless) {
    consumer().init();
    consumer().start();
    source().execute("INSERT INTO t VALUES (1)");
    catch_up();
    EXPECT_EQ(consumer().terminate(), 0);
    const Finished first = consumer().command("drop");
    EXPECT_EQ(first.status, 0) << first.output;
    EXPECT_EQ(slots(), 0);
    EXPECT_EQ(publications(), 0);
    EXPECT_EQ(schemas(), 0);
    EXPECT_EQ(target().value("SELECT count(*) FROM t"), "1");
    const Finished second = consumer().command("drop");
    EXPECT_EQ(second.status, 0) << second.output;
}

TEST_F(InitDrop, DropKeepsWhatInitDidNotMake) {
    source().execute("CREATE PUBLICATION mine FOR ALL TABLES");
    consumer().set("publications", "[\"mine\"]");
    consumer().init();
    target().execute("CREATE TABLE walpack.precious (id int)");
    EXPECT_EQ(consumer().command("drop").status, 0);
    EXPECT_EQ(publications(), 1);
    EXPECT_EQ(schemas(), 1);
}

TEST_F(InitDrop, DropWhileRunningIsRefusedOrEndsIt) {
    consumer().init();
    consumer().start();
    wait_until_streaming();
    const Finished dropped = consumer().command("drop");
    EXPECT_LT(dropped.status, 128) << dropped.output;
    EXPECT_TRUE(dropped.status == 0 ? slots() == 0 : slots() == 1) << dropped.output;
}

TEST_F(InitDrop, TwoPipelinesLiveSideBySide) {
    on_both("CREATE TABLE other (id int PRIMARY KEY)");
    consumer().set("tables", "[\"public.t\", \"public.mark\"]");
    Consumer second({{"pipeline", toml_text(pipeline() + "_b")},
                     {"source", toml_text(source_conninfo())},
                     {"target", toml_text(target_conninfo())},
                     {"tables", "[\"public.other\"]"}});
    consumer().init();
    second.init();
    consumer().start();
    second.start();
    source().execute("INSERT INTO t VALUES (1); INSERT INTO other VALUES (2)");
    catch_up();
    wait_until("the other table arrives", seconds(20),
               [&] { return target().number("SELECT count(*) FROM other") == 1; });
    EXPECT_EQ(second.terminate(), 0);
    EXPECT_EQ(second.command("drop").status, 0);
    EXPECT_EQ(schemas(), 1);
    source().execute("INSERT INTO t VALUES (2)");
    catch_up();
    EXPECT_EQ(target().value("SELECT count(*) FROM t"), "2");
}

TEST_F(InitDrop, ASecondConsumerOfAPipelineDoesNotApply) {
    consumer().init();
    consumer().start();
    catch_up();
    Consumer second({{"pipeline", toml_text(pipeline())},
                     {"source", toml_text(source_conninfo())},
                     {"target", toml_text(target_conninfo())}});
    second.start();
    wait_until("the second one waits for the lock", seconds(20), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
                   "'Lock' AND wait_event = 'advisory'") > 0;
    });
    source().execute("INSERT INTO t SELECT generate_series(1, 100)");
    catch_up();
    consumer().kill();
    source().execute("INSERT INTO t SELECT generate_series(101, 200)");
    catch_up();  // by the second one
    expect_equal();
    EXPECT_EQ(second.terminate(), 0);
}

TEST_F(InitDrop, StatusTellsWhereThePipelineStands) {
    Finished status = consumer().command("status");
    EXPECT_LT(status.status, 128) << status.output;
    consumer().init();
    consumer().start();
    catch_up();
    status = consumer().command("status");
    EXPECT_EQ(status.status, 0) << status.output;
    EXPECT_TRUE(contains(status.output, pipeline()));
    EXPECT_TRUE(contains(status.output, slot()));
    EXPECT_TRUE(names_an_lsn(status.output));
}

TEST_F(InitDrop, CheckFindsNothingWrongAndThenTheMissingTable) {
    const Finished good = consumer().command("check");
    EXPECT_EQ(good.status, 0) << good.output;
    source().execute("CREATE TABLE forgotten (id int PRIMARY KEY)");
    const Finished made_by_init = consumer().command("check");
    EXPECT_EQ(made_by_init.status, 0) << made_by_init.output;
    EXPECT_TRUE(contains(made_by_init.output, "forgotten"));
    consumer().set("create_schema", "false");
    expect_mistake(consumer().command("check"), "forgotten");
    EXPECT_EQ(slots(), 0);
    EXPECT_EQ(schemas(), 0);
}

TEST_F(InitDrop, ASectionOfATableThatIsNotPublishedIsAMistakeAndRunWarnsOfIt) {
    consumer().init();
    consumer().set_more(
        "[table.\"public.t\"]\non_error = \"quarantine\"\n"
        "[table.\"public.tee\"]\non_error = \"quarantine\"\n");
    const Finished check = consumer().command("check");
    expect_mistake(check, "\"public\".\"tee\"");
    EXPECT_EQ(check.output.find("\"public\".\"t\""), std::string::npos) << check.output;
    consumer().start();
    catch_up();
    const std::string log = consumer().log();
    const std::string warning = "no publication holds: \"public\".\"tee\"";
    EXPECT_TRUE(contains(log, warning));
    EXPECT_EQ(log.find(warning), log.rfind(warning));
}

TEST_F(InitDrop, RunWithoutInitSaysSo) {
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "init"));
}

TEST_F(InitDrop, UnknownKeysAndFlagsAreErrors) {
    consumer().set("grop_rows_max", "10");
    const Finished unknown = consumer().command("init");
    expect_mistake(unknown, "grop_rows_max");
    EXPECT_TRUE(contains(unknown.output, "group_rows_max"));  // what was meant
    EXPECT_EQ(slots(), 0);
    Consumer other({{"pipeline", toml_text(pipeline())},
                    {"source", toml_text(source_conninfo())},
                    {"target", toml_text(target_conninfo())}});
    expect_mistake(other.command("init", {"--no-such-flag"}), "no-such-flag");
    other.set("log_level", "\"loud\"");
    expect_mistake(other.command("init"), "log_level");
}

TEST_F(InitDrop, FlagsOverrideTheFile) {
    consumer().set("slot", "\"from_file\"");
    const Finished finished = consumer().command("init", {"--slot=from_flag_" + pipeline()});
    EXPECT_EQ(finished.status, 0) << finished.output;
    EXPECT_EQ(source().value("SELECT slot_name FROM pg_replication_slots WHERE database = "
                             "current_database()"),
              "from_flag_" + pipeline());
}

TEST_F(InitDrop, PublicationsThatCannotBeCombinedMakeNothing) {
    source().execute("ALTER TABLE t ADD v text; CREATE PUBLICATION whole FOR TABLE t, mark");
    source().execute("CREATE PUBLICATION listed FOR TABLE t (id)");
    consumer().set("publications", "[\"listed\", \"whole\"]");
    const Finished finished = consumer().command("init");
    expect_mistake(finished, "publish different columns");
    EXPECT_EQ(slots(), 0);
}

// The source itself refuses their updates once they are published.
TEST_F(InitDrop, TablesWithoutReplicaIdentityAreNamedAndTakeInserts) {
    on_both("CREATE TABLE nameless (id int)");
    const Finished init = consumer().command("init");
    EXPECT_EQ(init.status, 0) << init.output;
    consumer().start();
    wait_until_streaming();
    source().execute("INSERT INTO nameless VALUES (1), (1)");
    catch_up();
    expect_equal();
    EXPECT_TRUE(contains(init.output + consumer().log(), "nameless"));
}

}  // namespace
}  // namespace walpack::e2e
