// Of several hosts the first one is a machine that takes connections and says nothing: libpq by
// itself would wait for it for ever.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/scenario.h"

namespace walpack::e2e {
namespace {

class SilentHost : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        ASSERT_EQ(::bind(socket_, any, size), 0);
        ASSERT_EQ(::listen(socket_, 64), 0);
        ASSERT_EQ(::getsockname(socket_, any, &size), 0);
        port_ = ntohs(address.sin_port);
    }
    void TearDown() override {
        Scenario::TearDown();
        ::close(socket_);
    }

    std::string behind_it(const Cluster& cluster, const std::string& database) const {
        return toml_text(
            "host=127.0.0.1,127.0.0.1 port=" + std::to_string(port_) + ',' +
            std::to_string(cluster.port()) +
            " user=postgres connect_timeout=1 target_session_attrs=read-write dbname=" + database);
    }

  private:
    int socket_ = -1;
    int port_ = 0;
};

TEST_F(SilentHost, TheOnesBehindItAreTried) {
    on_both("CREATE TABLE t (id int PRIMARY KEY)");
    source().execute("INSERT INTO t SELECT generate_series(1, 100); CREATE PUBLICATION " + slot() +
                     " FOR ALL TABLES");
    consumer().set("source", behind_it(source_cluster(), source_database()));
    consumer().set("target", behind_it(target_cluster(), target_database()));
    consumer().init();
    consumer().start();
    catch_up();
    expect_equal();
    EXPECT_TRUE(contains(consumer().log(), "does not answer; trying the ones behind it"));
}

}  // namespace
}  // namespace walpack::e2e
