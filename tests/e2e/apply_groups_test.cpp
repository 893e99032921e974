// How many transactions of the source share one of the target: as many as the limits of a group
// allow where a backlog is waiting, and one where none is. The rows tell by their xmin.
#include "support/backlog.h"

namespace walpack::e2e {
namespace {

class ApplyGroups : public BacklogScenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY, v text)");
        consumer().set("apply_workers", "1");
    }

    // 300 transactions of 10 rows of about 1 kB.
    void apply_backlog() {
        copy_and_stop();
        each_in_transaction(
            300, "INSERT INTO t SELECT i * 10 + g, repeat('v', 1000) FROM generate_series(0, 9) g");
        expect_backlog_arrives();
    }
    // Rows of the largest, and of the smallest, transaction of the target.
    std::int64_t largest() { return rows("max"); }
    std::int64_t smallest() { return rows("min"); }

  private:
    std::int64_t rows(const std::string& of) {
        return target().number("SELECT " + of +
                               "(n) FROM (SELECT count(*) AS n FROM t GROUP BY xmin::text) g");
    }
};

TEST_F(ApplyGroups, HoldWholeTransactionsUpToTheLimitOfRows) {
    consumer().set("group_rows_max", "50");
    apply_backlog();
    EXPECT_GT(largest(), 10);
    EXPECT_LE(largest(), 60);  // the one that reaches the limit is taken in whole
    EXPECT_EQ(target().number("SELECT count(*) FROM (SELECT FROM t GROUP BY xmin::text HAVING "
                              "count(*) % 10 <> 0) g"),
              0);
}

TEST_F(ApplyGroups, HoldTransactionsUpToTheLimitOfBytes) {
    consumer().set("group_bytes_max", "\"64kB\"");
    apply_backlog();
    EXPECT_GT(largest(), 10);
    EXPECT_LE(largest(), 90);
}

TEST_F(ApplyGroups, WithoutLimitsThatAreMetTakeABacklogInFewTransactions) {
    apply_backlog();
    EXPECT_GE(largest(), 500);
}

TEST_F(ApplyGroups, WithoutGroupingAreOneTransaction) {
    consumer().set("grouping", "false");
    apply_backlog();
    EXPECT_EQ(largest(), 10);
    EXPECT_EQ(smallest(), 10);
}

TEST_F(ApplyGroups, OfAnIdleStreamAreOneTransaction) {
    consumer().init();
    consumer().start();
    catch_up();
    for (int i = 0; i < 8; ++i) {
        source().execute("INSERT INTO t SELECT " + std::to_string(i * 10) +
                         " + g, 'v' FROM generate_series(0, 9) g");
        catch_up();
    }
    EXPECT_EQ(largest(), 10);
    EXPECT_EQ(smallest(), 10);
}

}  // namespace
}  // namespace walpack::e2e
