// Names and values that would be SQL if anyone let them; on a target whose search_path holds
// operators, functions and tables of the same names as the system's. Nothing is executed, all is
// equal.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

// Every name is at most 63 bytes; the longest have exactly that.
const std::vector<std::string>& hostile_names() {
    static const std::vector<std::string> names = {
        "\"; DROP TABLE canary; --",
        "'; DROP TABLE canary; --",
        "$1",
        "a\nb\tc",
        "\\",
        "$$ do $$",
        "select",
        "%s %n {} {0}",
        "/* */ -- x",
        " ",
        "😀🔑",
        std::string(63, 'x'),
        "ä" + std::string(61, '"'),
    };
    return names;
}

const std::vector<std::string>& hostile_values() {
    static const std::vector<std::string> values = {
        "'); DROP TABLE canary; --",
        "$1",
        "\\'; DROP TABLE canary; --",
        "\\N",
        "\\.\n",
        "a\tb\nc\r",
        "NULL",
        "",
        "{\"a\":\"'\"}",
        "😀",
        "%s",
        "\x01\x7f",
    };
    return values;
}

class HostileNames : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE canary (id int PRIMARY KEY); INSERT INTO mark VALUES (-1)");
        target().execute("TRUNCATE mark");
    }

    // Table, key column, value column and enum type all carry the name.
    static std::string make_table(const std::string& name) {
        const std::string quoted = identifier(name);
        const std::string type = identifier(name.substr(0, 55) + " t");
        return "CREATE SCHEMA " + quoted + "; CREATE TYPE " + quoted + "." + type + " AS ENUM (" +
               literal(name) + ", 'other'); CREATE TABLE " + quoted + "." + quoted + " (" + quoted +
               " int PRIMARY KEY, " + identifier("v" + name.substr(0, 60)) + " text, e " + quoted +
               "." + type + ", es " + quoted + "." + type + "[])";
    }

    void change_all() {
        for (const std::string& name : hostile_names()) {
            const std::string table = identifier(name) + "." + identifier(name);
            const std::string key = identifier(name);
            int id = 0;
            for (const std::string& value : hostile_values()) {
                source().execute("INSERT INTO " + table + " VALUES (" + std::to_string(++id) +
                                 ", " + literal(value) + ", " + literal(name) + ", ARRAY[" +
                                 literal(name) + ", NULL]::" + identifier(name) + "." +
                                 identifier(name.substr(0, 55) + " t") + "[])");
            }
            source().execute("UPDATE " + table + " SET " + key + " = -" + key + " WHERE " + key +
                             " > 8; UPDATE " + table + " SET e = 'other' WHERE " + key +
                             " = 2; DELETE FROM " + table + " WHERE " + key + " = 1");
        }
    }

    void expect_nothing_executed() {
        expect_equal();
        EXPECT_EQ(target().value("SELECT to_regclass('public.canary')"), "canary");
    }
};

TEST_F(HostileNames, AreNeverExecuted) {
    for (const std::string& name : hostile_names()) on_both(make_table(name));
    source().execute("INSERT INTO canary VALUES (1)");
    consumer().init();
    change_all();  // a part of the rows comes by the copy
    consumer().start();
    catch_up();
    for (const std::string& name : hostile_names()) {
        source().execute("TRUNCATE " + identifier(name) + "." + identifier(name));
    }
    change_all();
    catch_up();
    expect_nothing_executed();
}

TEST_F(HostileNames, SelectTablesInTheConfigurationAsInSql) {
    std::string tables = "[\"public.mark\"";
    for (const std::string& name : hostile_names()) {
        on_both(make_table(name));
        tables += ", " + toml_text(identifier(name) + "." + identifier(name));
    }
    consumer().set("tables", tables + "]");
    consumer().init();
    consumer().start();
    change_all();
    catch_up();
    expect_nothing_executed();
}

// What CVE-2018-1058 is about: whoever may create objects in a schema of the path could have them
// run by the consumer's role.
TEST_F(HostileNames, ObjectsInTheTargetsSearchPathAreNotUsed) {
    const std::string role = "applier";  // goes with the cluster
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text, n numeric)");
    target().execute(R"sql(
        CREATE SCHEMA evil;
        CREATE TABLE evil.touched (what text);
        CREATE FUNCTION evil.same(int, int) RETURNS bool LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO evil.touched VALUES ('='); RETURN true; END $$;
        CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same);
        CREATE FUNCTION evil.same(text, text) RETURNS bool LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO evil.touched VALUES ('= text'); RETURN true; END $$;
        CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
        CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO evil.touched VALUES ('lower'); RETURN 'x'; END $$;
        CREATE FUNCTION evil.set_config(text, text, bool) RETURNS text LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO evil.touched VALUES ('set_config'); RETURN ''; END $$;
        CREATE FUNCTION evil.pg_advisory_lock(bigint) RETURNS void LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO evil.touched VALUES ('lock'); END $$;
        CREATE FUNCTION evil.pg_try_advisory_lock(bigint) RETURNS bool LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO evil.touched VALUES ('try lock'); RETURN true; END $$;
        CREATE TABLE evil.pg_class AS SELECT * FROM pg_catalog.pg_class LIMIT 0;
        CREATE TABLE evil.pg_type AS SELECT * FROM pg_catalog.pg_type LIMIT 0;
        CREATE TABLE evil.pg_attribute (attrelid int);
        CREATE TABLE evil.progress (pipeline text);
        CREATE TABLE evil.t (id int PRIMARY KEY, v text, n numeric);
        CREATE DOMAIN evil.int4 AS text;
        CREATE DOMAIN evil.text AS int;
    )sql");
    target().execute("CREATE ROLE " + role + " LOGIN SUPERUSER; ALTER ROLE " + role +
                     " SET search_path = evil, pg_catalog, public");
    source().execute("INSERT INTO t SELECT g, 'copied', 1.0 FROM generate_series(1, 5) g");
    consumer().set("target", toml_text("host=" + target_cluster().folder() +
                                       " port=" + std::to_string(target_cluster().port()) +
                                       " user=" + role + " dbname=" + target_database()));
    consumer().init();
    consumer().start();
    source().execute("INSERT INTO t SELECT g, 'streamed', 1.00 FROM generate_series(6, 9) g");
    source().execute("UPDATE t SET v = 'U' WHERE id = 3; UPDATE t SET id = 30 WHERE id = 4");
    source().execute("DELETE FROM t WHERE id = 6");
    catch_up();
    EXPECT_EQ(target().value("SELECT string_agg(what, ', ') FROM evil.touched"), "");
    EXPECT_EQ(target().value("SELECT count(*) FROM evil.t"), "0");
    expect_equal();
}

// The source's path is as untrusted: its role may have one too.
TEST_F(HostileNames, ObjectsInTheSourcesSearchPathAreNotUsed) {
    on_both("CREATE TABLE t (id int PRIMARY KEY, v text)");
    source().execute(R"sql(
        CREATE SCHEMA evil;
        CREATE TABLE evil.pg_class AS SELECT * FROM pg_catalog.pg_class LIMIT 0;
        CREATE TABLE evil.pg_publication_tables AS
            SELECT * FROM pg_catalog.pg_publication_tables LIMIT 0;
        CREATE TABLE evil.t (id int);
        CREATE FUNCTION evil.same(name, name) RETURNS bool LANGUAGE sql AS 'SELECT false';
        CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.same);
        INSERT INTO t VALUES (1, 'copied');
    )sql");
    source().execute("ALTER DATABASE " + source_database() +
                     " SET search_path = evil, pg_catalog, public");
    consumer().set("tables", "[\"public.t\", \"public.mark\"]");
    consumer().init();
    consumer().start();
    source().execute("INSERT INTO public.t VALUES (2, 'streamed')");
    catch_up();
    EXPECT_EQ(target().value("SELECT count(*) FROM public.t"), "2");
}

}  // namespace
}  // namespace walpack::e2e
