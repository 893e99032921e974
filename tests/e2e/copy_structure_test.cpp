// From a rich schema with rows to a target database in which there is nothing, while sessions
// write: afterwards both ends have the same rows, keys, indexes, constraints and triggers.
#include "support/scenario.h"
#include "support/writers.h"

namespace walpack::e2e {
namespace {

constexpr const char* kSchema = R"(
CREATE SCHEMA app;
CREATE EXTENSION citext SCHEMA app;
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'glad');
CREATE TYPE app.pair AS (a int, b text);
CREATE DOMAIN app.positive AS int CHECK (VALUE > 0);
CREATE TABLE app.customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, moods app.mood[], mail app.citext UNIQUE,
    p app.positive, c app.pair, n int, twice int GENERATED ALWAYS AS (n * 2) STORED,
    big text, boss bigint REFERENCES app.customer, UNIQUE (n, mail));
ALTER TABLE app.customer ALTER big SET STORAGE EXTERNAL;
CREATE INDEX customer_n ON app.customer (n) WHERE p > 5;
CREATE INDEX customer_moods ON app.customer USING gin (moods);
CREATE UNIQUE INDEX customer_lower ON app.customer (lower(mail::text));
CREATE TABLE app.audit (id bigserial PRIMARY KEY, what text);
CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO app.audit (what) VALUES (TG_OP); RETURN NULL; END $$;
CREATE TABLE app.orders (
    id int PRIMARY KEY, customer bigint NOT NULL REFERENCES app.customer, at timestamptz);
CREATE INDEX orders_at ON app.orders (at DESC, customer);
CREATE TRIGGER note AFTER INSERT OR DELETE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.note();
CREATE TABLE app.event (id int, day int, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE app.event_1 PARTITION OF app.event FOR VALUES FROM (0) TO (10);
CREATE TABLE app.event_rest PARTITION OF app.event DEFAULT;
CREATE INDEX event_note ON app.event (note);
CREATE TABLE app.parent (a int NOT NULL, v text);
ALTER TABLE app.parent REPLICA IDENTITY FULL;
CREATE TABLE app.kid (b int) INHERITS (app.parent);
ALTER TABLE app.kid REPLICA IDENTITY FULL;
CREATE TABLE app.keyless (a int, v text);
ALTER TABLE app.keyless REPLICA IDENTITY FULL;
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE app.wide (id int PRIMARY KEY, ' ||
    string_agg('c' || g || ' text', ', ') || ')' FROM generate_series(1, 400) g); END $$;
)";

constexpr const char* kRows = R"(
INSERT INTO app.customer (moods, mail, p, c, n, big, boss)
    SELECT ARRAY['ok', NULL, 'glad']::app.mood[],
    'M' || g || '@x', g, ROW(g, 'b"' || g)::app.pair, g,
    CASE WHEN g % 5 = 0 THEN repeat(md5(g::text), 100) END, nullif(g / 2, 0)
    FROM generate_series(1, 4000) g;
INSERT INTO app.orders SELECT g, g % 4000 + 1, timestamptz '2020-01-01' + g * interval '1 minute'
    FROM generate_series(1, 4000) g;
INSERT INTO app.event SELECT g, g % 20, md5(g::text) FROM generate_series(1, 4000) g;
INSERT INTO app.parent SELECT g, 'parent' FROM generate_series(1, 1000) g;
INSERT INTO app.kid SELECT g, 'kid', g FROM generate_series(1, 1000) g;
INSERT INTO app.keyless SELECT g / 2, repeat('k', g % 100) FROM generate_series(1, 3000) g;
INSERT INTO app.keyless SELECT 1, 'twice' FROM generate_series(1, 2) g;
DO $$ BEGIN EXECUTE (SELECT 'INSERT INTO app.wide SELECT g, ' ||
    string_agg('left(md5(g::text), ' || g % 20 || ')', ', ') ||
    ' FROM generate_series(1, 200) g' FROM generate_series(1, 400) g); END $$;
ANALYZE;
)";

// Counts per table of what belongs to it; an index that is not valid is another one.
constexpr const char* kBelongings = R"(
SELECT string_agg(format('%s: %s', c.relname, (SELECT string_agg(what, ', ' ORDER BY what) FROM (
    SELECT format('%s %s', x.relname, i.indisvalid) AS what FROM pg_index i
        JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid
    UNION ALL SELECT format('%s %s', conname, convalidated) FROM pg_constraint
        WHERE conrelid = c.oid
    UNION ALL SELECT format('%s %s', tgname, tgenabled) FROM pg_trigger
        WHERE tgrelid = c.oid AND NOT tgisinternal) all_of_it)), E'\n' ORDER BY c.relname)
FROM pg_class c WHERE c.relnamespace = 'app'::regnamespace AND c.relkind IN ('r', 'p'))";

std::string change(Random& random) {
    const std::string n = std::to_string(random.between(1, 4000));
    switch (random.between(0, 8)) {
        case 0:
            return "UPDATE app.customer SET n = n + 10000, moods = moods || 'sad'::app.mood WHERE "
                   "id = " +
                   n;
        case 1:
            return "UPDATE app.customer SET big = repeat('new', 2000) WHERE id = " + n;
        case 2:
            return "INSERT INTO app.orders VALUES (" + std::to_string(random.between(5000, 99999)) +
                   ", " + n + ", now())";
        case 3:
            return "DELETE FROM app.orders WHERE id = " + n;
        case 4:
            return "UPDATE app.event SET day = (day + 7) % 20 WHERE id = " + n;
        case 5:
            return "UPDATE app.keyless SET v = 'new' WHERE a = " + n;
        case 6:
            return "UPDATE app.parent SET v = v || '!' WHERE a = " + n +
                   "; DELETE FROM app.kid WHERE a = " + n + " AND b % 3 = 0";
        case 7:
            return "UPDATE app.wide SET c7 = 'new' WHERE id = " + n + " % 200";
        default:
            return "UPDATE app.orders SET id = -id WHERE id = " + n;
    }
}

class CopyStructure : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        target().execute("DROP TABLE mark");
        source().execute(kSchema);
        source().execute(kRows);
        consumer().set("copy_chunk_bytes", "65536");
    }

    std::string pending() {
        return target().value("SELECT count(*) FROM walpack.post_data WHERE state = 'pending'");
    }
};

TEST_F(CopyStructure, AnEmptyDatabaseBecomesTheSameWhileTheSourceIsWrittenTo) {
    consumer().set("copy_rate_limit", "\"2MB\"");
    Writers writers(source_conninfo(), 3, change);
    consumer().init();
    consumer().start();
    wait_until_copied();
    EXPECT_EQ(writers.stop(), "");
    EXPECT_GT(writers.committed(), 100);
    catch_up();
    expect_equal();
    EXPECT_EQ(target().value(kBelongings), source().value(kBelongings));
    EXPECT_EQ(pending(), "0");
    const Finished diff = consumer().command("diff");
    EXPECT_EQ(diff.status, 0) << diff.output;
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.copy_table WHERE state <> 'ready'"),
              "0");
}

// The rows of the partitions are the root's; filter and columns leave out some of them.
TEST_F(CopyStructure, WhatAPublicationLeavesOutStaysOut) {
    source().execute(
        "CREATE PUBLICATION part FOR TABLE app.event WHERE (id % 2 = 0), "
        "app.customer (id, mail, n), app.audit, mark WITH (publish_via_partition_root = true)");
    consumer().set("publications", "[\"part\"]");
    Writers writers(source_conninfo(), 2, [](Random& random) {
        const std::string n = std::to_string(random.between(1, 4000));
        return random.chance(0.5) ? "UPDATE app.event SET id = id + 10001 WHERE id = " + n
                                  : "UPDATE app.customer SET n = n + 10000 WHERE id = " + n;
    });
    consumer().init();
    consumer().start();
    wait_until_copied();
    EXPECT_EQ(writers.stop(), "");
    catch_up();
    const std::string events =
        "SELECT count(*) || ' ' || sum(hashtext(e::text)::bigint) FROM app.event e";
    EXPECT_EQ(target().value(events), source().value(events + " WHERE id % 2 = 0"));
    const std::string customers =
        "SELECT count(*) || ' ' || sum(hashtext(concat(id, mail, n))::bigint) FROM app.customer";
    EXPECT_EQ(target().value(customers), source().value(customers));
    EXPECT_EQ(target().value("SELECT count(*) FROM app.customer WHERE big IS NOT NULL"), "0");
}

TEST_F(CopyStructure, WhatTheTargetRefusesIsShownAndTheRestIsMade) {
    source().execute(
        "CREATE FUNCTION app.only_here(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN "
        "IF current_database() LIKE 'target%' THEN RAISE 'not in this database'; END IF; "
        "RETURN $1; END $$; CREATE INDEX picky ON app.orders (app.only_here(id))");
    consumer().init();
    consumer().start();
    wait_until_copied();
    catch_up();
    expect_equal();
    EXPECT_EQ(pending(), "0");
    EXPECT_EQ(target().value("SELECT to_regclass('app.orders_at') IS NOT NULL"), "t");
    const Finished status = consumer().command("status");
    EXPECT_TRUE(contains(status.output, "refused"));
    EXPECT_TRUE(contains(status.output, "INDEX app picky: "));
    EXPECT_TRUE(contains(status.output, "raised an exception with SQLSTATE P0001"));
    const std::string statement = "CREATE INDEX picky ON app.orders USING btree";
    EXPECT_TRUE(contains(status.output, statement));
    EXPECT_TRUE(contains(consumer().log(), statement));
    const std::string json = consumer().command("status", {"--json"}).output;
    EXPECT_TRUE(contains(json, "raised an exception with SQLSTATE P0001"));
    EXPECT_TRUE(contains(json, statement));
}

constexpr const char* kLatin1 = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'";

class CopyToLatin1 : public Scenario {
  protected:
    CopyToLatin1() : Scenario({.target = kLatin1}) {}

    // How the copy ends when column v of table t holds a character that the target lacks.
    std::string refusal(const std::string& type) {
        target().execute("DROP TABLE mark");
        source().execute(
            "CREATE TYPE kind AS ENUM ('one'); CREATE TABLE t (id int PRIMARY KEY, w " + type +
            ", v text); INSERT INTO t SELECT g, NULL, CASE g WHEN 700 THEN 'secret€' "
            "ELSE 'é' END FROM generate_series(1, 1000) g");
        consumer().init();
        consumer().start();
        return expect_refusal();
    }
};

TEST_F(CopyToLatin1, ACharacterThatTheTargetLacksNamesTableAndColumn) {
    const std::string log = refusal("int");
    EXPECT_TRUE(contains(log, "public.t"));
    EXPECT_TRUE(contains(log, "column \"v\""));
    EXPECT_FALSE(contains(log, "secret"));
}

}  // namespace
}  // namespace walpack::e2e
