// The target's tables are altered while changes arrive: the consumer finds out and goes on.
#include <atomic>
#include <csignal>
#include <thread>

#include "support/backlog.h"

namespace walpack::e2e {
namespace {

// Changes table t all the time: inserts, updates and deletes, one to many rows each.
class Changes {
  public:
    explicit Changes(const std::string& conninfo)
        : conninfo_(conninfo), thread_([this] { write(); }) {}
    ~Changes() { stop(); }
    Changes(const Changes&) = delete;
    Changes& operator=(const Changes&) = delete;

    void stop() {
        is_stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::int64_t committed() const { return committed_; }

  private:
    void write() {
        Session session(conninfo_);
        for (int i = 1; !is_stopping_; ++i) {
            const std::string id = std::to_string(i * 20);
            session.execute("INSERT INTO t SELECT " + id + " + g, 0, 'v' || " + id +
                            " + g FROM generate_series(0, 19) g");
            session.execute("UPDATE t SET n = n + 1 WHERE id = " + id);
            session.execute("UPDATE t SET n = n + 1 WHERE id > " + id + " - 40");
            session.execute("DELETE FROM t WHERE id <= " + id + " - 2000 OR id = " + id + " - 3");
            committed_ += 4;
        }
    }

    std::string conninfo_;
    std::atomic<bool> is_stopping_{false};
    std::atomic<std::int64_t> committed_{0};
    std::thread thread_;
};

class ApplyTargetDdl : public BacklogScenario, public ::testing::WithParamInterface<int> {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        consumer().set("apply_workers", std::to_string(GetParam()));
        if (GetParam() > 1) consumer().set("group_rows_max", "60");
        on_both("CREATE TABLE t (id int PRIMARY KEY, n int, v text); CREATE INDEX t_n ON t (n)");
        consumer().init();
        consumer().start();
        catch_up();
    }

    // Each of the statements while changes arrive; at the end both are equal.
    void expect_goes_on(const std::vector<std::string>& statements) {
        Changes changes(source_conninfo());
        for (const std::string& sql : statements) {
            const std::int64_t before = changes.committed();
            wait_until("changes are committed", seconds(60),
                       [&] { return changes.committed() >= before + 200; });
            target().execute(sql);
            ASSERT_FALSE(consumer().has_given_up()) << "after " << sql;
        }
        const std::int64_t before = changes.committed();
        wait_until("changes are committed", seconds(60),
                   [&] { return changes.committed() >= before + 200; });
        changes.stop();
        expect_caught_up();
    }
};

TEST_P(ApplyTargetDdl, ColumnsAreAddedAndDropped) {
    expect_goes_on({"ALTER TABLE t ADD extra text DEFAULT 'kept'",
                    "ALTER TABLE t ADD number serial, ADD at timestamptz NOT NULL DEFAULT now()",
                    "ALTER TABLE t DROP number"});
    EXPECT_EQ(target().value("SELECT count(*) FROM t WHERE extra IS DISTINCT FROM 'kept'"), "0");
}

TEST_P(ApplyTargetDdl, TypesBecomeWider) {
    expect_goes_on({"ALTER TABLE t ALTER n TYPE bigint", "ALTER TABLE t ALTER id TYPE bigint",
                    "ALTER TABLE t ALTER n TYPE numeric",
                    "ALTER TABLE t ALTER v TYPE varchar(90)"});
}

TEST_P(ApplyTargetDdl, IndexesComeAndGo) {
    expect_goes_on({"DROP INDEX t_n", "CREATE INDEX t_n ON t (n, v)",
                    "CREATE INDEX CONCURRENTLY t_v ON t (v)",
                    "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id)"});
}

TEST_P(ApplyTargetDdl, ASecondUniqueIndexIsAdded) {
    expect_goes_on({"CREATE UNIQUE INDEX t_v ON t (v)", "CREATE UNIQUE INDEX t_id_n ON t (id, n)"});
}

TEST_P(ApplyTargetDdl, TheTableIsReplacedByACopy) {
    expect_goes_on({"BEGIN; ALTER TABLE t RENAME TO away; ALTER TABLE away RENAME TO t; COMMIT",
                    "BEGIN; LOCK TABLE t; CREATE TABLE copy (LIKE t INCLUDING ALL); INSERT INTO "
                    "copy SELECT * FROM t; ALTER TABLE t RENAME TO old; ALTER TABLE copy RENAME TO "
                    "t; DROP TABLE old; COMMIT"});
}

constexpr const char* kCountInOneRow =
    "CREATE UNLOGGED TABLE counted (n bigint); INSERT INTO counted VALUES (0); "
    "CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE "
    "public.counted SET n = n + 1; RETURN NULL; END $$; CREATE TRIGGER count_it AFTER INSERT OR "
    "UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION count_it(); "
    "ALTER TABLE t ENABLE ALWAYS TRIGGER count_it";

// Every transaction then takes the same row, also those that had nothing in common before.
TEST_P(ApplyTargetDdl, ATriggerThatCountsInOneRowIsAdded) {
    expect_goes_on({kCountInOneRow});
}

// The consumer knows the table as it was, and finds many transactions to apply side by side.
TEST_P(ApplyTargetDdl, ATriggerThatCountsInOneRowIsAddedBeforeABacklogComes) {
    source().execute("INSERT INTO t VALUES (-1, 0, 'v')");
    catch_up();
    kill(consumer().pid(), SIGSTOP);
    each_in_transaction(3000, "INSERT INTO t VALUES (i, 0, 'v')");
    target().execute(kCountInOneRow);
    kill(consumer().pid(), SIGCONT);
    expect_caught_up();
    EXPECT_EQ(target().value("SELECT n FROM counted"), "3000");
}

// The same with a unique index whose values wander from row to row.
TEST_P(ApplyTargetDdl, ASecondUniqueIndexIsAddedBeforeABacklogComes) {
    source().execute("INSERT INTO t SELECT g, g, 'v' FROM generate_series(1, 50) g");
    catch_up();
    kill(consumer().pid(), SIGSTOP);
    each_in_transaction(500,
                        "UPDATE t SET n = -1 WHERE n = i % 50 + 1; COMMIT; UPDATE t SET n = i % 50 "
                        "+ 1 WHERE n = (i + 1) % 50 + 1; COMMIT; UPDATE t SET n = (i + 1) % 50 + 1 "
                        "WHERE n = -1");
    target().execute("CREATE UNIQUE INDEX t_places ON t (n)");
    kill(consumer().pid(), SIGCONT);
    expect_caught_up();
}

INSTANTIATE_TEST_SUITE_P(, ApplyTargetDdl, ::testing::Values(1, 4), [](const auto& parameter) {
    return parameter.param == 1 ? "OneWorker" : "FourWorkers";
});

}  // namespace
}  // namespace walpack::e2e
