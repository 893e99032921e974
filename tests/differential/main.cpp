// The differential tests: one WAL, decoded by walpack and by pgoutput, must come to the same list
// of transactions and changes. `.ci/differential.sh` prepares a server that holds this tree's
// plugin.
#include <gtest/gtest.h>

#include "differential/server.h"
#include "support/random.h"

namespace {

class ServerEnd : public ::testing::Environment {
  public:
    void TearDown() override { walpack::differential::end_server(); }
};

}  // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    walpack::e2e::run_seed();
    ::testing::AddGlobalTestEnvironment(new ServerEnd);
    return RUN_ALL_TESTS();
}
