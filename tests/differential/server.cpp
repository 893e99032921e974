#include "differential/server.h"

#include <cstdlib>
#include <memory>

#include "support/cluster.h"

namespace walpack::differential {
namespace {

const char* running_server() {
    return std::getenv("WALPACK_TEST_CONNINFO");
}

std::unique_ptr<e2e::Cluster>& own_server() {
    static std::unique_ptr<e2e::Cluster> cluster;
    return cluster;
}

}  // namespace

std::string server_conninfo(const std::string& database) {
    if (running_server() != nullptr) return std::string(running_server()) + " dbname=" + database;
    // Without autovacuum a seed gives the same locks and the same WAL each time.
    if (!own_server()) {
        own_server() = std::make_unique<e2e::Cluster>(
            "differential",
            std::vector<std::string>{"autovacuum = off", "synchronous_commit = off"});
    }
    return own_server()->conninfo(database);
}

void end_server() {
    own_server().reset();
}

}  // namespace walpack::differential
