// One row that the target refused does not slow its table down for ever.
#include "support/backlog.h"

namespace walpack::e2e {
namespace {

class ApplyFailedBatches : public BacklogScenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE o (id int PRIMARY KEY)");
        target().execute("ALTER TABLE t ADD CONSTRAINT small CHECK (n < 1000)");
        // The process stays, and knows.
        consumer().set("stopped_retry_delay", toml_text("200ms"));
        consumer().set("grouping", "false");
        consumer().init();
        target().execute("ALTER DATABASE " + target_database() +
                         " SET log_min_duration_statement = 0");
        consumer().start();
        catch_up();
    }
    void fail_once() {
        source().execute("INSERT INTO t SELECT g, g * 100 FROM generate_series(1, 20) g");
        wait_until("the target stops", seconds(30),
                   [this] { return contains(consumer().log(), "the target is stopped"); });
        target().execute("ALTER TABLE t DROP CONSTRAINT small");
        catch_up();
    }
    bool is_batched() {
        const std::size_t start = target_cluster().log().size();
        source().execute("UPDATE t SET n = n + 1");
        catch_up();
        return contains(target_cluster().log().substr(start), "SET \"n\" = s.v1 FROM");
    }
};

TEST_F(ApplyFailedBatches, ATableGoesInBatchesAgainAfterAWhile) {
    EXPECT_FALSE(is_batched()) << "it has no rows yet";
    fail_once();
    EXPECT_FALSE(is_batched());
    each_in_transaction(100, "INSERT INTO o VALUES (i)");
    catch_up();
    EXPECT_TRUE(contains(consumer().log(), "changes of \"public.t\" go in batches again"));
    EXPECT_TRUE(is_batched());
    expect_equal();
}

}  // namespace
}  // namespace walpack::e2e
