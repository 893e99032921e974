// Where someone can see the order of the changes, it is the source's: triggers that fire for
// applied rows see each change by itself and all others before or after it, foreign keys that are
// checked hold at every moment.
#include "support/backlog.h"

namespace walpack::e2e {
namespace {

class ApplyOrder : public BacklogScenario, public ::testing::WithParamInterface<int> {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        consumer().set("apply_workers", std::to_string(GetParam()));
        if (GetParam() > 1) consumer().set("group_rows_max", "100");
    }

    // `timing`: as in CREATE TRIGGER. What the trigger writes is not compared with the source,
    // which has the same trigger.
    void watch(const std::string& table, const std::string& timing) {
        on_both(
            "CREATE UNLOGGED TABLE seen (n bigserial, what text); CREATE FUNCTION see() RETURNS "
            "trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen (what) VALUES "
            "(concat_ws(' ', TG_OP, OLD.id, OLD.v, '->', NEW.id, NEW.v, 'others', (SELECT "
            "sum(n) FROM public.other))); RETURN COALESCE(NEW, OLD); END $$; "
            "CREATE TRIGGER see " +
            timing + " INSERT OR UPDATE OR DELETE ON " + table +
            " FOR EACH ROW EXECUTE FUNCTION see()");
        target().execute("ALTER TABLE " + table + " ENABLE ALWAYS TRIGGER see");
        consumer().set("tables", "[\"public.t\", \"public.other\", \"public.mark\"]");
    }
    // In order, with gaps in n where something was undone.
    void expect_same_seen() {
        const std::string seen =
            "SELECT count(*) || ' ' || md5(string_agg(what, E'\\n' ORDER BY n)) FROM seen";
        EXPECT_EQ(target().value(seen), source().value(seen));
        EXPECT_GT(target().number("SELECT count(*) FROM seen"), 100);
    }
};

// Attached, its rows come as those of the root; the batch of those began before its own.
TEST_P(ApplyOrder, RowsOfAPartitionAreInOrderWhereItIsAttachedAndDetached) {
    on_both(
        "CREATE TABLE p (id int, k int, v int, PRIMARY KEY (id, k)) PARTITION BY LIST (k); "
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); "
        "CREATE TABLE p2 (id int NOT NULL, k int NOT NULL, v int, PRIMARY KEY (id, k))");
    source().execute(
        "INSERT INTO p SELECT g, 1, 0 FROM generate_series(1, 50) g; "
        "INSERT INTO p2 SELECT g, 2, 0 FROM generate_series(1, 50) g; "
        "CREATE PUBLICATION " +
        slot() + " FOR ALL TABLES WITH (publish_via_partition_root)");
    copy_and_stop();
    const char* const attach = "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2)";
    source().execute("UPDATE p SET v = 1 WHERE id = 1");
    source().execute("UPDATE p2 SET v = v + id WHERE id < 20");
    source().execute(attach);
    source().execute("UPDATE p SET v = v + 100 WHERE k = 2 AND id < 30");
    source().execute("ALTER TABLE p DETACH PARTITION p2");
    source().execute("UPDATE p2 SET v = v * 2 WHERE id > 5");
    source().execute("UPDATE p SET id = -id WHERE id = 7; UPDATE p2 SET v = v + 1");
    source().execute(attach);
    source().execute("UPDATE p SET v = v * 3");
    target().execute(attach);
    consumer().start();
    catch_up();
    const char* const rows =
        "SELECT string_agg(concat_ws(' ', id, k, v), ', ' ORDER BY id, k) FROM p";
    EXPECT_EQ(target().value(rows), source().value(rows));
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
}

TEST_P(ApplyOrder, PartitionsWithDifferentReplicaIdentities) {
    on_both(
        "CREATE TABLE p (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k); "
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); "
        "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); "
        "CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3)");
    source().execute(
        "ALTER TABLE p1 REPLICA IDENTITY FULL; "
        "INSERT INTO p SELECT g, g % 3 + 1, 'v' FROM generate_series(1, 300) g; "
        "CREATE PUBLICATION " +
        slot() + " FOR ALL TABLES WITH (publish_via_partition_root)");
    copy_and_stop();
    each_in_transaction(300,
                        "UPDATE p SET v = v || i WHERE id = i; UPDATE p SET k = k % 3 + 1 WHERE "
                        "id = i - 1; UPDATE p SET id = -id WHERE id = i - 9 AND id % 5 = 0; "
                        "DELETE FROM p WHERE id = i - 30 AND id % 7 = 0; "
                        "INSERT INTO p VALUES (i, i % 3 + 1, 'again') ON CONFLICT DO NOTHING");
    consumer().start();
    catch_up();
    expect_equal();
    EXPECT_FALSE(contains(consumer().log(), "row by row"));
    EXPECT_FALSE(contains(consumer().log(), "trying again"));
}

TEST_P(ApplyOrder, AnAlwaysTriggerFiresOnceForEachChangeInOrder) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE other (n int)");
    watch("t", "AFTER");
    copy_and_stop();
    each_in_transaction(200,
                        "INSERT INTO t VALUES (i % 40, 'a') ON CONFLICT (id) DO UPDATE SET v ="
                        " 'b' || i; UPDATE t SET v = v || '.' WHERE id = i % 40; INSERT INTO "
                        "other VALUES (i); DELETE FROM t WHERE id = i * 7 % 40; UPDATE t SET "
                        "id = id + 100 WHERE id = i * 11 % 40 AND i % 3 = 0 AND NOT EXISTS "
                        "(SELECT FROM t WHERE id = i * 11 % 40 + 100)");
    source().execute(
        "INSERT INTO t SELECT g, 'many' FROM generate_series(1000, 1500) g; "
        "INSERT INTO other VALUES (1000); UPDATE t SET v = 'all'; "
        "INSERT INTO other SELECT g FROM generate_series(1, 50) g; DELETE FROM t "
        "WHERE id % 3 = 0");
    expect_backlog_arrives();
    expect_same_seen();
}

TEST_P(ApplyOrder, ABeforeTriggerOfAPartitionFiresAsWell) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
    target().execute(
        "CREATE TABLE t (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); "
        "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (1000000)");
    on_both("CREATE TABLE other (n int)");
    watch("t", "BEFORE");
    target().execute(
        "DROP TRIGGER see ON t; CREATE TRIGGER see BEFORE INSERT OR UPDATE OR DELETE "
        "ON t_1 FOR EACH ROW EXECUTE FUNCTION see(); ALTER TABLE t_1 ENABLE ALWAYS "
        "TRIGGER see");
    copy_and_stop();
    each_in_transaction(200,
                        "INSERT INTO t VALUES (i, 'a'); UPDATE t SET v = 'b' WHERE id = i; "
                        "INSERT INTO other VALUES (i); UPDATE t SET v = 'c' WHERE id <= i AND "
                        "id > i - 5; DELETE FROM t WHERE id = i - 10");
    consumer().start();
    catch_up();
    expect_same_seen();
}

TEST_P(ApplyOrder, AnOrdinaryTriggerThatFiresSeesEveryChangeInOrder) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE other (n int)");
    watch("t", "AFTER");
    target().execute("ALTER TABLE t ENABLE TRIGGER see; ALTER FUNCTION see() SECURITY DEFINER");
    use_table_owner({"t", "other"});
    copy_and_stop();
    each_in_transaction(
        300,
        "INSERT INTO other VALUES (i); INSERT INTO t VALUES (i, 'a'); UPDATE t SET v = "
        "v || i WHERE id > i - 4; DELETE FROM t WHERE id = i - 3");
    expect_backlog_arrives();
    expect_same_seen();
}

// A delete of the parent is one of notes to their trigger, which the source knows nothing of.
TEST_P(ApplyOrder, ATriggerBehindACascadeSeesTheOtherTablesAsTheyWere) {
    on_both("CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE other (n bigint)");
    target().execute(
        "CREATE TABLE notes (id int PRIMARY KEY REFERENCES parent ON DELETE CASCADE); "
        "CREATE TABLE seen (id int, n bigint); CREATE FUNCTION see() RETURNS trigger LANGUAGE "
        "plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO public.seen VALUES (OLD.id, (SELECT "
        "sum(n) FROM public.other)); RETURN OLD; END $$; CREATE TRIGGER see AFTER DELETE ON notes "
        "FOR EACH ROW EXECUTE FUNCTION see()");
    source().execute("INSERT INTO parent SELECT g, 'p' FROM generate_series(1, 300) g");
    use_table_owner({"parent", "notes", "other"});
    copy_and_stop();
    target().execute("INSERT INTO notes SELECT id FROM parent");
    each_in_transaction(300,
                        "INSERT INTO other VALUES (i); DELETE FROM parent WHERE id = i; "
                        "INSERT INTO other VALUES (1000000)");
    consumer().start();
    catch_up();
    EXPECT_EQ(target().value("SELECT count(*) FROM seen"), "300");
    EXPECT_EQ(
        target().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM seen WHERE n <> id * "
                       "(id + 1) / 2 + (id - 1) * 1000000"),
        "");
}

TEST_P(ApplyOrder, ForeignKeysHoldWhereTheyAreChecked) {
    on_both(
        "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (id int PRIMARY "
        "KEY, parent_id int NOT NULL REFERENCES parent, v text)");
    use_table_owner({"parent", "child"});
    copy_and_stop();
    each_in_transaction(500,
                        "INSERT INTO parent VALUES (i, 'p'); INSERT INTO child VALUES (i, i, "
                        "'c'), (i + 1000, i, 'c'); UPDATE child SET parent_id = i WHERE "
                        "parent_id = i - 3; DELETE FROM parent WHERE id = i - 3; "
                        "UPDATE parent SET v = 'changed' WHERE id = i - 1");
    source().execute(
        "BEGIN; DELETE FROM child WHERE id % 3 = 0; INSERT INTO parent SELECT g, 'x' "
        "FROM generate_series(2000, 2500) g; INSERT INTO child SELECT g, g, 'x' FROM "
        "generate_series(2000, 2500) g; DELETE FROM child WHERE id BETWEEN 2000 AND "
        "2100; DELETE FROM parent WHERE id BETWEEN 2000 AND 2100; COMMIT");
    expect_backlog_arrives();
}

TEST_P(ApplyOrder, DeferredForeignKeysMayBeBrokenWithinATransaction) {
    on_both(
        "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (id int PRIMARY "
        "KEY, parent_id int NOT NULL REFERENCES parent DEFERRABLE INITIALLY DEFERRED, other int "
        "REFERENCES child DEFERRABLE INITIALLY DEFERRED)");
    use_table_owner({"parent", "child"});
    copy_and_stop();
    each_in_transaction(500,
                        "INSERT INTO child VALUES (i * 2, i, i * 2 + 1); INSERT INTO child "
                        "VALUES (i * 2 + 1, i, i * 2); INSERT INTO parent VALUES (i, 'p'); "
                        "DELETE FROM parent WHERE id = i - 10; DELETE FROM child WHERE "
                        "parent_id = i - 10");
    expect_backlog_arrives();
}

TEST_P(ApplyOrder, CascadesHappenOnce) {
    on_both(
        "CREATE TABLE parent (id int PRIMARY KEY, v text); "
        "CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent ON DELETE "
        "CASCADE); CREATE TABLE grandchild (id int PRIMARY KEY, child_id int REFERENCES child "
        "ON DELETE CASCADE); CREATE TABLE friend (id int PRIMARY KEY, parent_id int REFERENCES "
        "parent ON DELETE SET NULL ON UPDATE CASCADE)");
    use_table_owner({"parent", "child", "grandchild", "friend"});
    copy_and_stop();
    each_in_transaction(300,
                        "INSERT INTO parent VALUES (i, 'p'); INSERT INTO child VALUES (i * 2, "
                        "i), (i * 2 + 1, i); INSERT INTO grandchild VALUES (i, i * 2); INSERT "
                        "INTO friend VALUES (i, i); DELETE FROM parent WHERE id = i - 2 AND i "
                        "% 3 > 0; DELETE FROM child WHERE parent_id = i - 4; UPDATE friend SET "
                        "parent_id = i WHERE id = i - 1");
    source().execute(
        "DELETE FROM parent WHERE id % 2 = 0; INSERT INTO parent SELECT g, 'again' FROM "
        "generate_series(2, 100, 2) g ON CONFLICT DO NOTHING");
    expect_backlog_arrives();
}

TEST_P(ApplyOrder, ARuleOfTheTargetSeesEveryChange) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text)");
    target().execute(
        "CREATE UNLOGGED TABLE seen (n bigserial, id int, v text); CREATE RULE see AS "
        "ON UPDATE TO t DO ALSO INSERT INTO seen (id, v) VALUES (NEW.id, NEW.v); "
        "ALTER TABLE t ENABLE ALWAYS RULE see");
    source().execute("INSERT INTO t SELECT g, 'v' FROM generate_series(1, 20) g");
    copy_and_stop();
    each_in_transaction(100, "UPDATE t SET v = 'v' || i WHERE id = i % 20 + 1");
    source().execute("UPDATE t SET v = 'all'");
    expect_backlog_arrives();
    EXPECT_EQ(target().value("SELECT count(*) FROM seen"), "120");
    EXPECT_EQ(target().value("SELECT count(*) FROM (SELECT v, row_number() OVER (ORDER BY n) AS i "
                             "FROM seen) s WHERE i <= 100 AND v <> 'v' || i"),
              "0");
}

INSTANTIATE_TEST_SUITE_P(, ApplyOrder, ::testing::Values(1, 4), [](const auto& parameter) {
    return parameter.param == 1 ? "OneWorker" : "FourWorkers";
});

}  // namespace
}  // namespace walpack::e2e
