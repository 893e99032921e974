// The end-to-end tests: real servers, the built consumer, this tree's plugin installed in the
// server that PG_CONFIG (or pg_config in PATH) names. `.ci/e2e.sh` prepares such a server.
//
// Tests share two clusters, which are made on first use and go away with the program.
#include <gtest/gtest.h>

#include "support/cluster.h"
#include "support/consumer.h"
#include "support/random.h"

namespace {

class SharedClusters : public ::testing::Environment {
  public:
    void TearDown() override { walpack::e2e::destroy_shared_clusters(); }
};

}  // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    walpack::e2e::set_consumer_binary(WALPACK_BINARY);
    walpack::e2e::run_seed();
    ::testing::AddGlobalTestEnvironment(new SharedClusters);
    return RUN_ALL_TESTS();
}
