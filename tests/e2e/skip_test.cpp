// `walpack skip` leaves exactly one transaction out, once, and says so for ever.
#include "control_scenario.h"
#include "support/random.h"

namespace walpack::e2e {
namespace {

class Skip : public ControlScenario {
  protected:
    // The pipeline stops at it; returns where it commits, as the error says.
    std::string stop_at_conflict() {
        target().execute("INSERT INTO t VALUES (7, 'local')");
        source().execute("INSERT INTO t VALUES (1, 'before')");
        source().execute(
            "BEGIN; INSERT INTO t VALUES (6, 'skipped'), (7, 'skipped'); "
            "INSERT INTO other VALUES (1); COMMIT");
        source().execute("INSERT INTO t VALUES (20, 'after')");
        const std::string log = expect_refusal();
        const auto found = log.rfind("(LSN ");
        return log.substr(found + 5, log.find(')', found) - found - 5);
    }
    void expect_left_out() {
        consumer().start();
        catch_up();
        EXPECT_EQ(rows("v = 'skipped'"), "0");
        EXPECT_EQ(rows("v = 'before'"), "1");
        EXPECT_EQ(rows("v = 'after'"), "1");
        EXPECT_EQ(target().value("SELECT count(*) FROM other"), "0");
        EXPECT_EQ(requests(), "skip done 3 {public.other,public.t}");
    }
};

TEST_F(Skip, TheTransactionThatAnErrorNamesIsLeftOut) {
    start();
    const std::string lsn = stop_at_conflict();
    EXPECT_EQ(lsn, places()[places().size() - 2].commit_lsn);
    expect_skip(lsn);
    EXPECT_TRUE(
        contains(consumer().command("status").output, "to skip       the transaction at " + lsn));
    expect_left_out();
    EXPECT_TRUE(contains(consumer().log(), "is left out as requested: 3 rows"));
    EXPECT_EQ(target().value("SELECT requested_by = current_user AND done_at > requested_at AND "
                             "committed_at < requested_at AND xid > 0 AND commit_lsn = " +
                             literal(lsn) + " AND end_lsn > commit_lsn FROM walpack.request"),
              "t");
}

// However long that is stopped for.
TEST_F(Skip, ATargetThatIsStoppedGoesOnAtOnce) {
    consumer().set("stopped_retry_delay", "\"1h\"");
    start();
    target().execute("INSERT INTO t VALUES (7, 'local')");
    source().execute("INSERT INTO t VALUES (7, 'skipped')");
    const std::string lsn = places().back().commit_lsn;
    wait_until("the target is stopped", seconds(20),
               [&] { return consumer().log().find("the target is stopped") != std::string::npos; });
    source().execute("INSERT INTO t VALUES (20, 'after')");
    expect_skip(lsn);
    catch_up(seconds(20));
    EXPECT_EQ(rows("v = 'skipped'"), "0");
    EXPECT_EQ(rows("v = 'after'"), "1");
}

TEST_F(Skip, TheEndOfTheTransactionNamesItAsWell) {
    start();
    (void)stop_at_conflict();
    const Place place = places()[places().size() - 2];
    expect_skip(place.end_lsn);
    expect_left_out();
    EXPECT_EQ(target().value("SELECT lsn = " + literal(place.end_lsn) + " AND commit_lsn = " +
                             literal(place.commit_lsn) + " FROM walpack.request"),
              "t");
}

TEST_F(Skip, AStreamedTransactionIsLeftOut) {
    source().execute("ALTER DATABASE " + source_database() +
                     " SET logical_decoding_work_mem = '64kB'");
    consumer().set("streaming", "true");
    start();
    EXPECT_EQ(consumer().terminate(), 0);
    source().execute("INSERT INTO t VALUES (1, 'before')");
    const Place place = place_of(
        "INSERT INTO t SELECT g, 'skipped' || repeat('.', 50) FROM generate_series(10, 5000) g");
    source().execute("INSERT INTO t VALUES (2, 'after')");
    expect_skip(place.commit_lsn);
    consumer().start();
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(v, ',' ORDER BY id) FROM t"), "before,after");
    EXPECT_EQ(requests(), "skip done 4991 {public.t}");
}

TEST_F(Skip, ALaterTransactionIsLeftOutOfOneBacklog) {
    start();
    EXPECT_EQ(consumer().terminate(), 0);
    std::vector<Place> made;
    for (int id = 1; id <= 9; ++id)
        made.push_back(place_of("INSERT INTO t VALUES (" + std::to_string(id) + ", 'v')"));
    source().execute("UPDATE t SET v = 'changed' WHERE id = 9");
    expect_skip(made[3].commit_lsn);
    expect_skip(made[6].end_lsn);
    consumer().start();
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ',' ORDER BY id) FROM t"),
              "1,2,3,5,6,8,9");
    EXPECT_EQ(rows("v = 'changed'"), "1");
}

TEST_F(Skip, TheLastTransactionIsFoundByItsEnd) {
    start();
    EXPECT_EQ(consumer().terminate(), 0);
    const Place place = place_of("INSERT INTO t VALUES (1, 'skipped')");
    expect_skip(place.end_lsn);
    consumer().start();
    wait_until("it is left out", seconds(20),
               [&] { return requests() == "skip done 1 {public.t}"; });
    source().execute("INSERT INTO t VALUES (2, 'after')");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(v, ',') FROM t"), "after");
}

TEST_F(Skip, TablesForRequestsAreMadeWhereTheyAreMissing) {
    start();
    EXPECT_EQ(consumer().terminate(), 0);
    target().execute("DROP TABLE walpack.request, walpack.held_transaction");
    consumer().start();
    catch_up();
    wait_until("they are there", seconds(20), [&] {
        return target().number(
                   "SELECT count(*) FROM pg_tables WHERE schemaname = 'walpack' "
                   "AND tablename IN ('request', 'held_transaction')") == 2;
    });
    EXPECT_EQ(consumer().terminate(), 0);
    target().execute("DROP TABLE walpack.request, walpack.held_transaction");
    const Place place = place_of("INSERT INTO t VALUES (1, 'skipped')");
    expect_skip(place.commit_lsn);
    consumer().start();
    catch_up();
    EXPECT_EQ(requests(), "skip done 1 {public.t}");
    EXPECT_EQ(consumer().terminate(), 0);
    EXPECT_EQ(consumer().command("drop").status, 0);
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_namespace WHERE nspname = 'walpack'"), "0");
}

TEST_F(Skip, ARunningPipelineTakesItUp) {
    consumer().set("hold_transaction_over_rows", "2");
    start();
    const Place held = place_of("INSERT INTO t VALUES (1, 'a'), (2, 'a'), (3, 'a')");
    const Place skipped = place_of("INSERT INTO t VALUES (4, 'skipped')");
    source().execute("INSERT INTO t VALUES (5, 'after')");
    wait_until_held(held);
    expect_skip(skipped.commit_lsn);
    expect_release();
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(id::text, ',' ORDER BY id) FROM t"), "1,2,3,5");
}

TEST_F(Skip, WhatCannotBeLeftOutIsRefused) {
    start();
    const Place applied = place_of("INSERT INTO t VALUES (1, 'v')");
    catch_up();
    expect_refused(skip(applied.commit_lsn), "before the applied position");
    expect_refused(skip("nonsense"), "not an LSN");
    expect_refused(skip("0/0"), "not an LSN");
    expect_refused(skip("FFFF/0"), "behind everything");
    expect_refused(consumer().command("skip"), "takes the LSN");
    EXPECT_EQ(requests(), "");
}

TEST_F(Skip, AnLsnAtWhichNothingCommitsLeavesNothingOut) {
    start();
    EXPECT_EQ(consumer().terminate(), 0);
    const Place place = place_of("INSERT INTO t VALUES (1, 'v')");
    source().execute("INSERT INTO t VALUES (2, 'v')");
    const std::string inside =
        source().value("SELECT (" + literal(place.commit_lsn) + "::pg_lsn + 8)::text");
    expect_skip(inside);
    consumer().start();
    catch_up();
    expect_equal();
    EXPECT_EQ(requests(), "skip refused");
    EXPECT_TRUE(contains(consumer().log(), "no transaction commits or ends there"));
}

TEST_F(Skip, TheRestArrivesOnceWhoeverIsKilled) {
    start();
    EXPECT_EQ(consumer().terminate(), 0);
    Random random(41);
    std::vector<std::string> left_out;
    for (int id = 1; id <= 60; ++id) {
        const Place place = place_of("INSERT INTO t SELECT g, " + literal(std::to_string(id)) +
                                     " FROM generate_series(" + std::to_string(id * 100) + ", " +
                                     std::to_string(id * 100 + 20) + ") g");
        if (random.between(0, 6) != 0) continue;
        expect_skip(random.between(0, 1) == 0 ? place.commit_lsn : place.end_lsn);
        left_out.push_back(std::to_string(id));
    }
    left_out.push_back("none");
    consumer().set("group_time_max", "\"1ms\"");
    consumer().set("apply_workers", "2");
    for (int kill = 0; kill < 8; ++kill) {
        consumer().start();
        std::this_thread::sleep_for(milliseconds(random.between(50, 600)));
        consumer().kill();
    }
    consumer().start();
    catch_up();
    std::string list;
    for (const std::string& each : left_out) list += (list.empty() ? "" : ",") + literal(each);
    consumer().kill();
    source().execute("DELETE FROM t WHERE v IN (" + list + ")");
    EXPECT_EQ(target().value("SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM t"),
              source().value("SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM t"));
    EXPECT_EQ(target().number("SELECT count(*) FROM walpack.request WHERE state = 'done'"),
              static_cast<std::int64_t>(left_out.size()) - 1);
}

// While tables are copied, one that is complete lacks the transaction, and the copy of the others
// is not disturbed.
TEST_F(Skip, TheCopyOfOtherTablesGoesOn) {
    on_both("CREATE TABLE large (id int PRIMARY KEY, v text)");
    source().execute(
        "INSERT INTO large SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g");
    consumer().set("copy_chunk_bytes", "65536");
    consumer().set("copy_rate_limit", "300000");
    consumer().init();
    source().execute("SELECT pg_create_logical_replication_slot('places_" + pipeline() +
                     "', 'walpack')");
    consumer().start();
    wait_until("the small table is complete", seconds(30), [&] {
        return !target().value("SELECT to_regclass('walpack.copy_table')").empty() &&
               target().value("SELECT state FROM walpack.copy_table WHERE table_name = 't'") ==
                   "ready";
    });
    consumer().kill();
    const Place place = place_of(
        "BEGIN; INSERT INTO t VALUES (1, 'skipped'); "
        "UPDATE large SET v = 'updated' WHERE id BETWEEN 19000 AND 19100; COMMIT");
    source().execute(
        "INSERT INTO t VALUES (2, 'after'); "
        "UPDATE large SET v = 'later' WHERE id BETWEEN 1 AND 100 OR id > 19050");
    expect_skip(place.commit_lsn);
    consumer().start();
    std::this_thread::sleep_for(milliseconds(700));
    consumer().kill();  // what is kept for chunks comes again
    consumer().set("copy_rate_limit", "0");
    consumer().start();
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(v, ',') FROM t"), "after");
    // What only that transaction changed is as the snapshot of its chunk has it.
    const std::string others =
        "SELECT md5(string_agg(x::text, ',' ORDER BY id)) FROM large x "
        "WHERE id NOT BETWEEN 19000 AND 19050";
    EXPECT_EQ(target().value(others), source().value(others));
    EXPECT_EQ(target().value("SELECT count(*) FROM large"), "20000");
    EXPECT_EQ(target().value("SELECT count(*) FROM large WHERE id BETWEEN 19000 AND 19050 "
                             "AND v NOT IN ('updated', repeat('x', 100))"),
              "0");
}

}  // namespace
}  // namespace walpack::e2e
