// A table without a key is read by several sessions under one snapshot, whose owner waits for those
// that join it. Whoever wants a stronger lock waits for the owner, and the joining ones would wait
// behind that: the server sees no circle.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

struct LockCase {
    const char* name;
    const char* command;
};

class SharedSnapshot : public Scenario, public testing::WithParamInterface<LockCase> {
  protected:
    // Table busy takes one of two workers until the lock is released.
    void SetUp() override {
        Scenario::SetUp();
        on_both(
            "CREATE TABLE keyless (id int, v text); ALTER TABLE keyless REPLICA IDENTITY FULL; "
            "CREATE TABLE busy (id int PRIMARY KEY)");
        source().execute(
            "CREATE INDEX keyless_id ON keyless (id); INSERT INTO busy VALUES (1); "
            "INSERT INTO keyless SELECT g, repeat('k', 200) FROM generate_series(1, 54000) g");
        target().execute(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
            "PERFORM pg_advisory_xact_lock_shared(77); RETURN NEW; END$$; "
            "CREATE TRIGGER hold BEFORE INSERT ON busy FOR EACH ROW EXECUTE FUNCTION hold(); "
            "ALTER TABLE busy ENABLE ALWAYS TRIGGER hold");
        consumer().set("copy_workers", "2");
        consumer().set("copy_chunk_bytes", "\"3MB\"");
        consumer().set("copy_rate_limit", "\"1MB\"");
    }

    std::int64_t locks(const std::string& condition) {
        return source().number(
            "SELECT count(*) FROM pg_locks WHERE relation IN ('keyless'::regclass, "
            "'keyless_id'::regclass) AND mode = 'AccessExclusiveLock' AND " +
            condition);
    }
};

TEST_P(SharedSnapshot, AWaitForAStrongerLockEnds) {
    Session holder = new_target_session();
    holder.execute("SELECT pg_advisory_lock(77)");
    consumer().init();
    consumer().start();
    wait_until("one session is held up, and the other reads the table", seconds(30), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND "
                   "objid = 77 AND NOT granted") == 1 &&
               source().number(
                   "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "
                   "query LIKE 'COPY (SELECT%\"keyless\"%'") > 0;
    });
    Session locking = new_source_session();
    locking.send(GetParam().command);
    wait_until("the command waits", seconds(20), [&] { return locks("NOT granted") == 1; });
    holder.execute("SELECT pg_advisory_unlock(77)");
    wait_until("the command is done", seconds(60), [&] { return locks("true") == 0; });
    locking.finish();
    wait_until_copied();
    catch_up();
    expect_equal();
}

INSTANTIATE_TEST_SUITE_P(Commands, SharedSnapshot,
                         testing::Values(LockCase{"Truncate", "TRUNCATE keyless"},
                                         LockCase{"Reindex", "REINDEX INDEX keyless_id"}),
                         [](const testing::TestParamInfo<LockCase>& info) {
                             return std::string(info.param.name);
                         });

}  // namespace
}  // namespace walpack::e2e
