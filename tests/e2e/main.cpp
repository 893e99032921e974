// The end-to-end tests: real servers, the built consumer, this tree's plugin installed in the
// server that PG_CONFIG (or pg_config in PATH) names. `.ci/e2e.sh` prepares such a server.
//
// Tests share two clusters, which are made on first use and go away with the program.
#include <cstdlib>

#include <gtest/gtest.h>

#include "support/cluster.h"
#include "support/consumer.h"
#include "support/random.h"
#include "support/watchdog.h"

namespace {

class SharedClusters : public ::testing::Environment {
  public:
    void TearDown() override { walpack::e2e::destroy_shared_clusters(); }
};

// Longer than any test takes where sanitizers make the consumer slow, but for the random ones of a
// soak.
walpack::e2e::seconds longest_test() {
    const char* soak = std::getenv("WALPACK_SOAK_SECONDS");
    return walpack::e2e::seconds(300 + (soak == nullptr ? 0 : std::atoi(soak)));
}

}  // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    walpack::e2e::set_consumer_binary(WALPACK_BINARY);
    walpack::e2e::run_seed();
    ::testing::AddGlobalTestEnvironment(new SharedClusters);
    ::testing::UnitTest::GetInstance()->listeners().Append(
        new walpack::e2e::Watchdog(longest_test()));
    return RUN_ALL_TESTS();
}
