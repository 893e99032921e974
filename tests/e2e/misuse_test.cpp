// What would do harm, or would not do what it says, is refused or left alone.
#include <filesystem>

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
