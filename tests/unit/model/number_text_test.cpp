#include "model/number_text.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/record_log.h"
#include "support/value_samples.h"

namespace walpack {
namespace {

// --- floats: texts as a server prints them ---

struct Float8Sample {
    std::string name;
    double value;
    std::string text;
};

class Float8Text : public testing::TestWithParam<Float8Sample> {};

TEST_P(Float8Text, IsTheServers) {
    EXPECT_EQ(float8_text(GetParam().value), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Of, Float8Text,
    testing::Values(
        Float8Sample{"Zero", 0, "0"}, Float8Sample{"MinusZero", -0.0, "-0"},
        Float8Sample{"Whole", 100, "100"}, Float8Sample{"Tenth", 0.1, "0.1"},
        Float8Sample{"Negative", -12.5, "-12.5"}, Float8Sample{"LastFixedSmall", 0.0001, "0.0001"},
        Float8Sample{"FirstScientificSmall", 0.00001, "1e-05"},
        Float8Sample{"LastFixedLarge", 123456789012345, "123456789012345"},
        Float8Sample{"FirstScientificLarge", 1e15, "1e+15"},
        Float8Sample{"Scientific", 1.25e-300, "1.25e-300"},
        Float8Sample{"SeventeenDigits", 0.1 + 0.2, "0.30000000000000004"},
        Float8Sample{"Max", std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
        Float8Sample{"Min", std::numeric_limits<double>::min(), "2.2250738585072014e-308"},
        Float8Sample{"SmallestSubnormal", 5e-324, "5e-324"},
        Float8Sample{"Midpoint", 9007199254740993e22, "9.007199254740994e+37"},
        Float8Sample{"NotANumber", std::nan(""), "NaN"},
        Float8Sample{"Infinite", INFINITY, "Infinity"},
        Float8Sample{"MinusInfinite", -INFINITY, "-Infinity"}),
    [](const auto& param_info) { return param_info.param.name; });

struct Float4Sample {
    std::string name;
    float value;
    std::string text;
};

class Float4Text : public testing::TestWithParam<Float4Sample> {};

TEST_P(Float4Text, IsTheServers) {
    EXPECT_EQ(float4_text(GetParam().value), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Of, Float4Text,
                         testing::Values(Float4Sample{"Tenth", 0.1F, "0.1"},
                                         Float4Sample{"Whole", 16777216, "1.6777216e+07"},
                                         Float4Sample{"LastFixedLarge", 999999, "999999"},
                                         Float4Sample{"FirstScientificLarge", 1000000, "1e+06"},
                                         Float4Sample{"Max", std::numeric_limits<float>::max(),
                                                      "3.4028235e+38"},
                                         Float4Sample{"SmallestSubnormal", 1e-45F, "1e-45"},
                                         Float4Sample{"NotANumber", std::nanf(""), "NaN"}),
                         [](const auto& param_info) { return param_info.param.name; });

// --- numeric ---

struct NumericSample {
    std::string name;
    std::string hex;
    std::string text;
};

class NumericText : public testing::TestWithParam<NumericSample> {};

TEST_P(NumericText, IsTheServers) {
    EXPECT_EQ(numeric_text(from_hex(GetParam().hex)), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Of, NumericText,
    testing::Values(
        NumericSample{"Zero", "0000000000000000", "0"},
        NumericSample{"ZeroWithScale", "0000000000000002", "0.00"},
        NumericSample{"One", "00010000000000000001", "1"},
        NumericSample{"MinusOne", "00010000400000000001", "-1"},
        NumericSample{"TrailingZeros", "000200000000000200011388", "1.50"},
        NumericSample{"TenThousand", "00010001000000000001", "10000"},
        NumericSample{"InnerZeros", "000300010000000104d2162e2328", "12345678.9"},
        NumericSample{"SmallFraction", "0001ffff000000040001", "0.0001"},
        NumericSample{"FractionWithScale", "0001ffff000000050001", "0.00010"},
        NumericSample{"MinusHalf", "0001ffff400000011388", "-0.5"},
        NumericSample{"GroupsNotStored", "00010005000000000001", "100000000000000000000"},
        NumericSample{"ManyDigits", "000b000700000009000c0d801ed204d2162e23340d801ed204d2162e2328",
                      "123456789012345678901234567890.123456789"},
        NumericSample{"FractionGroupsNotStored", "0001fffa000000180001",
                      "0.000000000000000000000001"},
        NumericSample{"NotANumber", "00000000c0000000", "NaN"},
        NumericSample{"Infinite", "00000000d0000020", "Infinity"},
        NumericSample{"MinusInfinite", "00000000f0000020", "-Infinity"}),
    [](const auto& param_info) { return param_info.param.name; });

std::string numeric_error_of(std::string_view hex) {
    return error_of([&] { numeric_text(from_hex(hex)); });
}

TEST(NumericText, RejectsUnknownSign) {
    EXPECT_EQ(numeric_error_of("00010000100000000001"), "ERROR:  numeric has an unknown sign");
}

TEST(NumericText, RejectsDigitBeyondItsBase) {
    EXPECT_EQ(numeric_error_of("00010000000000002710"), "ERROR:  numeric has a digit out of range");
}

TEST(NumericText, RejectsNegativeDigit) {
    EXPECT_EQ(numeric_error_of("0001000000000000ffff"), "ERROR:  numeric has a digit out of range");
}

TEST(NumericText, RejectsScaleBeyondItsRange) {
    EXPECT_EQ(numeric_error_of("00010000000040000001"),
              "ERROR:  numeric has a display scale out of range");
}

TEST(NumericText, RejectsDigitsBehindTheScale) {
    EXPECT_EQ(numeric_error_of("000200000000000100011388").substr(0, 8), "no error");
    EXPECT_EQ(numeric_error_of("000200000000000000011388"),
              "ERROR:  numeric has digits behind its display scale");
}

TEST(NumericText, RejectsFewerDigitsThanItsCount) {
    EXPECT_EQ(numeric_error_of("ffff0000000000000001"), "ERROR:  send form of a value is cut");
}

TEST(NumericText, RejectsMoreDigitsThanItsCount) {
    EXPECT_EQ(numeric_error_of("000000000000000000ff"),
              "ERROR:  send form of a value has bytes behind its end");
}

TEST(NumericText, RejectsEmptySendForm) {
    EXPECT_EQ(numeric_error_of(""), "ERROR:  send form of a value is cut");
}

}  // namespace
}  // namespace walpack
