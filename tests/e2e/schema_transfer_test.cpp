// init makes on the target what the published tables need of the source's structure; what comes
// after the rows is worked off from walpack.post_data; then both ends have the same definitions.
#include <cstdlib>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/stop_request.h"
#include "pg/connection.h"
#include "structure/post_data.h"
#include "support/scenario.h"
#include "support/scratch.h"

namespace walpack::e2e {
namespace {

constexpr const char* kShop = R"(
CREATE SCHEMA shop;
CREATE EXTENSION citext SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'ok');
CREATE DOMAIN shop.positive AS int CHECK (VALUE > 0);
CREATE TYPE shop.pair AS (a int, b text);
CREATE TYPE shop.span AS RANGE (subtype = int4);
CREATE FUNCTION shop.seven() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7';
CREATE FUNCTION shop.is_even(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 % 2 = 0';
CREATE FUNCTION shop.unneeded() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE SEQUENCE shop.free_number;
CREATE TABLE shop.customer (
    id serial PRIMARY KEY, m shop.mood DEFAULT 'ok', p shop.positive, c shop.pair, s shop.span,
    n int DEFAULT shop.seven(), e int CHECK (shop.is_even(e)), mail shop.citext UNIQUE,
    g int GENERATED ALWAYS AS (e * 2) STORED, f int DEFAULT nextval('shop.free_number'),
    boss int REFERENCES shop.customer);
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer int NOT NULL REFERENCES shop.customer ON DELETE CASCADE, t text,
    EXCLUDE USING gist (int4range(customer, customer + 1) WITH &&) WHERE (customer < 0));
ALTER TABLE shop.orders ALTER t SET STORAGE EXTERNAL;
CREATE TABLE shop.item (
    id int PRIMARY KEY, orders bigint REFERENCES shop.orders DEFERRABLE INITIALLY DEFERRED,
    old_check int);
ALTER TABLE shop.item ADD CONSTRAINT late CHECK (old_check > 0) NOT VALID;
CREATE INDEX orders_part ON shop.orders (customer) WHERE t IS NOT NULL;
CREATE INDEX orders_expr ON shop.orders (lower(t));
CREATE UNIQUE INDEX orders_unique ON shop.orders (customer, lower(t));
COMMENT ON INDEX shop.orders_expr IS 'an ''index''';
COMMENT ON TABLE shop.orders IS 'orders; all of them';
COMMENT ON COLUMN shop.orders.t IS 'text';
CREATE TRIGGER keep BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.keep();
ALTER TABLE shop.orders DISABLE TRIGGER keep;
CREATE STATISTICS shop.of_orders ON id, customer FROM shop.orders;
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON shop.orders USING (customer > 0);
CREATE TABLE shop.event (id int, day int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE shop.event_1 PARTITION OF shop.event
    FOR VALUES FROM (0) TO (10) PARTITION BY LIST (id);
CREATE TABLE shop.event_1_rest PARTITION OF shop.event_1 DEFAULT;
CREATE TABLE shop.event_rest PARTITION OF shop.event DEFAULT;
CREATE INDEX event_day ON shop.event (day);
ALTER TABLE shop.event ADD FOREIGN KEY (id) REFERENCES shop.customer;
CREATE TABLE shop.of_event (
    id int PRIMARY KEY, event_id int, day int,
    FOREIGN KEY (event_id, day) REFERENCES shop.event);
CREATE TABLE public."we""ird.Name" ("a b" int PRIMARY KEY, "c;d" text DEFAULT 'x;''y');
CREATE TABLE public.parent (a int NOT NULL);
CREATE TABLE public.kid (b int) INHERITS (public.parent);
ALTER TABLE public.kid REPLICA IDENTITY FULL;
CREATE TABLE public.by_index (a int NOT NULL, b int);
CREATE UNIQUE INDEX by_index_a ON public.by_index (a);
ALTER TABLE public.by_index REPLICA IDENTITY USING INDEX by_index_a;
INSERT INTO shop.customer (e, p, mail) VALUES (2, 1, 'a'), (4, 2, 'b');
INSERT INTO shop.orders (customer, t) VALUES (1, 'x'), (2, 'y');
INSERT INTO shop.event VALUES (1, 5), (2, 50);
)";

class SchemaTransfer : public Scenario {
  protected:
    void TearDown() override {
        Scenario::TearDown();
        for (Cluster* cluster : {&source_cluster(), &target_cluster()}) {
            Session(cluster->conninfo("postgres"))
                .execute("DROP ROLE IF EXISTS known; DROP ROLE IF EXISTS unknown_there");
        }
    }

    std::vector<PostDataItem> pending() {
        const StopRequest stop;
        Connection connection(Conninfo::parse(target_conninfo()), stop, "test");
        return PostData(connection, pipeline()).pending();
    }

    // As the pipeline does after the rows; what the target refused.
    std::string make_post_data() {
        const StopRequest stop;
        Connection connection(Conninfo::parse(target_conninfo()), stop, "test");
        Connection session(Conninfo::parse(target_conninfo()), stop, "test");
        PostData post_data(connection, pipeline());
        std::string refused;
        for (const PostDataItem& item : post_data.pending()) {
            const auto message = post_data.make(item, session);
            if (message) refused += item.description + ": " + *message + "\n";
        }
        EXPECT_TRUE(post_data.pending().empty());
        return refused;
    }

    void expect_no_difference() {
        const Finished diff = consumer().command("diff", {"--comments"});
        EXPECT_EQ(diff.status, 0) << diff.output;
    }

    // The consumer finds programs of the same names first, which run `script` before the real ones.
    void put_before_client_programs(const std::string& script) {
        const std::string folder = new_scratch_path("bin");
        const std::string path = std::getenv("PATH");
        mkdir(folder.c_str(), 0755);
        for (const std::string program : {"pg_dump", "pg_restore"}) {
            const std::string file = folder + "/" + program;
            std::ofstream(file) << "#!/bin/sh\n"
                                << script << "\nPATH='" << path << "' exec " << program
                                << " \"$@\"\n";
            chmod(file.c_str(), 0755);
        }
        consumer().set_environment("PATH", folder + ":" + path);
    }

    bool target_has(const std::string& relation) {
        return target().value("SELECT to_regclass(" + literal(relation) + ") IS NOT NULL") == "t";
    }
};

TEST_F(SchemaTransfer, MakesARichSchemaInAnEmptyDatabase) {
    source().execute(kShop);
    target().execute("DROP TABLE mark");
    const Finished init = consumer().command("init");
    ASSERT_EQ(init.status, 0) << init.output;
    EXPECT_FALSE(contains(init.output, "not made on the target"));
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_index WHERE indrelid = "
                             "'shop.orders'::regclass"),
              "0");
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_proc WHERE proname = 'unneeded'"), "1");
    EXPECT_NE(consumer().command("diff").status, 0);
    EXPECT_EQ(make_post_data(), "");
    expect_no_difference();
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_constraint WHERE NOT convalidated"), "1");
    EXPECT_EQ(target().value("SELECT count(*) FROM shop.customer"), "0");
}

TEST_F(SchemaTransfer, RowsArriveInTheTablesThatWereMade) {
    source().execute(kShop);
    consumer().init();
    consumer().start();
    wait_until_streaming();
    wait_until("everything is made", seconds(30), [this] { return pending().empty(); });
    source().execute(
        "INSERT INTO shop.orders (customer, t) VALUES (1, 'streamed'); "
        "UPDATE shop.customer SET boss = 1; DELETE FROM shop.event WHERE id = 2");
    catch_up();
    expect_equal();
    expect_no_difference();
}

TEST_F(SchemaTransfer, LeavesAloneWhatIsThere) {
    source().execute(kShop);
    source().execute("CREATE INDEX customer_n ON shop.customer (n)");
    target().execute(
        "CREATE SCHEMA shop; CREATE EXTENSION citext SCHEMA shop; "
        "CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'own'); CREATE TYPE shop.span AS RANGE "
        "(subtype = int4); CREATE TABLE shop.customer ("
        "id int PRIMARY KEY, m shop.mood, p int, c text, s shop.span, n int DEFAULT 1, e int, "
        "mail text, f int, boss int)");
    const Finished init = consumer().command("init");
    ASSERT_EQ(init.status, 0) << init.output;
    EXPECT_EQ(make_post_data(), "");
    EXPECT_TRUE(target_has("shop.orders"));
    EXPECT_TRUE(target_has("shop.orders_expr"));
    EXPECT_FALSE(target_has("shop.customer_n"));
    EXPECT_EQ(target().value("SELECT enum_range(NULL::shop.mood)"), "{sad,ok,own}");
    const Finished diff = consumer().command("diff");
    EXPECT_EQ(diff.status, 1);
    EXPECT_TRUE(contains(diff.output, "shop.customer: default n: source shop.seven() | target 1"));
    EXPECT_TRUE(contains(diff.output, "shop.customer: index customer_n: source CREATE INDEX"));
    EXPECT_FALSE(contains(diff.output, "shop.orders:"));
}

TEST_F(SchemaTransfer, CanBeRepeated) {
    source().execute(kShop);
    consumer().init();
    const std::size_t count = pending().size();
    EXPECT_GT(count, 10U);
    consumer().init();
    EXPECT_EQ(pending().size(), count);
    target().execute("DROP TABLE shop.item");
    consumer().init();
    EXPECT_EQ(pending().size(), count);
    EXPECT_EQ(make_post_data(), "");
    expect_no_difference();
}

TEST_F(SchemaTransfer, ASelectionBringsOnlyWhatItNeeds) {
    source().execute(kShop);
    source().execute("CREATE FUNCTION shop.far() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    consumer().set("tables", "[\"shop.orders\", \"shop.event_1_rest\", \"public.mark\"]");
    const Finished init = consumer().command("init");
    ASSERT_EQ(init.status, 0) << init.output;
    EXPECT_TRUE(contains(init.output, "FK CONSTRAINT shop orders orders_customer_fkey: needs"));
    EXPECT_EQ(make_post_data(), "");
    EXPECT_TRUE(target_has("shop.orders"));
    EXPECT_TRUE(target_has("shop.event"));
    EXPECT_FALSE(target_has("shop.event_rest"));
    EXPECT_FALSE(target_has("shop.customer"));
    EXPECT_EQ(target().value("SELECT string_agg(proname, ' ') FROM pg_proc WHERE pronamespace = "
                             "'shop'::regnamespace"),
              "keep");
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_type WHERE typname IN ('mood', 'pair')"),
              "0");
}

TEST_F(SchemaTransfer, WhatNeedsATableThatIsNotPublishedIsListedWithItsStatement) {
    source().execute(
        "CREATE TABLE other (id int PRIMARY KEY); "
        "CREATE TABLE t (id int PRIMARY KEY, o int, CONSTRAINT t_o FOREIGN KEY (o) REFERENCES "
        "other ON DELETE CASCADE); CREATE PUBLICATION " +
        slot() + " FOR TABLE t");
    const Finished init = consumer().command("init");
    EXPECT_EQ(init.status, 0) << init.output;
    const std::string reason = "needs TABLE public other, which is not published";
    const std::string statement =
        "ADD CONSTRAINT t_o FOREIGN KEY (o) REFERENCES public.other(id) ON DELETE CASCADE";
    EXPECT_TRUE(contains(init.output, reason)) << init.output;
    EXPECT_TRUE(contains(init.output, statement)) << init.output;
    EXPECT_TRUE(contains(consumer().command("status").output, reason));
    EXPECT_EQ(target().value("SELECT string_agg(state, ' ' ORDER BY number) FROM walpack.post_data "
                             "WHERE kind IN ('key', 'foreign_key', 'validation')"),
              "pending refused");
    EXPECT_TRUE(contains(target().value("SELECT statement FROM walpack.post_data WHERE state = "
                                        "'refused'"),
                         statement));
}

TEST_F(SchemaTransfer, OwnersAndGrantsComeWhereTheRolesAre) {
    for (Session* session : {&source(), &target()}) session->execute("CREATE ROLE known");
    source().execute(
        "CREATE ROLE unknown_there; CREATE TABLE t (id int PRIMARY KEY, v text); "
        "CREATE TABLE u (id int PRIMARY KEY); ALTER TABLE t OWNER TO known; "
        "ALTER TABLE u OWNER TO unknown_there; GRANT SELECT ON u TO known; GRANT SELECT ON t TO "
        "unknown_there; "
        "GRANT UPDATE (v) ON t TO postgres");
    const Finished init = consumer().command("init");
    ASSERT_EQ(init.status, 0) << init.output;
    EXPECT_TRUE(contains(init.output, "ALTER TABLE public.u OWNER TO unknown_there;"));
    EXPECT_TRUE(contains(init.output, "GRANT SELECT ON TABLE public.t TO unknown_there;"));
    EXPECT_FALSE(contains(init.output, "TO known;"));
    EXPECT_EQ(target().value("SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "postgres");
    EXPECT_EQ(make_post_data(), "");
    EXPECT_EQ(target().value("SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "known");
    EXPECT_EQ(target().value("SELECT tableowner FROM pg_tables WHERE tablename = 'u'"), "postgres");
    EXPECT_EQ(target().value("SELECT has_table_privilege('known', 'u', 'SELECT')"), "t");
}

TEST_F(SchemaTransfer, ATableThatTheTargetRefusesIsNamedAndNothingIsMade) {
    source().execute(
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE fine (id int PRIMARY KEY); "
        "CREATE TABLE moody (id int PRIMARY KEY, m mood DEFAULT 'sad')");
    target().execute("CREATE TYPE mood AS ENUM ('other')");
    const Finished init = consumer().command("init");
    EXPECT_EQ(init.status, 1) << init.output;
    EXPECT_TRUE(contains(init.output, "TABLE public moody: invalid input value for enum"));
    EXPECT_TRUE(contains(init.output, "CREATE TABLE public.moody ("));
    EXPECT_FALSE(target_has("public.fine"));
    EXPECT_EQ(source().value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = " +
                             literal(slot())),
              "0");
    target().execute("DROP TYPE mood");
    consumer().init();
    EXPECT_TRUE(target_has("public.moody"));
}

TEST_F(SchemaTransfer, AnIndexThatTheRowsForbidIsListed) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY, v int UNIQUE)");
    consumer().init();
    target().execute("INSERT INTO t VALUES (1, 1), (2, 1)");
    EXPECT_TRUE(contains(make_post_data(), "CONSTRAINT public t t_v_key: could not create unique"));
    const StopRequest stop;
    Connection connection(Conninfo::parse(target_conninfo()), stop, "test");
    const auto refused = PostData(connection, pipeline()).refused();
    ASSERT_EQ(refused.size(), 1U);
    EXPECT_TRUE(contains(refused[0].item.statement, "UNIQUE (v)"));
    EXPECT_TRUE(contains(refused[0].message, "could not create unique index"));
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass"), "1");
}

// As a session of a run that was killed may still do.
TEST_F(SchemaTransfer, AnIndexThatAnotherSessionIsMakingCountsAsMade) {
    source().execute("CREATE TABLE t (id int, v int); CREATE INDEX t_v ON t (v)");
    source().execute("CREATE UNIQUE INDEX t_id ON t (id)");
    consumer().init();
    const std::vector<PostDataItem> items = pending();
    ASSERT_EQ(items.size(), 2U);
    Session other(target_conninfo());
    other.execute("BEGIN");
    for (const PostDataItem& item : items) other.execute(item.statement);
    std::future<std::string> refused =
        std::async(std::launch::async, [this] { return make_post_data(); });
    wait_until("the second session waits for the first", seconds(30), [this] {
        return target().value(
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
                   "'Lock' AND datname = current_database()") == "1";
    });
    other.execute("COMMIT");
    EXPECT_EQ(refused.get(), "");
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass"), "2");
}

TEST_F(SchemaTransfer, WithCreateSchemaOffMissingTablesAreAProblem) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY)");
    consumer().set("create_schema", "false");
    const Finished init = consumer().command("init");
    EXPECT_EQ(init.status, 1);
    EXPECT_TRUE(contains(init.output, "1 published table missing"));
    EXPECT_FALSE(target_has("public.t"));
}

TEST_F(SchemaTransfer, SettingsOfTheRolesDoNotGetInTheWay) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY, d date DEFAULT '2020-02-01')");
    for (Session* session : {&source(), &target()}) {
        const std::string database = session == &source() ? source_database() : target_database();
        session->execute("ALTER DATABASE " + database +
                         " SET datestyle = 'SQL, DMY'; "
                         "ALTER DATABASE " +
                         database +
                         " SET lock_timeout = '1ms'; "
                         "ALTER DATABASE " +
                         database + " SET search_path = 'nowhere'");
    }
    consumer().init();
    EXPECT_EQ(make_post_data(), "");
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_index WHERE indrelid = "
                             "'public.t'::regclass"),
              "1");
}

TEST_F(SchemaTransfer, ASourceRoleNeedsSelectOnThePublishedTablesOnly) {
    source().execute(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE secret (id int PRIMARY KEY); "
        "CREATE SCHEMA hidden; CREATE TABLE hidden.u (id int); CREATE ROLE known LOGIN "
        "REPLICATION; GRANT SELECT ON t, mark TO known; CREATE PUBLICATION readable FOR TABLE t, "
        "mark");
    consumer().set("source", toml_text("host=" + source_cluster().folder() +
                                       " port=" + std::to_string(source_cluster().port()) +
                                       " user=known dbname=" + source_database()));
    consumer().set("publications", "[\"readable\"]");
    const Finished init = consumer().command("init");
    ASSERT_EQ(init.status, 0) << init.output;
    EXPECT_EQ(make_post_data(), "");
    EXPECT_TRUE(target_has("public.t"));
    EXPECT_FALSE(target_has("public.secret"));
    expect_no_difference();
}

TEST_F(SchemaTransfer, ThePasswordIsNotAmongTheArgumentsOfPgDump) {
    const std::string seen = new_scratch_path("arguments");
    put_before_client_programs("echo \"$0 $*\" >> " + seen +
                               "; [ -z \"$PGPASSWORD\" ] || echo by environment >> " + seen);
    source().execute("CREATE TABLE t (id int PRIMARY KEY)");
    consumer().set("source", toml_text(source_conninfo() + " password=un-guessable"));
    consumer().init();
    EXPECT_TRUE(target_has("public.t"));
    const std::string arguments = read_file(seen);
    EXPECT_TRUE(contains(arguments, "--schema-only"));
    EXPECT_TRUE(contains(arguments, "by environment"));
    EXPECT_FALSE(contains(arguments, "un-guessable"));
}

TEST_F(SchemaTransfer, WhatPgDumpSaysIsTheReasonOfAFailure) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY)");
    put_before_client_programs("[ \"$1\" = --version ] || { echo no way >&2; exit 1; }");
    const Finished init = consumer().command("init");
    EXPECT_EQ(init.status, 1);
    EXPECT_TRUE(contains(init.output, "no way"));
    EXPECT_TRUE(contains(init.output, "create_schema = false"));
    EXPECT_FALSE(target_has("public.t"));
}

TEST_F(SchemaTransfer, DropForgetsWhatWasStillToBeMade) {
    source().execute("CREATE TABLE t (id int PRIMARY KEY)");
    consumer().init();
    const Finished drop = consumer().command("drop");
    EXPECT_EQ(drop.status, 0) << drop.output;
    EXPECT_TRUE(contains(drop.output, "without 1 object that was to come after"));
    EXPECT_EQ(target().value("SELECT count(*) FROM pg_namespace WHERE nspname = 'walpack'"), "0");
}

}  // namespace
}  // namespace walpack::e2e
