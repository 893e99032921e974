// What init finds that a selection of tables needs.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class SchemaNeeds : public Scenario {
  protected:
    void select(const std::string& tables) { consumer().set("tables", tables); }
    std::string init() {
        const Finished init = consumer().command("init");
        EXPECT_EQ(init.status, 0) << init.output;
        return init.output;
    }
    std::string extensions() {
        return target().value(
            "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension "
            "WHERE extname <> 'plpgsql'");
    }
};

TEST_F(SchemaNeeds, ExtensionsOfIndexesConstraintsAndDefaults) {
    source().execute(
        "CREATE SCHEMA ext; CREATE EXTENSION btree_gist SCHEMA ext; "
        "CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION pg_trgm SCHEMA ext; "
        "CREATE EXTENSION \"uuid-ossp\" SCHEMA ext; CREATE EXTENSION ltree SCHEMA ext; "
        "CREATE TABLE room (id uuid DEFAULT ext.uuid_generate_v4() PRIMARY KEY, n int, t text, "
        "during int4range, EXCLUDE USING gist (n WITH =, during WITH &&)); "
        "CREATE INDEX room_words ON room USING gin (t ext.gin_trgm_ops); "
        "CREATE INDEX room_pair ON room ((t::ext.hstore OPERATOR(ext.->) 'a')); "
        "CREATE TABLE other (id int PRIMARY KEY, path ext.ltree)");
    select("[\"public.room\", \"public.mark\"]");
    EXPECT_FALSE(contains(init(), "not made on the target"));
    EXPECT_EQ(extensions(), "btree_gist hstore pg_trgm uuid-ossp");
    consumer().start();
    wait_until_copied();
    const Finished diff = consumer().command("diff");
    EXPECT_EQ(diff.status, 0) << diff.output;
}

TEST_F(SchemaNeeds, ExtensionsThatOnlyBodiesOfFunctionsName) {
    source().execute(
        "CREATE EXTENSION pgcrypto; CREATE EXTENSION citext; CREATE EXTENSION unaccent; "
        "CREATE FUNCTION mask() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN NEW.v := encode(digest(NEW.v, 'sha256'), 'hex'); RETURN NEW; END$$; "
        "CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE AS "
        "'SELECT unaccent($1)'; "
        "CREATE TABLE person (id int PRIMARY KEY, v text, CHECK (plain(v) <> '')); "
        "CREATE TRIGGER mask BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION mask(); "
        "CREATE TABLE other (id int PRIMARY KEY, mail citext)");
    select("[\"public.person\", \"public.mark\"]");
    init();
    EXPECT_EQ(extensions(), "pgcrypto unaccent");
    consumer().start();
    wait_until_copied();
    target().execute("INSERT INTO person VALUES (1, 'v')");
    EXPECT_EQ(target().value("SELECT length(v) FROM person"), "64");
}

// Whatever they are for: the whole database is copied.
TEST_F(SchemaNeeds, AllExtensionsWhereAllTablesAreCopied) {
    source().execute(
        "CREATE EXTENSION fuzzystrmatch; CREATE EXTENSION walpack; "
        "CREATE TABLE t (id int PRIMARY KEY)");
    init();
    EXPECT_EQ(extensions(), "fuzzystrmatch");
}

}  // namespace
}  // namespace walpack::e2e
