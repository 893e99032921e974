// TLS with verify-full and client certificates at both ends. What does not fit is refused with its
// reason, and nothing else is tried: these servers would take the role without TLS as well.
#include <filesystem>
#include <fstream>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "e2e/fault_scenario.h"
#include "support/certificates.h"
#include "support/login_rules.h"

namespace walpack::e2e {
namespace {

constexpr const char* kRole = "tls_client";

class Tls : public FaultScenario {
  protected:
    void SetUp() override {
        FaultScenario::SetUp();
        for (const Cluster* cluster : {&source_cluster(), &target_cluster()}) {
            Session admin(cluster->conninfo("postgres"));
            admin.execute(std::string("CREATE ROLE ") + kRole + " LOGIN SUPERUSER REPLICATION");
            add_login_rule(*cluster, std::string("hostnossl all ") + kRole + " 127.0.0.1/32 trust");
            add_login_rule(*cluster, std::string("hostssl all ") + kRole + " 127.0.0.1/32 cert");
            serve(*cluster, authority_.sign({"server", "DNS:localhost"}));
        }
        set_ends(client_);
    }
    void TearDown() override {
        FaultScenario::TearDown();
        for (const Cluster* cluster : {&source_cluster(), &target_cluster()}) {
            turn_off(*cluster);
            Session(cluster->conninfo("postgres"))
                .execute(std::string("DROP ROLE IF EXISTS ") + kRole);
        }
    }

    // The server shows this certificate from now on, and asks clients for one of the authority.
    void serve(const Cluster& cluster, const Certificate& certificate) {
        Session admin(cluster.conninfo("postgres"));
        place(cluster, certificate.file, "server.crt");
        place(cluster, certificate.key, "server.key");
        place(cluster, authority_.file(), "root.crt");
        admin.execute("ALTER SYSTEM SET ssl_ca_file = 'root.crt'");
        admin.execute("ALTER SYSTEM SET ssl = on");
        reload(admin);
    }
    static void turn_off(const Cluster& cluster) {
        Session admin(cluster.conninfo("postgres"));
        admin.execute("ALTER SYSTEM RESET ssl");
        admin.execute("ALTER SYSTEM RESET ssl_ca_file");
        reload(admin);
    }
    static void reload(Session& admin) {
        const std::string loaded = "SELECT pg_conf_load_time()";
        const std::string before = admin.value(loaded);
        admin.execute("SELECT pg_reload_conf()");
        wait_until("the settings are loaded", seconds(10),
                   [&] { return admin.value(loaded) != before; });
    }
    static void place(const Cluster& cluster, const std::string& file, const std::string& name) {
        const std::string path = cluster.folder() + "/data/" + name;
        std::filesystem::copy_file(file, path, std::filesystem::copy_options::overwrite_existing);
        chmod(path.c_str(), 0600);
        const passwd* server = getpwnam("postgres");
        if (geteuid() != 0 || server == nullptr) return;
        ASSERT_EQ(chown(path.c_str(), server->pw_uid, server->pw_gid), 0);
    }

    std::string over_tls(const Cluster& cluster, const std::string& database,
                         const std::string& more) const {
        return toml_text("host=localhost hostaddr=127.0.0.1 port=" +
                         std::to_string(cluster.port()) + " user=" + kRole + " dbname=" + database +
                         " sslmode=verify-full sslrootcert=" + authority_.file() + more);
    }
    void set_ends(const Certificate& client) {
        const std::string more = " sslcert=" + client.file + " sslkey=" + client.key;
        consumer().set("source", over_tls(source_cluster(), source_database(), more));
        consumer().set("target", over_tls(target_cluster(), target_database(), more));
    }

    // By both ends' servers in turn, and nothing was made on either.
    void expect_refused(const std::string& reason) {
        const Finished init = consumer().command("init");
        EXPECT_EQ(init.status, 1);
        const std::size_t first = init.output.find(reason);
        EXPECT_TRUE(contains(init.output, reason));
        EXPECT_NE(init.output.find(reason, first + 1), std::string::npos)
            << "only one end is refused:\n"
            << init.output;
        EXPECT_EQ(source().value("SELECT count(*) FROM pg_publication"), "0");
    }

    Authority authority_{"walpack test authority"};
    Certificate client_ = authority_.sign({kRole, ""});
};

// Replication, SQL, and pg_dump, which makes the table that the target lacks.
TEST_F(Tls, WithClientCertificatesEverythingGoesEncrypted) {
    source().execute("CREATE TABLE made (id int PRIMARY KEY); INSERT INTO made VALUES (1)");
    start_under_load();
    const std::string unencrypted =
        "SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) "
        "WHERE a.usename = " +
        literal(kRole) + " AND NOT (s.ssl AND s.client_dn = '/CN=tls_client')";
    const std::string all =
        "SELECT count(*) FROM pg_stat_activity WHERE usename = " + literal(kRole);
    for (Session* session : {&source(), &target()}) {
        EXPECT_GT(session->number(all), 0);
        EXPECT_EQ(session->value(unencrypted), "0");
    }
    expect_healed();
}

// What the other tests rely on: without TLS the servers would let the role in.
TEST_F(Tls, TheseServersWouldTakeAFallBack) {
    for (const Cluster* cluster : {&source_cluster(), &target_cluster()}) {
        turn_off(*cluster);
        Session session("host=127.0.0.1 port=" + std::to_string(cluster->port()) +
                        " user=" + kRole + " dbname=postgres sslmode=disable");
        EXPECT_EQ(session.value("SELECT 1"), "1");
    }
}

TEST_F(Tls, AServerWithoutTlsIsRefused) {
    turn_off(source_cluster());
    turn_off(target_cluster());
    expect_refused("server does not support SSL, but SSL was required");
}

TEST_F(Tls, AServerOfAnotherAuthorityIsRefused) {
    const Authority other("another authority");
    serve(source_cluster(), other.sign({"server", "DNS:localhost"}));
    serve(target_cluster(), other.sign({"server", "DNS:localhost"}));
    expect_refused("certificate verify failed");
}

TEST_F(Tls, AServerWithAnExpiredCertificateIsRefused) {
    for (const Cluster* cluster : {&source_cluster(), &target_cluster()})
        serve(*cluster, authority_.sign({"server", "DNS:localhost", true}));
    expect_refused("certificate verify failed");
}

TEST_F(Tls, AServerWithAnotherNameIsRefused) {
    for (const Cluster* cluster : {&source_cluster(), &target_cluster()})
        serve(*cluster, authority_.sign({"server", "DNS:elsewhere.example"}));
    expect_refused("\"elsewhere.example\" does not match host name \"localhost\"");
}

TEST_F(Tls, AClientWithoutACertificateIsRefused) {
    // A file that does not exist: none is shown.
    set_ends({"/nonexistent/none.crt", "/nonexistent/none.key"});
    expect_refused("connection requires a valid client certificate");
}

TEST_F(Tls, AClientWithTheCertificateOfAnotherRoleIsRefused) {
    set_ends(authority_.sign({"someone_else", ""}));
    expect_refused("certificate authentication failed for user \"tls_client\"");
}

TEST_F(Tls, AClientWithAnExpiredCertificateIsRefused) {
    set_ends(authority_.sign({kRole, "", true}));
    expect_refused("certificate expired");
}

TEST_F(Tls, AKeyThatOthersMayReadIsRefused) {
    chmod(client_.key.c_str(), 0644);
    expect_refused("has group or world access");
}

// It is a fault of the line like others: waited for, and never gone around.
TEST_F(Tls, ACertificateThatExpiresWhileRunningIsWaitedFor) {
    start_under_load();
    serve(target_cluster(), authority_.sign({"server", "DNS:localhost", true}));
    target().execute("SELECT count(pg_terminate_backend(pid))" + of_consumer());
    wait_for_log("certificate verify failed");
    transfers().let_pass(50);
    serve(target_cluster(), authority_.sign({"server", "DNS:localhost"}));
    expect_healed();
}

}  // namespace
}  // namespace walpack::e2e
