// The consumer may not log in for a while: its password was changed, its role disabled. It tries
// again until it may; the password file is read each time, and the configuration file when a server
// has refused what it said before.
#include <fstream>

#include <sys/stat.h>

#include "e2e/fault_scenario.h"
#include "support/login_rules.h"

namespace walpack::e2e {
namespace {

class FaultLogin : public FaultScenario {
  protected:
    void SetUp() override {
        FaultScenario::SetUp();
        for (const Cluster* cluster : {&source_cluster(), &target_cluster()}) {
            Session(cluster->conninfo("postgres"))
                .execute("CREATE ROLE rotated LOGIN SUPERUSER REPLICATION PASSWORD 'before'");
            demand_password(*cluster, "rotated");
        }
        consumer().set("source", as_role(source_cluster(), "rotated", source_database()));
        consumer().set("target", as_role(target_cluster(), "rotated", target_database()));
        passwords_ = consumer().file() + ".pgpass";
        consumer().set_environment("PGPASSFILE", passwords_);
        write_passwords("before", "before");
    }
    void TearDown() override {
        FaultScenario::TearDown();
        for (const Cluster* cluster : {&source_cluster(), &target_cluster()})
            Session(cluster->conninfo("postgres")).execute("DROP ROLE IF EXISTS rotated");
    }

    void write_passwords(const std::string& at_source, const std::string& at_target) {
        std::ofstream(passwords_, std::ios::trunc)
            << "127.0.0.1:" << source_cluster().port() << ":*:rotated:" << at_source << "\n"
            << "127.0.0.1:" << target_cluster().port() << ":*:rotated:" << at_target << "\n";
        chmod(passwords_.c_str(), 0600);
    }
    // Sessions stay when a password changes: only a new one meets it.
    void end_sessions(Session& session) {
        session.execute("SELECT count(pg_terminate_backend(pid))" + of_consumer());
    }
    void end_all_sessions(Session& session) {
        session.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE usename = 'rotated'");
    }

    std::string source_with(const std::string& password) {
        return with_password(source_cluster(), source_database(), password);
    }
    std::string target_with(const std::string& password) {
        return with_password(target_cluster(), target_database(), password);
    }
    static std::string with_password(const Cluster& cluster, const std::string& database,
                                     const std::string& password) {
        return toml_text("host=127.0.0.1 port=" + std::to_string(cluster.port()) +
                         " user=rotated dbname=" + database + " password='" + password + "'");
    }
    // In the configuration file, and nowhere else.
    void keep_passwords_in_the_configuration() {
        consumer().set_environment("PGPASSFILE", passwords_ + ".none");
        consumer().set("source", source_with("before"));
        consumer().set("target", target_with("before"));
    }
    void change_at_source() {
        source().execute("ALTER ROLE rotated PASSWORD 'after the source'");
        end_all_sessions(source());
        wait_for_log("password authentication failed");
    }

    std::string passwords_;
};

TEST_F(FaultLogin, APasswordThatIsRotatedOnTheSourceIsReadAgain) {
    start_under_load();
    source().execute("ALTER ROLE rotated PASSWORD 'after the source'");
    end_sessions(source());
    wait_for_log("password authentication failed");
    transfers().let_pass(50);
    write_passwords("after the source", "before");
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "after the source"));
}

TEST_F(FaultLogin, APasswordThatIsRotatedOnTheTargetIsReadAgain) {
    start_under_load();
    target().execute("ALTER ROLE rotated PASSWORD 'after the target'");
    end_sessions(target());
    wait_for_log("password authentication failed");
    transfers().let_pass(50);
    write_passwords("before", "after the target");
    expect_healed();
    EXPECT_FALSE(contains(consumer().log(), "after the target"));
}

TEST_F(FaultLogin, ADisabledRoleIsWaitedForAtBothEnds) {
    start_under_load();
    for (Session* session : {&source(), &target()}) {
        consumer().clear_log();
        session->execute("ALTER ROLE rotated NOLOGIN");
        end_sessions(*session);
        wait_for_log("is not permitted to log in");
        transfers().let_pass(20);
        session->execute("ALTER ROLE rotated LOGIN");
        transfers().let_pass(20);
    }
    expect_healed();
}

TEST_F(FaultLogin, APasswordOfTheSourceInTheConfigurationIsReadAgain) {
    keep_passwords_in_the_configuration();
    start_under_load();
    change_at_source();
    transfers().let_pass(50);
    consumer().set("source", source_with("after the source"));
    expect_healed();
    EXPECT_TRUE(contains(consumer().log(), "\"source\" is another one in the configuration now"));
    EXPECT_FALSE(contains(consumer().log(), "after the source"));
}

TEST_F(FaultLogin, APasswordOfTheTargetInTheConfigurationIsReadAgain) {
    keep_passwords_in_the_configuration();
    start_under_load();
    target().execute("ALTER ROLE rotated PASSWORD 'after the target'");
    end_all_sessions(target());
    wait_for_log("password authentication failed");
    transfers().let_pass(50);
    consumer().set("target", target_with("after the target"));
    expect_healed();
    EXPECT_TRUE(contains(consumer().log(), "\"target\" is another one in the configuration now"));
    EXPECT_FALSE(contains(consumer().log(), "after the target"));
}

TEST_F(FaultLogin, APasswordInTheConfigurationIsReadAgainByThoseThatCopy) {
    keep_passwords_in_the_configuration();
    on_both("CREATE TABLE copied (id int PRIMARY KEY, filler text)");
    source().execute(
        "INSERT INTO copied SELECT n, repeat('x', 1000) FROM generate_series(1, 4000) AS n");
    consumer().set("copy_chunk_bytes", "\"256kB\"");
    consumer().set("copy_rate_limit", "\"1MB\"");
    consumer().init();
    consumer().start();
    wait_until("a chunk is loaded", seconds(20), [&] {
        return target().try_execute("SELECT 1 FROM copied LIMIT 1") &&
               target().value("SELECT count(*) > 0 FROM copied") == "t";
    });
    target().execute("ALTER ROLE rotated PASSWORD 'after the target'");
    change_at_source();
    end_all_sessions(target());
    consumer().set("source", source_with("after the source"));
    consumer().set("target", target_with("after the target"));
    wait_until_copied();
    expect_healed();
}

TEST_F(FaultLogin, AConfigurationThatCannotBeReadLeavesTheOneBefore) {
    keep_passwords_in_the_configuration();
    start_under_load();
    consumer().set_more("nonsense = \n");
    change_at_source();
    wait_for_log("could not be read again");
    source().execute("ALTER ROLE rotated PASSWORD 'before'");
    transfers().let_pass(20);
    wait_until_streaming();
    consumer().clear_log();
    change_at_source();
    consumer().set("source", source_with("after the source"));
    consumer().set_more("");
    expect_healed();
}

TEST_F(FaultLogin, AnotherDatabaseIsNotTakenUpWithAPassword) {
    keep_passwords_in_the_configuration();
    start_under_load();
    consumer().set("source", with_password(source_cluster(), "postgres", "after the source"));
    change_at_source();
    wait_for_log("\"source\" names another database now");
    EXPECT_TRUE(consumer().is_running());
    consumer().set("source", source_with("after the source"));
    expect_healed();
}

TEST_F(FaultLogin, AnotherSystemIsRefusedThoughItsPasswordIsRight) {
    keep_passwords_in_the_configuration();
    start_under_load();
    Session(target_cluster().conninfo("postgres"))
        .execute("CREATE DATABASE " + identifier(source_database()));
    consumer().set("source", with_password(target_cluster(), source_database(), "before"));
    source().execute("ALTER ROLE rotated PASSWORD 'after the source'");
    end_all_sessions(source());
    EXPECT_TRUE(contains(expect_refusal(), "\"source\" names a server of another system now"));
    Session(target_cluster().conninfo("postgres"))
        .execute("DROP DATABASE " + identifier(source_database()) + " WITH (FORCE)");
}

// The new one is not there yet, and the source's own reason is told.
TEST_F(FaultLogin, WithoutAPasswordFileTheErrorSaysSo) {
    consumer().set_environment("PGPASSFILE", passwords_ + ".none");
    const Finished refused = consumer().command("init");
    EXPECT_EQ(refused.status, 1);
    EXPECT_TRUE(contains(refused.output, "no password supplied"));
}

}  // namespace
}  // namespace walpack::e2e
