// What the consumer reads about a target table: its key, its other constraints, and what fires on
// it. Batches of rows stand on these facts.
#include "e2e/target_facts.h"

namespace walpack::e2e {
namespace {

TEST_F(TargetFacts, TakesThePrimaryKeyForTheKey) {
    target().execute("CREATE TABLE t (v text NOT NULL UNIQUE, b int, a int, PRIMARY KEY (a, b))");
    EXPECT_EQ(indexes("t"), "a+b* v");
    EXPECT_EQ(read("t").key_columns, (std::vector<std::string>{"a", "b"}));
}

TEST_F(TargetFacts, TakesTheNarrowestPlainIndexForTheKeyWithoutAPrimaryKey) {
    target().execute(
        "CREATE TABLE t (a int NOT NULL, b int NOT NULL, c int NOT NULL, n int UNIQUE, "
        "UNIQUE (a, b), UNIQUE (c))");
    EXPECT_EQ(indexes("t"), "n c* a+b");
    EXPECT_EQ(read("t").key_columns, std::vector<std::string>{"c"});
}

TEST_F(TargetFacts, HasNoIndexesAndNoKeyWithoutAny) {
    target().execute("CREATE TABLE t (id int); CREATE INDEX ON t (id)");
    EXPECT_EQ(indexes("t"), "");
    EXPECT_TRUE(read("t").key_columns.empty());
}

TEST_F(TargetFacts, CallsAUniqueExpressionIndexNotPlain) {
    target().execute(
        "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE UNIQUE INDEX ON t (lower(v)); "
        "CREATE UNIQUE INDEX ON t (id, lower(v))");
    EXPECT_EQ(indexes("t"), "id* () (id)");
}

TEST_F(TargetFacts, CallsAPartialUniqueIndexNotPlain) {
    target().execute(
        "CREATE TABLE t (id int NOT NULL, v text); CREATE UNIQUE INDEX ON t (id) WHERE v = 'x'");
    EXPECT_EQ(indexes("t"), "(id)");
    EXPECT_TRUE(read("t").key_columns.empty());
}

TEST_F(TargetFacts, CallsADeferrableConstraintNotPlain) {
    target().execute(
        "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, v int NOT NULL UNIQUE, "
        "w int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    EXPECT_EQ(indexes("t"), "(id) v* (w)");
}

TEST_F(TargetFacts, CallsAnExclusionConstraintNotPlain) {
    target().execute(
        "CREATE TABLE t (id int PRIMARY KEY, r int4range, EXCLUDE USING gist (r WITH &&), "
        "EXCLUDE (id WITH =))");
    EXPECT_EQ(indexes("t"), "id* (r) (id)");
}

TEST_F(TargetFacts, LeavesIncludedColumnsOutOfAnIndex) {
    target().execute(
        "CREATE TABLE t (id int NOT NULL, v text, w text, PRIMARY KEY (id) INCLUDE (v), "
        "UNIQUE (v) INCLUDE (id, w))");
    EXPECT_EQ(indexes("t"), "id* v");
}

TEST_F(TargetFacts, CallsAnotherCollationOrOperatorClassNotPlain) {
    target().execute(
        "CREATE TABLE t (v text NOT NULL, w text COLLATE \"C\" UNIQUE); "
        "CREATE UNIQUE INDEX ON t (v COLLATE \"POSIX\"); "
        "CREATE UNIQUE INDEX ON t (v text_pattern_ops); CREATE UNIQUE INDEX ON t (v bpchar_ops)");
    EXPECT_EQ(indexes("t"), "w (v) (v) (v)");
    EXPECT_TRUE(read("t").key_columns.empty());
}

TEST_F(TargetFacts, KnowsTheDefaultOperatorClassOfEveryType) {
    target().execute(
        "CREATE TYPE e AS ENUM ('x'); CREATE TYPE pair AS (a int, b int); "
        "CREATE DOMAIN d AS varchar; CREATE DOMAIN dd AS d; "
        "CREATE TABLE t (v varchar UNIQUE, x e UNIQUE, a int[] UNIQUE, r int4range UNIQUE, "
        "p pair UNIQUE, c cidr UNIQUE, d dd UNIQUE, o regclass UNIQUE, b bpchar UNIQUE)");
    EXPECT_EQ(indexes("t"), "v x a r p c d o b");
}

TEST_F(TargetFacts, KnowsAClassThatIsTheDefaultOfAnotherType) {
    if (!is_installable("citext")) GTEST_SKIP() << "there is no citext";
    target().execute(
        "CREATE EXTENSION citext; CREATE TABLE t (c citext NOT NULL UNIQUE); "
        "CREATE UNIQUE INDEX ON t (c text_ops)");
    EXPECT_EQ(indexes("t"), "c* (c)");
}

TEST_F(TargetFacts, CallsAnIndexWithEqualNullsNotPlain) {
    if (target().number("SHOW server_version_num") < 150000) GTEST_SKIP() << "came with 15";
    target().execute(
        "CREATE TABLE t (id int NOT NULL, v int, UNIQUE NULLS NOT DISTINCT (v), "
        "UNIQUE NULLS NOT DISTINCT (id))");
    EXPECT_EQ(indexes("t"), "(v) id*");
}

TEST_F(TargetFacts, CountsAnIndexThatIsNotValidButRefusesRows) {
    target().execute("CREATE TABLE t (id int NOT NULL); CREATE UNIQUE INDEX i ON t (id)");
    target().execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass");
    EXPECT_EQ(indexes("t"), "(id)");
    EXPECT_TRUE(read("t").key_columns.empty());
    target().execute("UPDATE pg_index SET indisready = false WHERE indexrelid = 'i'::regclass");
    EXPECT_EQ(indexes("t"), "");
}

TEST_F(TargetFacts, CountsIndexesThatOnlyAPartitionHas) {
    target().execute(
        "CREATE TABLE t (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); "
        "CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id); "
        "CREATE TABLE lowest PARTITION OF low FOR VALUES FROM (0) TO (5); "
        "CREATE TABLE high PARTITION OF t FOR VALUES FROM (10) TO (20); "
        "CREATE UNIQUE INDEX ON high (v); CREATE UNIQUE INDEX ON low (id, v)");
    EXPECT_EQ(indexes("t"), "id* (v) (id+v)");
    EXPECT_EQ(indexes("low"), "id* id+v");
    EXPECT_EQ(indexes("high"), "id* v");
    EXPECT_EQ(indexes("lowest"), "id* id+v");
}

TEST_F(TargetFacts, LooksUpPartitionsColumnsByTheirOwnNumbers) {
    target().execute(
        "CREATE TABLE t (id int, v text) PARTITION BY RANGE (id); "
        "CREATE TABLE part (gone int, v text UNIQUE, id int); ALTER TABLE part DROP gone; "
        "ALTER TABLE t ATTACH PARTITION part FOR VALUES FROM (0) TO (10)");
    EXPECT_EQ(indexes("t"), "(v)");
}

TEST_F(TargetFacts, CallsAPartitionedIndexNotPlainBeforeAllPartitionsHaveIt) {
    target().execute(
        "CREATE TABLE t (id int NOT NULL) PARTITION BY RANGE (id); "
        "CREATE TABLE part PARTITION OF t FOR VALUES FROM (0) TO (10); "
        "CREATE UNIQUE INDEX whole ON ONLY t (id)");
    EXPECT_EQ(indexes("t"), "(id)");
    target().execute(
        "CREATE UNIQUE INDEX of_part ON part (id); ALTER INDEX whole ATTACH PARTITION of_part");
    EXPECT_EQ(indexes("t"), "id*");
}

TEST_F(TargetFacts, TellsOrdinaryTriggersFromThoseThatAlwaysFire) {
    create_trigger_function();
    for (const char* table : {"none", "ordinary", "disabled", "always", "on_replica"}) {
        target().execute(std::string("CREATE TABLE ") + table + " (id int)");
        if (std::string(table) == "none") continue;
        target().execute(std::string("CREATE TRIGGER g BEFORE INSERT ON ") + table +
                         " FOR EACH ROW EXECUTE FUNCTION f()");
    }
    target().execute(
        "ALTER TABLE disabled DISABLE TRIGGER g; ALTER TABLE always ENABLE ALWAYS TRIGGER g; "
        "ALTER TABLE on_replica ENABLE REPLICA TRIGGER g");
    EXPECT_FALSE(read("none").has_ordinary_triggers);
    EXPECT_TRUE(read("ordinary").has_ordinary_triggers);
    EXPECT_FALSE(read("disabled").has_ordinary_triggers);
    EXPECT_TRUE(read("always").has_ordinary_triggers);
    EXPECT_FALSE(read("on_replica").has_ordinary_triggers);
    EXPECT_FALSE(read("none").has_always_triggers);
    EXPECT_FALSE(read("ordinary").has_always_triggers);
    EXPECT_FALSE(read("disabled").has_always_triggers);
    EXPECT_TRUE(read("always").has_always_triggers);
    EXPECT_TRUE(read("on_replica").has_always_triggers);
}

TEST_F(TargetFacts, CountsTriggersOfPartitionsAndTheirCopies) {
    create_trigger_function();
    target().execute(
        "CREATE TABLE t (id int) PARTITION BY LIST (id); "
        "CREATE TABLE part PARTITION OF t FOR VALUES IN (1); "
        "CREATE TABLE other (id int) PARTITION BY LIST (id); "
        "CREATE TABLE other_part PARTITION OF other FOR VALUES IN (1); "
        "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); "
        "CREATE TRIGGER g AFTER INSERT ON other_part FOR EACH ROW EXECUTE FUNCTION f()");
    EXPECT_TRUE(read("t").has_ordinary_triggers);
    EXPECT_TRUE(read("part").has_ordinary_triggers);
    EXPECT_TRUE(read("other").has_ordinary_triggers);
    target().execute("ALTER TABLE other_part ENABLE ALWAYS TRIGGER g");
    EXPECT_TRUE(read("other").has_always_triggers);
}

TEST_F(TargetFacts, CountsConstraintTriggersButNotThoseOfConstraints) {
    create_trigger_function();
    target().execute(
        "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE); CREATE TABLE u (id int PRIMARY KEY); "
        "CREATE TABLE r (id int REFERENCES u)");
    EXPECT_FALSE(read("t").has_ordinary_triggers);
    EXPECT_FALSE(read("u").has_ordinary_triggers);
    EXPECT_FALSE(read("r").has_ordinary_triggers);
    target().execute(
        "CREATE CONSTRAINT TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()");
    EXPECT_TRUE(read("t").has_ordinary_triggers);
}

// What a foreign key changes fires them as well, however far it is.
TEST_F(TargetFacts, CountsTriggersOfWhatForeignKeysChange) {
    create_trigger_function();
    target().execute(
        "CREATE TABLE top (id int PRIMARY KEY) PARTITION BY RANGE (id); "
        "CREATE TABLE top_1 PARTITION OF top DEFAULT; "
        "CREATE TABLE middle (id int PRIMARY KEY REFERENCES top ON DELETE CASCADE); "
        "CREATE TABLE leaf (id int, middle_id int REFERENCES middle ON UPDATE SET NULL) "
        "PARTITION BY RANGE (id); CREATE TABLE leaf_1 PARTITION OF leaf DEFAULT; "
        "CREATE TABLE beside (id int PRIMARY KEY REFERENCES top)");
    EXPECT_FALSE(read("top").has_ordinary_triggers);
    target().execute("CREATE TRIGGER g BEFORE UPDATE ON beside FOR EACH ROW EXECUTE FUNCTION f()");
    EXPECT_FALSE(read("top").has_ordinary_triggers);
    target().execute("CREATE TRIGGER g BEFORE UPDATE ON leaf_1 FOR EACH ROW EXECUTE FUNCTION f()");
    for (const char* table : {"top", "top_1", "middle", "leaf", "leaf_1", "beside"})
        EXPECT_TRUE(read(table).has_ordinary_triggers) << table;
    target().execute("ALTER TABLE leaf_1 DISABLE TRIGGER g");
    EXPECT_FALSE(read("middle").has_ordinary_triggers);
    target().execute("CREATE RULE r AS ON UPDATE TO leaf DO ALSO SELECT 1");
    EXPECT_TRUE(read("top").has_ordinary_triggers);
    EXPECT_FALSE(read("top").has_always_triggers);
}

TEST_F(TargetFacts, CountsRulesAsTriggers) {
    target().execute("CREATE TABLE t (id int); CREATE RULE r AS ON DELETE TO t DO ALSO SELECT 1");
    EXPECT_TRUE(read("t").has_ordinary_triggers);
    EXPECT_FALSE(read("t").has_always_triggers);
    target().execute("ALTER TABLE t ENABLE REPLICA RULE r");
    EXPECT_FALSE(read("t").has_ordinary_triggers);
    EXPECT_TRUE(read("t").has_always_triggers);
    target().execute("ALTER TABLE t ENABLE ALWAYS RULE r");
    EXPECT_TRUE(read("t").has_ordinary_triggers);
    target().execute("ALTER TABLE t DISABLE RULE r");
    EXPECT_FALSE(read("t").has_ordinary_triggers);
    EXPECT_FALSE(read("t").has_always_triggers);
}

TEST_F(TargetFacts, KnowsBothEndsOfAForeignKey) {
    target().execute(
        "CREATE TABLE alone (id int PRIMARY KEY); CREATE TABLE parent (id int PRIMARY KEY); "
        "CREATE TABLE child (id int REFERENCES parent ON DELETE CASCADE); "
        "CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree)");
    EXPECT_FALSE(read("alone").is_referencing || read("alone").is_referenced);
    EXPECT_FALSE(read("parent").is_referencing);
    EXPECT_TRUE(read("parent").is_referenced);
    EXPECT_TRUE(read("child").is_referencing);
    EXPECT_FALSE(read("child").is_referenced);
    EXPECT_TRUE(read("tree").is_referencing && read("tree").is_referenced);
    EXPECT_EQ(read("child").cascades_from, std::vector<std::uint32_t>{read("parent").oid});
}

TEST_F(TargetFacts, KnowsForeignKeysOfPartitionsAlone) {
    target().execute(
        "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); "
        "CREATE TABLE part PARTITION OF t FOR VALUES IN (1); "
        "CREATE TABLE u (id int PRIMARY KEY) PARTITION BY LIST (id); "
        "CREATE TABLE u_part PARTITION OF u FOR VALUES IN (1); "
        "CREATE TABLE parent (id int PRIMARY KEY); "
        "ALTER TABLE part ADD FOREIGN KEY (id) REFERENCES parent; "
        "CREATE TABLE child (id int REFERENCES u_part)");
    EXPECT_TRUE(read("t").is_referencing);
    EXPECT_FALSE(read("t").is_referenced);
    EXPECT_FALSE(read("u").is_referencing);
    EXPECT_TRUE(read("u").is_referenced);
}

TEST_F(TargetFacts, AreReadForManyTablesAtOnce) {
    target().execute(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (v text NOT NULL UNIQUE); "
        "CREATE TABLE c (id int PRIMARY KEY REFERENCES a)");
    const StopRequest stop;
    Connection connection(Conninfo::parse(conninfo()), stop, "test");
    set_up_target_session(connection);
    const auto found = read_target_tables(
        connection, {{"public", "a"}, {"public", "b"}, {"public", "c"}, {"public", "missing"}});
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(shown(found.at({"public", "a"}).unique_indexes.at(0)), "id*");
    EXPECT_EQ(shown(found.at({"public", "b"}).unique_indexes.at(0)), "v*");
    EXPECT_TRUE(found.at({"public", "a"}).is_referenced);
    EXPECT_TRUE(found.at({"public", "c"}).is_referencing);
}

}  // namespace
}  // namespace walpack::e2e
