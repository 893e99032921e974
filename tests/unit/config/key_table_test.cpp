#include "config/key_table.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

TEST(NearestKey, FindsSlipsOfTheFinger) {
    EXPECT_EQ(nearest_key("slto"), "slot");
    EXPECT_EQ(nearest_key("log_byte_max"), "log_bytes_max");
    EXPECT_EQ(nearest_key("publication"), "publications");
}

TEST(NearestKey, IsEmptyWhenNothingIsAlike) {
    EXPECT_EQ(nearest_key("zzzzzzzz"), "");
    EXPECT_EQ(nearest_key(""), "");
    EXPECT_EQ(nearest_key(std::string(1000, 's')), "");
}

TEST(KeyTable, FindsKeysByTheirWholeNameOnly) {
    EXPECT_NE(find_key("slot"), nullptr);
    EXPECT_EQ(find_key("slo"), nullptr);
    EXPECT_EQ(find_key("log-level"), nullptr);
}

}  // namespace
}  // namespace walpack
