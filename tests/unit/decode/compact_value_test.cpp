#include "decode/compact_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"
#include "support/value_samples.h"

namespace walpack {
namespace {

using testing::HasSubstr;

std::string expanded(const Attribute& attribute, const std::string& hex) {
    std::string out = "left over";
    expand_compact(attribute, from_hex(hex), out);
    return to_hex(out);
}

std::string error_of(const Attribute& attribute, const std::string& hex) {
    try {
        return "no error: " + expanded(attribute, hex);
    } catch (const Error& error) {
        return error.message();
    }
}

const Attribute kNumeric = attribute_of(ValueKind::numeric);
const Attribute kInts = container_of(ValueKind::array, ValueKind::int4);
const Attribute kTexts = container_of(ValueKind::array, ValueKind::text);

TEST(CompactValue, NumericBecomesItsSendForm) {
    // 12.50: weight 0, scale 2, digits 12 and 5000.
    EXPECT_EQ(expanded(kNumeric, "000002000c1388"), "0002000000000002000c1388");
    // -0.0001: weight -1 is zigzag 1.
    EXPECT_EQ(expanded(kNumeric, "0101040001"), "0001ffff400000040001");
    EXPECT_EQ(expanded(kNumeric, "000003"), "0000000000000003");
    // A weight and a scale beyond one byte.
    EXPECT_EQ(expanded(kNumeric, "00c801900f0001"), "00010064000007900001");
}

TEST(CompactValue, SpecialNumericsAreWrittenAsTheServerDoes) {
    EXPECT_EQ(expanded(kNumeric, "02"), "00000000c0000000");
    EXPECT_EQ(expanded(kNumeric, "03"), "00000000d0000020");
    EXPECT_EQ(expanded(kNumeric, "04"), "00000000f0000020");
}

TEST(CompactValue, ArrayBecomesItsSendForm) {
    // {1,-1}: the element type's oid is the attribute's.
    EXPECT_EQ(expanded(kInts, "01020201"),
              "000000010000000000000002"
              "0000000200000001"
              "0000000400000001"
              "00000004ffffffff");
    EXPECT_EQ(expanded(kInts, "00"), "000000000000000000000002");
    // {"ab",NULL} with lower bound -1.
    EXPECT_EQ(expanded(kTexts, "1902010102616200"),
              "000000010000000100000002"
              "00000002ffffffff"
              "000000026162"
              "ffffffff");
    EXPECT_EQ(expanded(container_of(ValueKind::array, ValueKind::boolean), "010101"),
              "0000000100000000000000020000000100000001"
              "0000000101");
}

TEST(CompactValue, JsonbGetsItsBlanksBack) {
    std::string out;
    expand_compact(attribute_of(ValueKind::jsonb), R"({"a,:b":[1,{"\"":"\\"},2],"c":null})", out);
    EXPECT_EQ(out, R"({"a,:b": [1, {"\"": "\\"}, 2], "c": null})");
}

TEST(CompactValue, MalformedFormsAreRefused) {
    EXPECT_THAT(error_of(kNumeric, ""), HasSubstr("is cut"));
    EXPECT_THAT(error_of(kNumeric, "05"), HasSubstr("unknown sign"));
    EXPECT_THAT(error_of(kNumeric, "00"), HasSubstr("is cut"));
    EXPECT_THAT(error_of(kNumeric, "0000000c1"), HasSubstr("bytes behind its end"));
    EXPECT_THAT(error_of(kNumeric, "0200"), HasSubstr("bytes behind its end"));
    EXPECT_THAT(error_of(kNumeric, "00ffff0700"), HasSubstr("out of range"));
    EXPECT_THAT(error_of(kNumeric, "0000ffff7f"), HasSubstr("display scale"));
    EXPECT_THAT(error_of(kNumeric, "00ffffffffffffffffffffff"), HasSubstr("too long an integer"));
    EXPECT_THAT(error_of(kInts, ""), HasSubstr("is cut"));
    EXPECT_THAT(error_of(kInts, "07"), HasSubstr("unknown head"));
    EXPECT_THAT(error_of(kInts, "20"), HasSubstr("unknown head"));
    EXPECT_THAT(error_of(kInts, "0102"), HasSubstr("is cut"));
    EXPECT_THAT(error_of(kInts, "010202"), HasSubstr("is cut"));
    EXPECT_THAT(error_of(kInts, "0101feffffff1f"), HasSubstr("out of range"));
    EXPECT_THAT(error_of(kTexts, "01010561"), HasSubstr("is cut"));
    EXPECT_THAT(error_of(kInts, "0000"), HasSubstr("bytes behind its end"));
}

TEST(CompactValue, CountsThatTheBytesCannotHoldAreRefusedAtOnce) {
    // 2^20 elements in each of six dimensions, and 2^63 of them in one.
    EXPECT_THAT(error_of(kInts, "06808040808040808040808040808040808040"), HasSubstr("is cut"));
    EXPECT_THAT(error_of(kInts, "01ffffffffffffffff7f02"), HasSubstr("is cut"));
}

}  // namespace
}  // namespace walpack
