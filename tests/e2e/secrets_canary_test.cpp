// A value of a row and a password that can be told from everything else, while rows are refused in
// all ways that the server has: neither is in a log, an output, a process list or walpack's tables.
// (The key of a refused row is named: decision 0008.)
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include "e2e/fault_scenario.h"
#include "support/login_rules.h"

namespace walpack::e2e {
namespace {

// Quotes in it, as messages put their values into quotes.
constexpr const char* kValue = "ro\"w canary\" wing";
constexpr const char* kPassword = "passcanary";
constexpr const char* kMark = "canary";

struct Refusal {
    const char* name;
    const char* on_target;  // makes it refuse the row (1, kValue); $v$ is the value
    const char* heal;
};

std::string trigger_that(const std::string& body) {
    return "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body +
           "; RETURN NEW; END $$; CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW "
           "EXECUTE FUNCTION refuse(); ALTER TABLE t ENABLE ALWAYS TRIGGER refuse";
}
constexpr const char* kDropTrigger = "DROP TRIGGER refuse ON t";

class SecretsCanary : public FaultScenario, public testing::WithParamInterface<Refusal> {
  protected:
    void SetUp() override {
        FaultScenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY, v text)");
        for (const Cluster* cluster : {&source_cluster(), &target_cluster()}) {
            Session(cluster->conninfo("postgres"))
                .execute("CREATE ROLE canary_role LOGIN SUPERUSER REPLICATION PASSWORD " +
                         literal(kPassword));
            demand_password(*cluster, "canary_role");
        }
        const std::string passwords = consumer().file() + ".pgpass";
        std::ofstream(passwords) << "*:*:*:canary_role:" << kPassword << "\n";
        chmod(passwords.c_str(), 0600);
        consumer().set_environment("PGPASSFILE", passwords);
        consumer().set("source", as_role(source_cluster(), "canary_role", source_database()));
        consumer().set("target", as_role(target_cluster(), "canary_role", target_database()));
    }
    void TearDown() override {
        FaultScenario::TearDown();
        for (const Cluster* cluster : {&source_cluster(), &target_cluster()})
            Session(cluster->conninfo("postgres")).execute("DROP ROLE IF EXISTS canary_role");
    }

    static void expect_no_canary(const std::string& where, std::string text) {
        // The role's name is none.
        for (std::size_t at; (at = text.find("canary_role")) != std::string::npos;)
            text.erase(at, 11);
        EXPECT_EQ(text.find(kMark), std::string::npos) << where << ":\n" << text;
    }
    // All that the consumer has let others see.
    void expect_secret() {
        expect_no_canary("log", consumer().log());
        for (const char* command : {"status", "check"})
            expect_no_canary(command, consumer().command(command).output);
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const std::string pid = entry.path().filename();
            if (pid.find_first_not_of("0123456789") == std::string::npos)
                expect_no_canary("process " + pid, read_file(entry.path() / "cmdline"));
        }
        for (const Row& table :
             target().rows("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
                           "WHERE schemaname = 'walpack'")) {
            expect_no_canary(*table[0], target().value("SELECT string_agg(t::text, ' ') FROM " +
                                                       *table[0] + " t"));
        }
        EXPECT_EQ(target().value("SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE "
                                 "c.relnamespace = 'walpack'::regnamespace AND a.grantee = 0"),
                  "0");
    }
    std::string with_value(std::string sql) const {
        for (std::size_t at; (at = sql.find("$v$")) != std::string::npos;)
            sql.replace(at, 3, literal(kValue));
        return sql;
    }
};

TEST_P(SecretsCanary, StaysSecretWhenTheTargetRefusesIt) {
    const Refusal& refusal = GetParam();
    start_streaming();
    target().execute(with_value(refusal.on_target));
    source().execute(with_value("INSERT INTO t VALUES (1, $v$)"));
    EXPECT_TRUE(contains(expect_refusal(), "public.t"));
    expect_secret();
    target().execute(with_value(refusal.heal));
    consumer().start();
    expect_healed();
}

INSTANTIATE_TEST_SUITE_P(
    Refusals, SecretsCanary,
    testing::Values(
        Refusal{"ByACheckConstraint", "ALTER TABLE t ADD CONSTRAINT refuse CHECK (v <> $v$)",
                "ALTER TABLE t DROP CONSTRAINT refuse"},
        Refusal{"ByAUniqueIndex",
                "CREATE UNIQUE INDEX refuse ON t (v); INSERT INTO t VALUES (2, $v$)",
                "DROP INDEX refuse; DELETE FROM t WHERE id = 2"},
        Refusal{"ByAnExistingKey", "INSERT INTO t VALUES (1, $v$)", "DELETE FROM t"},
        Refusal{"ByAnExpressionIndex", "CREATE INDEX refuse ON t ((v::int))", "DROP INDEX refuse"},
        Refusal{"ByARowThatIsTooLarge",
                "CREATE FUNCTION wide(v text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT "
                "v || string_agg(md5(g::text), '') FROM generate_series(1, 500) g $$; "
                "CREATE INDEX refuse ON t (wide(v))",
                "DROP INDEX refuse"}),
    [](const testing::TestParamInfo<Refusal>& info) { return std::string(info.param.name); });

// Texts of triggers are whatever their authors wrote.
class SecretsCanaryRaised : public SecretsCanary {};

TEST_F(SecretsCanaryRaised, StaysSecretWhenATriggerPutsItIntoItsTexts) {
    start_streaming();
    for (const char* statement :
         {"RAISE EXCEPTION 'refused: %', NEW.v USING DETAIL = NEW.v, HINT = NEW.v",
          "RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = NEW.v, HINT = NEW.v",
          "RAISE EXCEPTION USING ERRCODE = 'U0001', MESSAGE = NEW.v, COLUMN = NEW.v",
          "PERFORM NEW.v::int", "PERFORM (NEW.v || ' 1')::timestamptz",
          "PERFORM xmlparse(DOCUMENT NEW.v)", "PERFORM NEW.v::json", "PERFORM NEW.v::numeric"}) {
        SCOPED_TRACE(statement);
        consumer().clear_log();
        target().execute("DROP FUNCTION IF EXISTS refuse CASCADE");
        target().execute(trigger_that(statement));
        source().execute(with_value("DELETE FROM t; INSERT INTO t VALUES (1, $v$)"));
        EXPECT_TRUE(contains(expect_refusal(), "public.t"));
        expect_no_canary("log", consumer().log());
        target().execute(kDropTrigger);
        consumer().start();
        catch_up();
    }
    expect_secret();
    expect_healed();
}

TEST_F(SecretsCanaryRaised, StaysSecretWhileItIsTriedAgain) {
    start_streaming();
    target().execute(
        trigger_that("RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = NEW.v, HINT = NEW.v"));
    source().execute(with_value("INSERT INTO t VALUES (1, $v$)"));
    wait_for_retry();
    expect_secret();
    target().execute(kDropTrigger);
    expect_healed();
}

TEST_F(SecretsCanaryRaised, StaysSecretWhenTheCopyIsRefused) {
    source().execute(with_value("INSERT INTO t VALUES (1, $v$)"));
    target().execute(trigger_that("RAISE EXCEPTION 'refused: %', NEW.v USING HINT = NEW.v"));
    consumer().init();
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "public.t"));
    expect_secret();
    target().execute(
        with_value("ALTER TABLE t DISABLE TRIGGER refuse; "
                   "ALTER TABLE t ADD CONSTRAINT refuse CHECK (v <> $v$)"));
    consumer().start();
    EXPECT_TRUE(contains(expect_refusal(), "public.t"));
    expect_secret();
    target().execute("ALTER TABLE t DROP CONSTRAINT refuse");
    consumer().start();
    expect_healed();
}

TEST_F(SecretsCanaryRaised, ThePasswordStaysSecretWhenConnectionsFail) {
    start_under_load();
    for (Session* session : {&source(), &target()}) {
        consumer().clear_log();
        session->execute("ALTER ROLE canary_role NOLOGIN");
        session->execute("SELECT count(pg_terminate_backend(pid))" + of_consumer());
        wait_for_retry();
        expect_secret();
        session->execute("ALTER ROLE canary_role LOGIN");
        transfers().let_pass(10);
    }
    expect_healed();
}

}  // namespace
}  // namespace walpack::e2e
