// What init cannot make as the source has it, since the target has other things of its own: names
// that are taken, roles that are missing or whose privileges it would not have.
#include <string>

#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class SchemaTakenNames : public Scenario {
  protected:
    void TearDown() override {
        Scenario::TearDown();
        for (Cluster* cluster : {&source_cluster(), &target_cluster()})
            Session(cluster->conninfo("postgres"))
                .execute("DROP ROLE IF EXISTS granting, granted, mover");
    }

    void copy() {
        consumer().start();
        wait_until_copied();
        catch_up();
    }
    std::string status() { return consumer().command("status").output; }
};

// As after "ALTER TABLE .. RENAME TO .." of a table that was in the way.
TEST_F(SchemaTakenNames, AnIndexOfAnotherTableIsNotTheOneToBeMade) {
    const std::string orders =
        "CREATE TABLE orders (id serial PRIMARY KEY, \"user\" int, v int); "
        "CREATE INDEX \"orders user\" ON orders (\"user\"); "
        "CREATE INDEX orders_v ON orders (v); "
        "CREATE STATISTICS of_orders ON id, v FROM orders; "
        "CREATE TABLE numbered (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY)";
    on_both(orders);
    target().execute(
        "ALTER TABLE orders RENAME TO orders_old; DROP INDEX orders_v; "
        "ALTER TABLE numbered RENAME TO numbered_old");
    source().execute("INSERT INTO orders (v) VALUES (1), (2)");
    const Finished init = consumer().command("init");
    ASSERT_EQ(init.status, 0) << init.output;
    EXPECT_TRUE(contains(init.output, "the name of its sequence is taken on the target"));
    copy();
    const std::string refused = status();
    for (const char* name : {"orders_pkey", "orders user", "of_orders", "numbered_pkey"}) {
        EXPECT_TRUE(
            contains(refused, std::string("\"") + name + "\" already exists, and is not of"))
            << name;
    }
    EXPECT_TRUE(contains(refused, "the name of its sequence is taken on the target"));
    EXPECT_FALSE(contains(refused, "orders_v"));
    EXPECT_EQ(target().value("SELECT string_agg(indexrelid::regclass::text, ' ') FROM pg_index "
                             "WHERE indrelid = 'orders'::regclass"),
              "orders_v");
    EXPECT_EQ(target().value("SELECT pg_get_serial_sequence('orders_old', 'id')"),
              "public.orders_id_seq");
}

// What was refused before the rows is not tried by another init, as the tables are there.
TEST_F(SchemaTakenNames, WhatWasRefusedBeforeTheRowsStaysInStatus) {
    source().execute(
        "CREATE ROLE granting; CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON t TO granting; "
        "CREATE SCHEMA s AUTHORIZATION granting; CREATE TABLE s.u (id int PRIMARY KEY)");
    consumer().init();
    consumer().init();
    const std::string refused = status();
    EXPECT_TRUE(contains(refused, "ACL public TABLE t: role \"granting\" does not exist"));
    EXPECT_TRUE(contains(refused, "owner of SCHEMA"));
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.post_data WHERE state = 'refused'"),
              "2");
}

TEST_F(SchemaTakenNames, AGrantOfAGrantIsMadeInTheNameOfItsGrantor) {
    for (Session* session : {&source(), &target()})
        session->execute("CREATE ROLE granting; CREATE ROLE granted");
    source().execute(
        "CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON t TO granting WITH GRANT OPTION; "
        "SET ROLE granting; GRANT SELECT ON t TO granted; RESET ROLE");
    consumer().init();
    copy();
    EXPECT_EQ(target().value("SELECT relacl::text FROM pg_class WHERE oid = 't'::regclass"),
              source().value("SELECT relacl::text FROM pg_class WHERE oid = 't'::regclass"));
    EXPECT_EQ(target().value("SELECT count(*) FROM walpack.post_data WHERE state <> 'done'"), "0");
}

// A role may be allowed to give away what it could not write afterwards.
TEST_F(SchemaTakenNames, NothingIsGivenToARoleWhosePrivilegesWeWouldNotHave) {
    source().execute(
        "CREATE ROLE granting; CREATE SCHEMA s AUTHORIZATION granting; "
        "CREATE TABLE s.t (id int PRIMARY KEY); ALTER TABLE s.t OWNER TO granting; "
        "INSERT INTO s.t VALUES (1)");
    target().execute(
        "CREATE ROLE granting; CREATE ROLE mover LOGIN NOINHERIT; "
        "GRANT granting TO mover; GRANT CREATE ON DATABASE " +
        target_database() + " TO mover; GRANT CREATE ON DATABASE " + target_database() +
        " TO granting; GRANT CREATE ON SCHEMA public TO mover; GRANT ALL ON mark TO mover");
    consumer().set("target", toml_text("host=" + target_cluster().folder() +
                                       " port=" + std::to_string(target_cluster().port()) +
                                       " user=mover dbname=" + target_database()));
    const Finished init = consumer().command("init");
    ASSERT_EQ(init.status, 0) << init.output;
    EXPECT_TRUE(contains(init.output, "does not have the privileges of granting"));
    copy();
    source().execute("INSERT INTO s.t VALUES (2)");
    catch_up();
    EXPECT_EQ(target().value("SELECT count(*) FROM s.t"), "2");
    EXPECT_TRUE(contains(status(), "owner of TABLE s t: the role of the target does not have"));
    target().execute("DROP OWNED BY mover, granting");
}

}  // namespace
}  // namespace walpack::e2e
