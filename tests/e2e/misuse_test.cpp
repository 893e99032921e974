// What would do harm, or would not do what it says, is refused or left alone.
#include <filesystem>

#include "progress/advisory_lock.h"
#include "support/scenario.h"
#include "support/scratch.h"

namespace walpack::e2e {
namespace {

using Misuse = Scenario;

TEST_F(Misuse, RunIsForAllTargets) {
    Consumer of_two(
        {{"pipeline", toml_text(pipeline())}, {"source", toml_text(source_conninfo())}});
    of_two.set_more("[[target]]\nname = \"a\"\nconninfo = " + toml_text(target_conninfo()) +
                    "\n[[target]]\nname = \"b\"\nconninfo = " + toml_text(target_conninfo()) +
                    "\n");
    const Finished run = of_two.command("run", {"--only-target", "a"});
    EXPECT_NE(run.status, 0);
    EXPECT_TRUE(contains(run.output, "\"walpack run\" applies to all"));
}

TEST_F(Misuse, ASwitchTakesNoValue) {
    source().execute("CREATE PUBLICATION " + slot() + " FOR ALL TABLES");
    consumer().init();
    EXPECT_NE(consumer().command("drop", {"--force=false"}).status, 0);
    EXPECT_EQ(source().number("SELECT count(*) FROM pg_replication_slots WHERE slot_name = " +
                              literal(slot())),
              1);
}

TEST_F(Misuse, QuarantineRefusesWhatAnActionDoesNotUse) {
    source().execute("CREATE PUBLICATION " + slot() + " FOR ALL TABLES");
    consumer().init();
    const auto refused = [&](const std::vector<std::string>& arguments, const std::string& why) {
        const Finished quarantine = consumer().command("quarantine", arguments);
        EXPECT_NE(quarantine.status, 0);
        EXPECT_TRUE(contains(quarantine.output, why));
    };
    refused({"list", "--all"}, "list takes no --all");
    refused({"list", "7"}, "list takes no number of a row");
    refused({"show", "7", "--table", "public.mark"}, "show takes no --table");
    refused({"retry", "--all", "--json"}, "retry takes no --json");
    refused({"discard", "--all", "--set", "v=1"}, "discard takes no --set");
    refused({"edit", "7", "--set", "v=1", "--all"}, "edit takes no --all");
    refused({"retry", "--table", "public.marc"}, "there is no row of \"public.marc\"");
    EXPECT_EQ(consumer().command("quarantine", {"retry", "--all"}).status, 0);
}

TEST_F(Misuse, DropBesideTheServiceRemovesNothing) {
    Session postgres(target_cluster().conninfo("postgres"));
    const std::string second = target_database() + "_second";
    postgres.execute("CREATE DATABASE " + second);
    Session(target_cluster().conninfo(second)).execute("CREATE TABLE mark (id int PRIMARY KEY)");
    source().execute("CREATE PUBLICATION " + slot() + " FOR ALL TABLES");
    Consumer of_two({{"pipeline", toml_text(pipeline())},
                     {"source", toml_text(source_conninfo())},
                     {"log_directory", toml_text(log_directory())}});
    of_two.set_more("[[target]]\nname = \"a\"\nconninfo = " + toml_text(target_conninfo()) +
                    "\n[[target]]\nname = \"b\"\nconninfo = " +
                    toml_text(target_cluster().conninfo(second)) + "\n");
    of_two.init();
    of_two.start();
    wait_until_streaming();
    const Finished drop = of_two.command("drop");
    EXPECT_NE(drop.status, 0);
    EXPECT_TRUE(contains(drop.output, "is in use by"));
    EXPECT_EQ(target().number("SELECT count(*) FROM walpack.progress"), 1);
    EXPECT_EQ(of_two.terminate(), 0);
    EXPECT_EQ(of_two.command("drop").status, 0);
    postgres.execute("DROP DATABASE " + second + " WITH (FORCE)");
}

// A service that is connecting to the source again has its target's lock alone.
TEST_F(Misuse, DropLeavesTheSlotWhileTheTargetIsApplied) {
    source().execute("CREATE PUBLICATION " + slot() + " FOR ALL TABLES");
    consumer().init();
    Session holder = new_target_session();
    holder.execute("SELECT pg_advisory_lock(" + std::to_string(pipeline_lock_key(pipeline())) +
                   ")");
    const Finished drop = consumer().command("drop");
    EXPECT_NE(drop.status, 0);
    EXPECT_TRUE(contains(drop.output, "another session applies"));
    EXPECT_EQ(source().number("SELECT count(*) FROM pg_replication_slots WHERE slot_name = " +
                              literal(slot())),
              1);
    holder.disconnect();
    EXPECT_EQ(consumer().command("drop").status, 0);
}

// A file that was copied for another pipeline may still name the folder of the first.
TEST_F(Misuse, DropLeavesTheLogOfAnotherPipeline) {
    source().execute("CREATE PUBLICATION " + slot() + " FOR ALL TABLES");
    consumer().set("confirm", "\"logged\"");
    consumer().init();
    consumer().start();
    catch_up();
    stop_consumer();
    const auto files = [this] {
        const auto entries = std::filesystem::directory_iterator(log_directory());
        return std::distance(begin(entries), end(entries));
    };
    const auto before = files();
    ASSERT_GT(before, 0);
    const Finished drop = consumer().command("drop", {"--pipeline", "another"});
    EXPECT_TRUE(contains(drop.output, "left the log"));
    EXPECT_EQ(files(), before);
    consumer().start();
    catch_up();
    expect_equal();
}

TEST_F(Misuse, AHeldTransactionIsSeenByWhoMayOnlyRead) {
    on_both("CREATE TABLE t (id int PRIMARY KEY)");
    source().execute("CREATE PUBLICATION " + slot() + " FOR ALL TABLES");
    consumer().set("hold_transaction_over_rows", "100");
    consumer().init();
    consumer().start();
    catch_up();
    source().execute("INSERT INTO t SELECT generate_series(1, 500)");
    wait_until("it is held", seconds(20), [this] {
        return target().number("SELECT count(*) FROM walpack.held_transaction WHERE is_counted") ==
               1;
    });
    const std::string role = table_owner();
    target().execute("CREATE ROLE " + role + " LOGIN; GRANT USAGE ON SCHEMA walpack TO " + role +
                     "; GRANT SELECT ON ALL TABLES IN SCHEMA walpack TO " + role);
    const Finished status = consumer().command(
        "status", {"--target", "host=" + target_cluster().folder() +
                                   " port=" + std::to_string(target_cluster().port()) +
                                   " user=" + role + " dbname=" + target_database()});
    EXPECT_TRUE(contains(status.output, "500 rows of public.t"));
    target().execute("DROP OWNED BY " + role);
}

}  // namespace
}  // namespace walpack::e2e
