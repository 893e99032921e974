// A password reaches the servers and nothing else: no log, no process list, no error text.
#include <fstream>

#include <sys/stat.h>

#include "support/login_rules.h"
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr const char* kPassword = "Tr0ub4dor 3' \"x";

class Secrets : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY)");
        for (Session* session : {&source(), &target()}) {
            session->execute("CREATE ROLE secretive LOGIN SUPERUSER REPLICATION PASSWORD " +
                             literal(kPassword));
        }
        demand_password(source_cluster(), "secretive");
        demand_password(target_cluster(), "secretive");
        consumer().set("source", over_tcp(source_cluster(), source_database()));
        consumer().set("target", over_tcp(target_cluster(), target_database()));
    }

    // After the databases, with all that the role owns in them.
    void TearDown() override {
        Scenario::TearDown();
        for (const Cluster* cluster : {&source_cluster(), &target_cluster()}) {
            Session(cluster->conninfo("postgres")).execute("DROP ROLE IF EXISTS secretive");
        }
    }

    static std::string over_tcp(const Cluster& cluster, const std::string& database,
                                const std::string& more = "") {
        return toml_text("host=127.0.0.1 port=" + std::to_string(cluster.port()) +
                         " user=secretive dbname=" + database + more);
    }

    void expect_works_in_secret() {
        consumer().init();
        consumer().start();
        source().execute("INSERT INTO t VALUES (1)");
        catch_up();
        const std::string pid = std::to_string(consumer().pid());
        expect_secret(read_file("/proc/" + pid + "/cmdline"));
        source_cluster().stop("fast");
        wait_until("the loss is noticed", seconds(20),
                   [&] { return consumer().log().find("trying again") != std::string::npos; });
        source_cluster().start();
        source().execute("INSERT INTO t VALUES (2)");
        catch_up();
        expect_equal();
        const Finished status = consumer().command("status");
        expect_secret(status.output);
        expect_secret(consumer().log());
    }

    static void expect_secret(const std::string& text) {
        EXPECT_FALSE(text.empty());
        EXPECT_EQ(text.find("Tr0ub4dor"), std::string::npos) << text;
    }
};

TEST_F(Secrets, ComeFromTheEnvironment) {
    consumer().set_environment("PGPASSWORD", kPassword);
    consumer().set("log_level", "\"debug\"");
    expect_works_in_secret();
}

TEST_F(Secrets, ComeFromAPasswordFile) {
    const std::string path = consumer().file() + ".pgpass";
    std::ofstream(path) << "127.0.0.1:*:*:secretive:" << kPassword << "\n";
    chmod(path.c_str(), 0600);
    consumer().set_environment("PGPASSFILE", path);
    expect_works_in_secret();
}

TEST_F(Secrets, MayStandInAPrivateConfigurationOnly) {
    const std::string secret = " password='Tr0ub4dor 3\\' \"x'";
    consumer().set("source", over_tcp(source_cluster(), source_database(), secret));
    consumer().set("target", over_tcp(target_cluster(), target_database(), secret));
    chmod(consumer().file().c_str(), 0644);
    const Finished refused = consumer().command("init");
    EXPECT_GT(refused.status, 0) << refused.output;
    expect_secret(refused.output);
    chmod(consumer().file().c_str(), 0600);
    expect_works_in_secret();
}

TEST_F(Secrets, AreRefusedOnTheCommandLine) {
    const Finished refused =
        consumer().command("init", {"--source=host=127.0.0.1 password=Tr0ub4dor"});
    EXPECT_GT(refused.status, 0);
    expect_secret(refused.output);
}

TEST_F(Secrets, StayOutOfTheErrorWhenTheyAreWrong) {
    consumer().set_environment("PGPASSWORD", "Tr0ub4dor wrong");
    const Finished refused = consumer().command("init");
    EXPECT_GT(refused.status, 0);
    expect_secret(refused.output);
    EXPECT_TRUE(contains(refused.output, "secretive"));
}

TEST_F(Secrets, StayOutOfTheErrorOfABrokenConnectionString) {
    consumer().set("source", toml_text("host=x password=Tr0ub4dor' port"));
    const Finished refused = consumer().command("init");
    EXPECT_GT(refused.status, 0);
    expect_secret(refused.output);
}

}  // namespace
}  // namespace walpack::e2e
