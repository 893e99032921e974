#include "decode/value_head.h"

#include <gtest/gtest.h>

#include "support/wire_builder.h"

namespace walpack {
namespace {

using namespace wire;

struct Sample {
    std::string name;
    Bytes value;
    std::size_t head_bytes;
    std::uint64_t payload_bytes;
    std::uint64_t children;
};

class ValueHeadOf : public testing::TestWithParam<Sample> {};

TEST_P(ValueHeadOf, HasLengthAndPayloadAndChildren) {
    const ValueHead head = read_head(GetParam().value);
    EXPECT_EQ(head_bytes_of(GetParam().value.front()), GetParam().head_bytes);
    EXPECT_EQ(head.head_bytes, GetParam().head_bytes);
    EXPECT_EQ(head.payload_bytes, GetParam().payload_bytes);
    EXPECT_EQ(head.children, GetParam().children);
}

Bytes long_array() {
    return Bytes("\xdd\x00\x01\x00\x01", 5);
}

INSTANTIATE_TEST_SUITE_P(
    Type, ValueHeadOf,
    testing::Values(
        Sample{"Nil", nil(), 1, 0, 0}, Sample{"True", boolean(true), 1, 0, 0},
        Sample{"SmallInteger", integer(1), 1, 0, 0}, Sample{"NegativeFixint", integer(-1), 1, 0, 0},
        Sample{"Int8", integer(-100), 1, 1, 0}, Sample{"Int16", integer(-1000), 1, 2, 0},
        Sample{"Int32", integer(-100'000), 1, 4, 0}, Sample{"Int64", integer(INT64_MIN), 1, 8, 0},
        Sample{"Uint8", integer(200), 1, 1, 0}, Sample{"Uint16", integer(1000), 1, 2, 0},
        Sample{"Uint32", integer(100'000), 1, 4, 0}, Sample{"Uint64", integer(INT64_MAX), 1, 8, 0},
        Sample{"Float32", float32(1), 1, 4, 0}, Sample{"Float64", float64(1), 1, 8, 0},
        Sample{"Fixstr", str("abc"), 1, 3, 0}, Sample{"Str8", str(Bytes(40, 'a')), 2, 40, 0},
        Sample{"Str16", str(Bytes(400, 'a')), 3, 400, 0},
        Sample{"Str32", str(Bytes(70'000, 'a')), 5, 70'000, 0}, Sample{"Bin8", bin("abc"), 2, 3, 0},
        Sample{"Bin16", bin(Bytes(400, 'a')), 3, 400, 0},
        Sample{"Bin32", bin(Bytes(70'000, 'a')), 5, 70'000, 0},
        Sample{"Fixext1", extension(1, "a"), 1, 2, 0},
        Sample{"Fixext2", extension(1, "aa"), 1, 3, 0},
        Sample{"Fixext4", extension(1, "aaaa"), 1, 5, 0},
        Sample{"Fixext8", extension(1, Bytes(8, 'a')), 1, 9, 0},
        Sample{"Fixext16", extension(1, Bytes(16, 'a')), 1, 17, 0},
        Sample{"Ext8", extension(1, "aaa"), 2, 4, 0},
        Sample{"Ext16", extension(1, Bytes(400, 'a')), 3, 401, 0},
        Sample{"Ext32", extension(1, Bytes(70'000, 'a')), 5, 70'001, 0},
        Sample{"Fixarray", array({nil(), nil()}), 1, 0, 2},
        Sample{"Array16", array(std::vector<Bytes>(20, nil())), 3, 0, 20},
        Sample{"Array32", long_array(), 5, 0, 65'537},
        Sample{"Fixmap", map({nil(), nil()}), 1, 0, 2},
        Sample{"Map16", map(std::vector<Bytes>(40, nil())), 3, 0, 40},
        Sample{"Map32", Bytes("\xdf\xff\xff\xff\xff", 5), 5, 0, 2 * std::uint64_t{UINT32_MAX}}),
    [](const auto& param_info) { return param_info.param.name; });

TEST(ValueHead, HasNoLengthForTheByteThatIsNoMessagePack) {
    EXPECT_EQ(head_bytes_of('\xc1'), 0);
}

TEST(ValueHead, TellsArraysFromOtherValues) {
    EXPECT_TRUE(is_array_head(array({}).front()));
    EXPECT_TRUE(is_array_head(long_array().front()));
    EXPECT_FALSE(is_array_head('\n'));
    EXPECT_FALSE(is_array_head(map({}).front()));
}

TEST(ValueHead, FindsTheOffsetOfANestedValue) {
    const Bytes record = array({integer(1000), array({str("ab"), nil()}), integer(1)});
    EXPECT_EQ(offset_of_value(record, 0), 0);
    EXPECT_EQ(offset_of_value(record, 2), 4);
    EXPECT_EQ(offset_of_value(record, 5), 9);
}

TEST(ValueHead, FindsNoOffsetBehindTheEnd) {
    EXPECT_EQ(offset_of_value("\x92\x01", 100), 2);
    EXPECT_EQ(offset_of_value(Bytes("\xdb\xff\xff\xff\xff", 5), 1), 5);
}

}  // namespace
}  // namespace walpack
