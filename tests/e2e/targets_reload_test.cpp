// What a SIGHUP may change while the service runs, and what it may not.
#include <csignal>

#include "targets_scenario.h"

namespace walpack::e2e {
namespace {

class TargetsReload : public Targets {
  protected:
    void reload() { ::kill(consumer_->pid(), SIGHUP); }
    void wait_until_said(const std::string& text) {
        wait_until("the log says \"" + text + "\"", seconds(30), [&] { return has_said(text); });
    }
};

// The stream would not bring the changes of what another publication holds.
TEST_F(TargetsReload, KeysOfThePipelineStayAsTheyAre) {
    set_both();
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    source().execute(
        "CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1); "
        "CREATE PUBLICATION " +
        slot() + "_more FOR TABLE other");
    target().execute("CREATE TABLE other (id int PRIMARY KEY)");
    consumer_->set("publications", "[\"" + slot() + "\", \"" + slot() + "_more\"]");
    set_entries(entry("first", target_conninfo()));
    reload();
    wait_until_said("\"publications\" cannot change while the service runs");
    source().execute("DELETE FROM t WHERE id < 100");
    wait_until_all_are_equal();
    EXPECT_EQ(target().value("SELECT count(*) FROM other"), "0");
    source().execute("DROP PUBLICATION " + slot() + "_more");
}

TEST_F(TargetsReload, ATargetKeepsItsName) {
    set_both();
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    set_entries(entry("first", target_conninfo()) + entry("renamed", second_conninfo()));
    reload();
    wait_until_said("target \"second\" is named \"renamed\" now");
    source().execute("DELETE FROM t WHERE id < 100");
    wait_until_all_are_equal();
    EXPECT_EQ(consumer_->terminate(), 0);
    consumer_->start();
    source().execute("DELETE FROM t WHERE id < 200");
    wait_until_all_are_equal();
}

// It has left its changes out meanwhile, although it stood still all the time.
TEST_F(TargetsReload, ATableThatIsTakenOutAndPutBackIsCopiedAgain) {
    set_both("tables = [\"public.t\", \"public.u\"]\n");
    consumer_->init();
    consumer_->start();
    wait_until_all_are_equal();
    Session blocking(second_conninfo());
    blocking.execute("BEGIN; LOCK TABLE t");
    source().execute("UPDATE t SET v = 'new' WHERE id <= 10");
    source().execute("INSERT INTO u SELECT generate_series(100, 200)");
    set_both("tables = [\"public.t\"]\n");
    reload();
    wait_until_said("table \"public.u\" is not among those that the target gets any more");
    blocking.execute("COMMIT");
    wait_until_equal(second_conninfo(), "t");
    set_both("tables = [\"public.t\", \"public.u\"]\n");
    reload();
    wait_until_said("\"public.u\" is published and cannot be copied yet");
    Session(second_conninfo()).execute("TRUNCATE u");
    EXPECT_EQ(consumer_->terminate(), 0);
    consumer_->start();
    wait_until_all_are_equal();
}

// None of them can begin, and the source keeps what it writes.
TEST_F(TargetsReload, TargetsThatCannotBeginDoNotFillTheDiskOfTheSource) {
    set_both();
    consumer_->set("stopped_retry_delay", "\"500ms\"");
    consumer_->init();
    for (const std::string& conninfo : {target_conninfo(), second_conninfo()})
        Session(conninfo).execute("INSERT INTO t VALUES (1, 'of the target')");
    consumer_->start();
    wait_until_said("the target is stopped");
    write_ten_megabytes();
    wait_until_said("the stream begins without the targets that are not ready yet");
    wait_until_source_may_remove_wal();
    for (const std::string& conninfo : {target_conninfo(), second_conninfo()})
        Session(conninfo).execute("TRUNCATE t");
    source().execute("UPDATE t SET v = 'new' WHERE id <= 10");
    wait_until_all_are_equal();
}

}  // namespace
}  // namespace walpack::e2e
