#include "decode/first_record.h"

#include <gtest/gtest.h>

#include "support/wire_builder.h"

namespace walpack {
namespace {

using namespace wire;

TEST(FirstRecord, HasTheTypeOfTheFirstOfSeveral) {
    EXPECT_EQ(first_record_type(begin() + commit()), WALPACK_BEGIN);
}

TEST(FirstRecord, HasItsTypeWhateverTheWidth) {
    EXPECT_EQ(first_record_type(Bytes("\xdc\x00\x02\xcd\x01\x02", 6)), 0x102U);
    EXPECT_EQ(first_record_type(Bytes("\x92\xd1\x00\x03", 4)), 3U);
    EXPECT_EQ(first_record_type(Bytes("\x92\xcf\x80\x00\x00\x00\x00\x00\x00\x01", 10)),
              0x8000'0000'0000'0001U);
}

TEST(FirstRecord, HasNoTypeThatIsNegativeOrNoNumber) {
    EXPECT_EQ(first_record_type("\x92\xff"), std::nullopt);
    EXPECT_EQ(first_record_type("\x92\xd0\x81"), std::nullopt);
    EXPECT_EQ(first_record_type("\x92\xa1\x01"), std::nullopt);
}

TEST(FirstRecord, SeesTheStartOfASession) {
    EXPECT_TRUE(starts_session(hello()));
}

TEST(FirstRecord, SeesTheStartOfASessionWhateverTheWidths) {
    EXPECT_TRUE(starts_session(Bytes("\xdc\x00\x08\xcd\x00\x01", 6)));
}

TEST(FirstRecord, SeesNoSessionStartInAnotherRecord) {
    EXPECT_FALSE(starts_session(begin()));
    EXPECT_FALSE(starts_session(Bytes("\x92\xcd\x01\x01", 4)));
}

TEST(FirstRecord, SeesNoSessionStartInWhatIsNoRecord) {
    EXPECT_FALSE(starts_session(""));
    EXPECT_FALSE(starts_session("\x98"));
    EXPECT_FALSE(starts_session("\x98\xcd"));
    EXPECT_FALSE(starts_session("\x01\x01"));
}

}  // namespace
}  // namespace walpack
