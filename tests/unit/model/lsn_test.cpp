#include "model/lsn.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

TEST(Lsn, IsWrittenInTheServersNotation) {
    EXPECT_EQ(Lsn{0x16B374D848}.to_string(), "16/B374D848");
}

TEST(Lsn, ReadsWhatItWrites) {
    EXPECT_EQ(Lsn::parse("16/B374D848"), Lsn{0x16B374D848});
}

TEST(Lsn, RefusesTextOfAnotherForm) {
    EXPECT_FALSE(Lsn::parse(""));
    EXPECT_FALSE(Lsn::parse("16"));
    EXPECT_FALSE(Lsn::parse("/1"));
    EXPECT_FALSE(Lsn::parse("1/"));
    EXPECT_FALSE(Lsn::parse("1/123456789"));
    EXPECT_FALSE(Lsn::parse("1/-1"));
    EXPECT_FALSE(Lsn::parse("1/1x"));
}

TEST(Lsn, ZeroIsNoPosition) {
    EXPECT_FALSE(Lsn{}.is_valid());
    EXPECT_TRUE(Lsn{1}.is_valid());
}

}  // namespace
}  // namespace walpack
