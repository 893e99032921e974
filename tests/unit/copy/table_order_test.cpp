#include "copy/table_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walpack {
namespace {

using testing::ElementsAre;

TEST(TableOrder, PutsReferencedTablesFirst) {
    EXPECT_THAT(referenced_first({10, 20, 30}, {{10, 20}, {20, 30}}), ElementsAre(2, 1, 0));
}

TEST(TableOrder, KeepsTheOrderOfUnrelatedTables) {
    EXPECT_THAT(referenced_first({10, 20, 30}, {}), ElementsAre(0, 1, 2));
}

TEST(TableOrder, IgnoresTablesThatAreNotCopied) {
    EXPECT_THAT(referenced_first({10, 20}, {{10, 99}, {98, 20}}), ElementsAre(0, 1));
}

TEST(TableOrder, EndsOnACycle) {
    EXPECT_THAT(referenced_first({10, 20}, {{10, 20}, {20, 10}}), ElementsAre(1, 0));
}

}  // namespace
}  // namespace walpack
