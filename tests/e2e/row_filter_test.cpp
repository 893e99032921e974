// Updates that bring rows into a publication's row filter beside a value that is stored out of
// line: the source sends the row as an insert, without that value unless its old row has it.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class RowFilterBesideToast : public Scenario {
  protected:
    void publish(const std::string& identity) {
        on_both(
            "CREATE TABLE t (id int, wanted bool, big text, PRIMARY KEY (id, wanted)); "
            "ALTER TABLE t ALTER big SET STORAGE EXTERNAL; ALTER TABLE t REPLICA IDENTITY " +
            identity);
        source().execute(
            "INSERT INTO t SELECT g, g > 5, repeat('x', 5000) || g FROM generate_series(1, 10) g; "
            "CREATE PUBLICATION p FOR TABLE t WHERE (wanted); "
            "CREATE PUBLICATION marks FOR TABLE public.mark");
        consumer().set("publications", R"(["p", "marks"])");
        consumer().init();
        consumer().start();
        catch_up();
    }
    void want(int id) {
        source().execute("UPDATE t SET wanted = true WHERE id = " + std::to_string(id));
    }
    std::string rows() {
        return target().value(
            "SELECT string_agg(id || ':' || right(big, 2) || ':' || length(big), ' ' ORDER BY id) "
            "FROM t WHERE id < 6");
    }
};

TEST_F(RowFilterBesideToast, TheOldRowHasTheValueUnderReplicaIdentityFull) {
    publish("FULL");
    want(3);
    catch_up();
    EXPECT_EQ(rows(), "3:x3:5001");
}

TEST_F(RowFilterBesideToast, AValueThatIsNotSentStopsWithTheTableAndTheWayOut) {
    publish("DEFAULT");
    want(3);
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "insert into \"public.t\" lacks the value of column \"big\""));
    EXPECT_TRUE(contains(log, "row filter"));
    EXPECT_TRUE(contains(log, "REPLICA IDENTITY FULL"));
    EXPECT_TRUE(contains(log, "walpack recopy public.t"));
    EXPECT_TRUE(names_an_lsn(log));
    // What the hint says, as it says it.
    const std::string lsn = log.substr(log.rfind("(LSN ") + 5);
    source().execute("ALTER TABLE t REPLICA IDENTITY FULL");
    const Finished skipped = consumer().command("skip", {"--lsn", lsn.substr(0, lsn.find(')'))});
    EXPECT_EQ(skipped.status, 0) << skipped.output;
    consumer().start();
    wait_until_streaming();
    const Finished copied = consumer().command("recopy", {"public.t"});
    EXPECT_EQ(copied.status, 0) << copied.output;
    want(4);
    catch_up();
    EXPECT_TRUE(holds_within(seconds(30), [this] { return rows() == "3:x3:5001 4:x4:5001"; }))
        << rows();
}

TEST_F(RowFilterBesideToast, AValueThatIsNotSentIsARowForTheQuarantine) {
    consumer().set("on_error", toml_text("quarantine"));
    publish("DEFAULT");
    want(3);
    source().execute("INSERT INTO t VALUES (5000, true, 'small')");
    catch_up();
    EXPECT_TRUE(consumer().is_running()) << consumer().log();
    EXPECT_EQ(target().value("SELECT count(*) FROM t WHERE id = 5000"), "1");
    EXPECT_TRUE(contains(target().value("SELECT message FROM walpack.quarantine"),
                         "lacks the value of column \"big\""));
    EXPECT_NE(consumer().command("quarantine", {"retry", "--all"}).status, 0);
    EXPECT_EQ(consumer().command("quarantine", {"edit", "1", "--set", "big=given"}).status, 0);
    const Finished retried = consumer().command("quarantine", {"retry", "--all"});
    EXPECT_EQ(retried.status, 0) << retried.output;
    EXPECT_EQ(rows(), "3:en:5");
}

}  // namespace
}  // namespace walpack::e2e
