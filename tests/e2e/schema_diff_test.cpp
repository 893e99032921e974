// What diff finds that differs of what the published tables need.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class SchemaDiff : public Scenario {
  protected:
    void TearDown() override {
        Scenario::TearDown();
        for (Cluster* cluster : {&source_cluster(), &target_cluster()})
            Session(cluster->conninfo("postgres")).execute("DROP ROLE IF EXISTS " + role());
    }

    std::string role() const { return "reader_" + pipeline(); }
    void copy() {
        consumer().init();
        consumer().start();
        wait_until_copied();
        catch_up();
    }
    std::string diff(int status, const std::vector<std::string>& flags = {}) {
        const Finished diff = consumer().command("diff", flags);
        EXPECT_EQ(diff.status, status) << diff.output;
        return diff.output;
    }
};

TEST_F(SchemaDiff, ComparesWhatTablesNeed) {
    source().execute("CREATE ROLE " + role());
    target().execute("CREATE ROLE " + role());
    source().execute(
        "CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('sad', 'ok'); "
        "CREATE DOMAIN shop.positive AS int CHECK (VALUE > 0); "
        "CREATE TYPE shop.pair AS (a int, b text); "
        "CREATE TYPE shop.span AS RANGE (subtype = int4); "
        "CREATE FUNCTION shop.seven() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7'; "
        "CREATE SEQUENCE shop.free_number; COMMENT ON SEQUENCE shop.free_number IS 'free'; "
        "CREATE TABLE shop.t (id int PRIMARY KEY, m shop.mood, p shop.positive, c shop.pair, "
        "s shop.span, n int DEFAULT shop.seven(), f int DEFAULT nextval('shop.free_number'), "
        "b bigserial); GRANT SELECT ON shop.t TO " +
        role() + "; ALTER FUNCTION shop.seven() OWNER TO " + role());
    copy();
    EXPECT_TRUE(contains(diff(0, {"--comments"}), "other objects equal"));
    target().execute(
        "ALTER TYPE shop.mood ADD VALUE 'own'; "
        "ALTER DOMAIN shop.positive DROP CONSTRAINT positive_check; "
        "ALTER TYPE shop.pair ADD ATTRIBUTE d int; "
        "CREATE OR REPLACE FUNCTION shop.seven() RETURNS int LANGUAGE sql IMMUTABLE AS "
        "'SELECT 8'; ALTER FUNCTION shop.seven() OWNER TO postgres; "
        "ALTER SEQUENCE shop.free_number INCREMENT 5; COMMENT ON SEQUENCE shop.free_number IS ''; "
        "ALTER SEQUENCE shop.t_b_seq CYCLE; ALTER TABLE shop.t OWNER TO " +
        role() + "; REVOKE SELECT ON shop.t FROM " + role() + "; GRANT SELECT ON shop.t TO PUBLIC");
    source().execute(
        "CREATE EXTENSION hstore SCHEMA shop; ALTER TABLE shop.t ADD h shop.hstore; "
        "CREATE TYPE shop.later AS ENUM ('x'); ALTER TABLE shop.t ADD l shop.later");
    const std::string found = diff(1);
    EXPECT_TRUE(contains(found, "TYPE shop mood: source CREATE TYPE shop.mood AS ENUM"));
    EXPECT_TRUE(contains(found, "'own'"));
    EXPECT_TRUE(contains(found,
                         "DOMAIN shop positive: source CREATE DOMAIN shop.positive AS "
                         "integer  CONSTRAINT positive_check CHECK ((VALUE > 0)); | target "
                         "CREATE DOMAIN shop.positive AS integer;"));
    EXPECT_TRUE(contains(found, "TYPE shop pair: source CREATE TYPE shop.pair AS"));
    EXPECT_TRUE(contains(found, "FUNCTION shop seven(): source CREATE FUNCTION shop.seven()"));
    EXPECT_TRUE(contains(found,
                         "owner of FUNCTION shop seven(): source ALTER FUNCTION "
                         "shop.seven() OWNER TO " +
                             role() +
                             "; | target ALTER FUNCTION shop.seven() OWNER TO "
                             "postgres;"));
    EXPECT_TRUE(contains(found,
                         "owner of TABLE shop t: source ALTER TABLE shop.t OWNER TO "
                         "postgres;"));
    EXPECT_TRUE(contains(found, "SEQUENCE shop free_number: source CREATE SEQUENCE"));
    EXPECT_TRUE(contains(found, "SEQUENCE shop t_b_seq: source CREATE SEQUENCE"));
    EXPECT_TRUE(contains(found, "ACL shop TABLE t: source GRANT SELECT ON TABLE shop.t TO " +
                                    role() + "; | target missing"));
    EXPECT_TRUE(contains(found,
                         "ACL shop TABLE t: source missing | target GRANT SELECT ON TABLE "
                         "shop.t TO PUBLIC;"));
    EXPECT_TRUE(contains(found,
                         "EXTENSION hstore: source CREATE EXTENSION IF NOT EXISTS hstore "
                         "WITH SCHEMA shop; | target missing"));
    EXPECT_TRUE(contains(found,
                         "TYPE shop later: source CREATE TYPE shop.later AS ENUM (     "
                         "'x' ); | target missing"));
    EXPECT_FALSE(contains(found, "TYPE shop span"));
    EXPECT_FALSE(contains(found, "COMMENT"));
    EXPECT_TRUE(contains(diff(1, {"--comments"}),
                         "COMMENT shop SEQUENCE free_number: source "
                         "COMMENT ON SEQUENCE shop.free_number IS 'free';"));
}

// init could not have given them.
// Texts of constants depend on settings, and on how often they were read.
TEST_F(SchemaDiff, OtherWordsForTheSameAreEqual) {
    source().execute("ALTER DATABASE " + source_database() + " SET timezone = 'Europe/Berlin'");
    source().execute("ALTER DATABASE " + source_database() + " SET intervalstyle = 'iso_8601'");
    new_source_session().execute(
        "CREATE DOMAIN state AS varchar(9) CHECK (VALUE IN ('new', 'it''s, [x]')); "
        "CREATE TABLE t (id int PRIMARY KEY, s varchar(20) CHECK (s IN ('new', 'a]b', 'it''s')), "
        "d state, i interval DEFAULT '1 day 02:00:00'); "
        "CREATE INDEX ON t (id) WHERE s IN ('new', 'paid'); "
        "CREATE TABLE p (at timestamptz PRIMARY KEY) PARTITION BY RANGE (at); "
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')");
    copy();
    diff(0);
}

TEST_F(SchemaDiff, ComparesForWhomRowSecurityIs) {
    source().execute("CREATE ROLE " + role());
    target().execute("CREATE ROLE " + role());
    source().execute(
        "CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
        "ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY mine ON t TO " +
        role() + " USING (true)");
    copy();
    diff(0);
    target().execute(
        "ALTER TABLE t DISABLE ROW LEVEL SECURITY; DROP POLICY mine ON t; "
        "CREATE POLICY mine ON t USING (true)");
    const std::string found = diff(1);
    EXPECT_TRUE(
        contains(found, "row security: source enabled and forced on owners | target disabled"));
    EXPECT_TRUE(contains(found, "TO " + role() + " USING true | target"));
    EXPECT_TRUE(contains(found, "TO public USING true"));
}

TEST_F(SchemaDiff, LeavesOutOwnersAndGrantsOfRolesThatTheTargetLacks) {
    source().execute("CREATE ROLE " + role() +
                     "; CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT "
                     "ON t TO " +
                     role() + "; ALTER TABLE t OWNER TO " + role());
    copy();
    EXPECT_TRUE(contains(diff(0), "2 tables"));
}

TEST_F(SchemaDiff, ComparesTablesAloneWhereInitMakesNone) {
    on_both("CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, m mood)");
    copy();
    target().execute("ALTER TYPE mood ADD VALUE 'own'");
    EXPECT_TRUE(contains(diff(1), "TYPE public mood: source"));
    consumer().set("create_schema", "false");
    EXPECT_TRUE(contains(diff(0), "with create_schema = false tables alone are compared"));
}

}  // namespace
}  // namespace walpack::e2e
