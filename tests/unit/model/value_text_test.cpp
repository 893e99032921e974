#include "model/value_text.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/record_log.h"
#include "support/value_samples.h"

namespace walpack {
namespace {

std::string text_of(ValueKind kind, const Value& value) {
    return to_text(attribute_of(kind), value).value_or("no text");
}

std::string text_of(const Attribute& attribute, std::string_view hex) {
    const std::string bytes = from_hex(hex);
    return to_text(attribute, bytes_value(bytes)).value_or("no text");
}

std::string text_of(ValueKind kind, std::string_view hex) {
    return text_of(attribute_of(kind), hex);
}

std::string text_error_of(const Attribute& attribute, std::string_view hex) {
    return error_of([&] { text_of(attribute, hex); });
}

TEST(ValueText, WritesBooleansAsOneLetter) {
    EXPECT_EQ(text_of(ValueKind::boolean, boolean_value(true)), "t");
    EXPECT_EQ(text_of(ValueKind::boolean, boolean_value(false)), "f");
}

TEST(ValueText, WritesIntegersUpToTheirLimits) {
    EXPECT_EQ(text_of(ValueKind::int2, integer_value(INT16_MIN)), "-32768");
    EXPECT_EQ(text_of(ValueKind::int4, integer_value(INT32_MAX)), "2147483647");
    EXPECT_EQ(text_of(ValueKind::int8, integer_value(INT64_MIN)), "-9223372036854775808");
    EXPECT_EQ(text_of(ValueKind::oid, integer_value(UINT32_MAX)), "4294967295");
}

TEST(ValueText, WritesEightByteTypesByTheirName) {
    EXPECT_EQ(to_text(attribute_of(ValueKind::uint8, "xid8"), unsigned_value(UINT64_MAX)),
              "18446744073709551615");
    EXPECT_EQ(to_text(attribute_of(ValueKind::uint8, "pg_lsn"), unsigned_value(UINT64_MAX)),
              "FFFFFFFF/FFFFFFFF");
}

TEST(ValueText, HasNoneForAnEightByteTypeOfAnotherName) {
    EXPECT_EQ(to_text(attribute_of(ValueKind::uint8, "other"), integer_value(1)), std::nullopt);
}

TEST(ValueText, GoesByTheBaseTypeOfADomain) {
    Attribute domain = attribute_of(ValueKind::uint8, "position");
    domain.base = TypeName{.oid = 3220, .schema = "pg_catalog", .name = "pg_lsn"};
    EXPECT_EQ(to_text(domain, integer_value(16)), "0/10");
}

TEST(ValueText, WritesMoneyAsItsSmallestUnits) {
    EXPECT_EQ(text_of(ValueKind::money, integer_value(-1234)), "-1234");
}

TEST(ValueText, KeepsTextAsItIs) {
    EXPECT_EQ(text_of(ValueKind::text, bytes_value("a \"b\"\n'c' \\ ")), "a \"b\"\n'c' \\ ");
    EXPECT_EQ(text_of(ValueKind::jsonb, bytes_value("{\"a\": 1}")), "{\"a\": 1}");
    EXPECT_EQ(text_of(ValueKind::enumeration, bytes_value("it's")), "it's");
    EXPECT_EQ(text_of(ValueKind::output, bytes_value("(1,)")), "(1,)");
}

TEST(ValueText, WritesByteaAsHex) {
    EXPECT_EQ(text_of(ValueKind::bytea, "00ff5c"), "\\x00ff5c");
    EXPECT_EQ(text_of(ValueKind::bytea, ""), "\\x");
}

TEST(ValueText, WritesUuidInGroups) {
    EXPECT_EQ(text_of(ValueKind::uuid, "00112233445566778899aabbccddeeff"),
              "00112233-4455-6677-8899-aabbccddeeff");
}

TEST(ValueText, WritesAsciiCharAsItself) {
    EXPECT_EQ(text_of(ValueKind::character, bytes_value("a")), "a");
}

TEST(ValueText, WritesOtherCharInOctal) {
    EXPECT_EQ(text_of(ValueKind::character, bytes_value("\xc8")), "\\310");
}

TEST(ValueText, WritesZeroCharAsNothing) {
    EXPECT_EQ(text_of(ValueKind::character, "00"), "");
}

TEST(ValueText, HasNoneForKindSend) {
    EXPECT_EQ(to_text(attribute_of(ValueKind::send), bytes_value("x")), std::nullopt);
}

// --- containers ---

TEST(ValueText, HasNoneForAnArrayOfKindSend) {
    EXPECT_EQ(text_of(container_of(ValueKind::array, ValueKind::send),
                      "00000001000000000000001700000001000000010000000161"),
              "no text");
}

TEST(ValueText, HasNoneForAnArrayOfRangesOfUnknownSubtype) {
    const Attribute array = container_of(ValueKind::array, ValueKind::range, "myrange");
    EXPECT_EQ(text_of(array, "000000010000000000000017000000010000000100000009080000000400000003"),
              "no text");
}

TEST(ValueText, WritesArrayOfBuiltInRanges) {
    const Attribute array = container_of(ValueKind::array, ValueKind::range, "int4range");
    EXPECT_EQ(text_of(array, "000000010000000000000017000000010000000100000009080000000400000003"),
              "{\"(,3)\"}");
}

TEST(ValueText, WritesArrayOfLsns) {
    const Attribute array = container_of(ValueKind::array, ValueKind::uint8, "pg_lsn");
    EXPECT_EQ(text_of(array, "00000001000000000000001700000001000000010000000800000016000000FF"),
              "{16/FF}");
}

TEST(ValueText, WritesArrayOfJsonbWithoutItsVersion) {
    const Attribute array = container_of(ValueKind::array, ValueKind::jsonb);
    EXPECT_EQ(text_of(array, "00000001000000000000001700000001000000010000000401226122"),
              "{\"\\\"a\\\"\"}");
}

// --- what is refused ---

TEST(ValueText, RejectsIntegerBeyondItsType) {
    EXPECT_EQ(error_of([] { text_of(ValueKind::int2, integer_value(32768)); }),
              "ERROR:  value of column \"a\" is out of range for kind int2");
}

TEST(ValueText, RejectsNegativeOid) {
    EXPECT_EQ(error_of([] { text_of(ValueKind::oid, integer_value(-1)); }),
              "ERROR:  value of column \"a\" is out of range for kind oid");
}

TEST(ValueText, RejectsFloat4WithTheDigitsOfAFloat8) {
    EXPECT_EQ(error_of([] { text_of(ValueKind::float4, real_value(0.1)); }),
              "ERROR:  value of column \"a\" has too many digits for kind float4");
}

TEST(ValueText, RejectsFloat4BeyondItsRange) {
    EXPECT_EQ(error_of([] { text_of(ValueKind::float4, real_value(1e300)); }),
              "ERROR:  value of column \"a\" has too many digits for kind float4");
}

TEST(ValueText, RejectsValueOfAnotherForm) {
    EXPECT_EQ(error_of([] { text_of(ValueKind::int4, bytes_value("1")); }),
              "ERROR:  value of column \"a\" has the wrong form for kind int4");
}

TEST(ValueText, RejectsUuidOfAnotherSize) {
    EXPECT_EQ(text_error_of(attribute_of(ValueKind::uuid), "00"),
              "ERROR:  value of column \"a\" has the wrong size for kind uuid");
}

TEST(ValueText, RejectsTextWithZeroByte) {
    EXPECT_EQ(text_error_of(attribute_of(ValueKind::text), "610062"),
              "ERROR:  text holds a zero byte");
}

TEST(ValueText, RejectsElementOfAnotherSize) {
    EXPECT_EQ(text_error_of(container_of(ValueKind::array, ValueKind::int4),
                            "00000001000000000000001700000001000000010000000161"),
              "ERROR:  send form of a value is cut");
}

TEST(ValueText, RejectsElementWithBytesBehindItsEnd) {
    EXPECT_EQ(text_error_of(container_of(ValueKind::array, ValueKind::int2),
                            "00000001000000000000001700000001000000010000000400000001"),
              "ERROR:  send form of a value has bytes behind its end");
}

TEST(ValueText, RejectsJsonbElementOfUnknownVersion) {
    EXPECT_EQ(error_of([] { send_form_to_text(ValueKind::jsonb, "\x02{}"); }),
              "ERROR:  send form of a jsonb has an unknown version");
}

TEST(ValueText, GivesNoneForSendFormsThatDependOnTheType) {
    EXPECT_EQ(send_form_to_text(ValueKind::uint8, "12345678"), std::nullopt);
    EXPECT_EQ(send_form_to_text(ValueKind::array, ""), std::nullopt);
    EXPECT_EQ(send_form_to_text(ValueKind::range, ""), std::nullopt);
    EXPECT_EQ(send_form_to_text(ValueKind::output, "x"), std::nullopt);
}

}  // namespace
}  // namespace walpack
