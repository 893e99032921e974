// Where targets of one slot begin that have their rows already.
#include "targets_scenario.h"

namespace walpack::e2e {
namespace {

class TargetsWithRows : public Targets {};

// One is away when the other one begins.
TEST_F(TargetsWithRows, SeveralThatHaveTheirRowsBeginAtOnePosition) {
    const std::string tables =
        "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY); "
        "INSERT INTO t SELECT g, 'old' FROM generate_series(1, 2000) g; "
        "INSERT INTO u SELECT generate_series(1, 10)";
    target().execute(tables);
    Session(second_conninfo()).execute(tables);
    const std::string second = entry("second", second_conninfo(), "copy = false\n");
    set_entries(entry("first", target_conninfo(), "copy = false\n") + second);
    consumer_->set("tables", "[\"public.t\", \"public.u\"]");
    const Finished made = consumer_->command("init");
    ASSERT_EQ(made.status, 0) << made.output;
    EXPECT_TRUE(contains(made.output, "target \"second\" takes changes from ")) << made.output;
    // As when it was ended before it gave any.
    for (const std::string& conninfo : {target_conninfo(), second_conninfo()})
        Session(conninfo).execute(
            "UPDATE walpack.progress SET applied_lsn = '0/0', copy_complete = false");
    const Finished again = consumer_->command("init");
    ASSERT_EQ(again.status, 0) << again.output;
    EXPECT_TRUE(contains(again.output, "target \"second\" takes changes from ")) << again.output;
    set_both();
    EXPECT_TRUE(contains(consumer_->command("check", {"--only-target", "second"}).output,
                         "the pipeline was set up with copy = false"));
    set_entries(entry("first", target_conninfo(), "copy = false\n") + second);
    source().execute("UPDATE t SET v = 'new' WHERE id <= 100; INSERT INTO u VALUES (11)");
    allow_second(false);
    end_sessions_of_second();
    consumer_->start();
    wait_until("the first one has it", seconds(30),
               [&] { return target().number("SELECT count(*) FROM t WHERE v = 'new'") == 100; });
    source().execute("DELETE FROM t WHERE id > 1500");
    allow_second(true);
    Session other(second_conninfo());
    wait_until("the second one has it", seconds(30),
               [&] { return other.number("SELECT count(*) FROM t") == 1500; });
    EXPECT_EQ(other.number("SELECT count(*) FROM t WHERE v = 'new'"), 100);
    EXPECT_EQ(other.number("SELECT count(*) FROM u"), 11);
    EXPECT_EQ(consumer_->terminate(), 0);
    EXPECT_EQ(consumer_->command("drop", {"--only-target", "second"}).status, 0);
    const Finished joining = consumer_->command("init", {"--only-target", "second"});
    EXPECT_NE(joining.status, 0);
    EXPECT_TRUE(contains(joining.output, "cannot join those that")) << joining.output;
}

}  // namespace
}  // namespace walpack::e2e
