#include "model/value_binary.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"
#include "support/record_log.h"
#include "support/value_samples.h"

namespace walpack {
namespace {

std::string hex_of(ValueKind kind, const Value& value) {
    std::string out;
    append_binary(attribute_of(kind), value, out);
    return to_hex(out);
}

TEST(ValueBinary, WritesBooleansAsOneByte) {
    EXPECT_EQ(hex_of(ValueKind::boolean, boolean_value(true)), "01");
    EXPECT_EQ(hex_of(ValueKind::boolean, boolean_value(false)), "00");
}

TEST(ValueBinary, WritesIntegersInTheWidthOfTheirType) {
    EXPECT_EQ(hex_of(ValueKind::int2, integer_value(-2)), "fffe");
    EXPECT_EQ(hex_of(ValueKind::int4, integer_value(-2)), "fffffffe");
    EXPECT_EQ(hex_of(ValueKind::int8, integer_value(-2)), "fffffffffffffffe");
    EXPECT_EQ(hex_of(ValueKind::money, integer_value(1234)), "00000000000004d2");
}

TEST(ValueBinary, WritesUnsignedIntegersUpToTheirLimits) {
    EXPECT_EQ(hex_of(ValueKind::oid, integer_value(UINT32_MAX)), "ffffffff");
    EXPECT_EQ(hex_of(ValueKind::uint8, unsigned_value(UINT64_MAX)), "ffffffffffffffff");
    EXPECT_EQ(hex_of(ValueKind::uint8, integer_value(1)), "0000000000000001");
}

TEST(ValueBinary, WritesFloatsAsTheirBits) {
    EXPECT_EQ(hex_of(ValueKind::float4, real_value(1.5)), "3fc00000");
    EXPECT_EQ(hex_of(ValueKind::float8, real_value(-0.0)), "8000000000000000");
    EXPECT_EQ(hex_of(ValueKind::float4, real_value(INFINITY)), "7f800000");
    EXPECT_EQ(hex_of(ValueKind::float4, real_value(std::nan(""))), "7fc00000");
}

TEST(ValueBinary, WritesDatesAndTimesAsIntegers) {
    EXPECT_EQ(hex_of(ValueKind::date, integer_value(INT32_MAX)), "7fffffff");
    EXPECT_EQ(hex_of(ValueKind::time, integer_value(1)), "0000000000000001");
    EXPECT_EQ(hex_of(ValueKind::timestamp, integer_value(-1)), "ffffffffffffffff");
    EXPECT_EQ(hex_of(ValueKind::timestamptz, integer_value(INT64_MIN)), "8000000000000000");
}

TEST(ValueBinary, PutsTheVersionBeforeJsonb) {
    EXPECT_EQ(hex_of(ValueKind::jsonb, bytes_value("{}")), "017b7d");
}

struct SameBytes {
    std::string name;
    ValueKind kind;
    std::string bytes;
};

class ValueBinarySameBytes : public testing::TestWithParam<SameBytes> {};

TEST_P(ValueBinarySameBytes, AreKept) {
    EXPECT_EQ(hex_of(GetParam().kind, bytes_value(GetParam().bytes)), to_hex(GetParam().bytes));
}

INSTANTIATE_TEST_SUITE_P(
    OfKind, ValueBinarySameBytes,
    testing::Values(SameBytes{"Char", ValueKind::character, "\xff"},
                    SameBytes{"Text", ValueKind::text, "a\"b"},
                    SameBytes{"Bytea", ValueKind::bytea, std::string("\0\xff", 2)},
                    SameBytes{"Uuid", ValueKind::uuid, std::string(16, 'u')},
                    SameBytes{"Timetz", ValueKind::timetz, std::string(12, 't')},
                    SameBytes{"Interval", ValueKind::interval, std::string(16, 'i')},
                    SameBytes{"Numeric", ValueKind::numeric, std::string(8, '\0')},
                    SameBytes{"Enum", ValueKind::enumeration, "sad"},
                    SameBytes{"Array", ValueKind::array, std::string(12, '\0')},
                    SameBytes{"Range", ValueKind::range, "\x01"},
                    SameBytes{"Multirange", ValueKind::multirange, std::string(4, '\0')},
                    SameBytes{"Send", ValueKind::send, "anything"}),
    [](const auto& param_info) { return param_info.param.name; });

TEST(ValueBinary, AppendsBehindWhatIsThere) {
    std::string out = "x";
    append_binary(attribute_of(ValueKind::text), bytes_value("y"), out);
    EXPECT_EQ(out, "xy");
}

TEST(ValueBinary, ExistsForEveryKindButOutput) {
    EXPECT_TRUE(has_binary_form(ValueKind::boolean));
    EXPECT_TRUE(has_binary_form(ValueKind::send));
    EXPECT_FALSE(has_binary_form(ValueKind::output));
}

TEST(ValueBinary, PutsAnotherElementOidIntoAnArray) {
    std::string array = from_hex("000000000000000000000017");
    set_array_element_oid(array, 0xAABBCCDD);
    EXPECT_EQ(to_hex(array), "0000000000000000aabbccdd");
}

TEST(ValueBinary, RejectsArrayTooShortForAnElementOid) {
    std::string array(11, '\0');
    EXPECT_EQ(error_of([&] { set_array_element_oid(array, 1); }), "ERROR:  array is cut");
}

struct Refused {
    std::string name;
    ValueKind kind;
    Value value;
};

class ValueBinaryRefused : public testing::TestWithParam<Refused> {};

TEST_P(ValueBinaryRefused, IsAnError) {
    EXPECT_THROW(hex_of(GetParam().kind, GetParam().value), Error);
}

INSTANTIATE_TEST_SUITE_P(
    Value, ValueBinaryRefused,
    testing::Values(
        Refused{"Int2TooLarge", ValueKind::int2, integer_value(32768)},
        Refused{"Int4TooSmall", ValueKind::int4, integer_value(INT64_MIN)},
        Refused{"OidNegative", ValueKind::oid, integer_value(-1)},
        Refused{"OidTooLarge", ValueKind::oid, integer_value(std::int64_t{1} << 32)},
        Refused{"OidUnsigned", ValueKind::oid, unsigned_value(UINT64_MAX)},
        Refused{"Uint8Negative", ValueKind::uint8, integer_value(-1)},
        Refused{"Int8Unsigned", ValueKind::int8, unsigned_value(UINT64_MAX)},
        Refused{"Float4TooPrecise", ValueKind::float4, real_value(0.1)},
        Refused{"DateOutOfRange", ValueKind::date, integer_value(INT32_MAX - 1)},
        Refused{"TimeOutOfRange", ValueKind::time, integer_value(-1)},
        Refused{"TimestampOutOfRange", ValueKind::timestamp, integer_value(INT64_MAX - 1)},
        Refused{"UuidTooShort", ValueKind::uuid, bytes_value("short")},
        Refused{"IntervalTooLong", ValueKind::interval, bytes_value("seventeen bytes..")},
        Refused{"CharEmpty", ValueKind::character, bytes_value("")},
        Refused{"TextIsInteger", ValueKind::text, integer_value(1)},
        Refused{"BooleanIsInteger", ValueKind::boolean, integer_value(1)}),
    [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace walpack
