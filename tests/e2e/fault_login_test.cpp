// The consumer may not log in for a while: its password was changed, its role disabled. It tries
// again until it may; the password file is read each time.
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

// The new one is not there yet, and the source's own reason is told.
TEST_F(FaultLogin, WithoutAPasswordFileTheErrorSaysSo) {
    consumer().set_environment("PGPASSFILE", passwords_ + ".none");
    const Finished refused = consumer().command("init");
    EXPECT_EQ(refused.status, 1);
    EXPECT_TRUE(contains(refused.output, "no password supplied"));
}

}  // namespace
}  // namespace walpack::e2e
