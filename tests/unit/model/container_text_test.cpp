#include "model/container_text.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "model/value_text.h"
#include "support/record_log.h"
#include "support/value_samples.h"

namespace walpack {
namespace {

std::optional<std::string> int4_text(std::string_view bytes) {
    return send_form_to_text(ValueKind::int4, bytes);
}

std::optional<std::string> plain_text(std::string_view bytes) {
    return std::string(bytes);
}

std::optional<std::string> no_text(std::string_view) {
    return std::nullopt;
}

struct Sample {
    std::string name;
    std::string hex;
    std::string text;
};

std::string name_of(const testing::TestParamInfo<Sample>& param_info) {
    return param_info.param.name;
}

// --- arrays ---

class ArrayText : public testing::TestWithParam<Sample> {};

TEST_P(ArrayText, IsTheServers) {
    EXPECT_EQ(array_text(from_hex(GetParam().hex), int4_text), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Of, ArrayText,
    testing::Values(
        Sample{"Nothing", "000000000000000000000017", "{}"},
        Sample{"Null",
               "00000001000000010000001700000003000000010000000400000001ffffffff00000004fffffffd",
               "{1,NULL,-3}"},
        Sample{"LowerBound",
               "000000010000000000000017000000020000000000000004000000010000000400000002",
               "[0:1]={1,2}"},
        Sample{"TwoDimensions",
               "0000000200000000000000170000000200000001000000020000000100000004000000010000000400"
               "00000200000004000000030000000400000004",
               "{{1,2},{3,4}}"},
        Sample{"TwoDimensionsWithLowerBounds",
               "00000002000000000000001700000002ffffffff000000020000000200000004000000010000000400"
               "00000200000004000000030000000400000004",
               "[-1:0][2:3]={{1,2},{3,4}}"},
        Sample{"ThreeDimensions",
               "0000000300000000000000170000000100000001000000010000000100000001000000010000000400"
               "000001",
               "{{{1}}}"},
        Sample{"DimensionOfNoLength", "0000000100000000000000170000000000000001", "{}"}),
    name_of);

struct QuotedSample {
    std::string name;
    std::string element;
    std::string text;
};

class ArrayElementText : public testing::TestWithParam<QuotedSample> {};

TEST_P(ArrayElementText, IsQuotedWhereTheServerQuotes) {
    const std::string& element = GetParam().element;
    const std::string array = from_hex("0000000100000000000000190000000100000001000000") +
                              static_cast<char>(element.size()) + element;
    EXPECT_EQ(array_text(array, plain_text), '{' + GetParam().text + '}');
}

INSTANTIATE_TEST_SUITE_P(Of, ArrayElementText,
                         testing::Values(QuotedSample{"Nothing", "", "\"\""},
                                         QuotedSample{"Plain", "a-b", "a-b"},
                                         QuotedSample{"NullWord", "null", "\"null\""},
                                         QuotedSample{"NullWordInCapitals", "NULL", "\"NULL\""},
                                         QuotedSample{"AlmostNullWord", "nul", "nul"},
                                         QuotedSample{"Space", "a b", "\"a b\""},
                                         QuotedSample{"Tab", "a\tb", "\"a\tb\""},
                                         QuotedSample{"Comma", "a,b", "\"a,b\""},
                                         QuotedSample{"Quote", "a\"b", "\"a\\\"b\""},
                                         QuotedSample{"Backslash", "a\\b", "\"a\\\\b\""},
                                         QuotedSample{"OpenBrace", "{", "\"{\""},
                                         QuotedSample{"CloseBrace", "}", "\"}\""},
                                         QuotedSample{"Semicolon", "a;b", "a;b"},
                                         QuotedSample{"Utf8", "ä", "ä"}),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(ArrayText, IsNoneWhenTheElementsHaveNone) {
    EXPECT_EQ(array_text(from_hex("00000001000000000000001700000001000000010000000161"), no_text),
              std::nullopt);
}

class InvalidArray : public testing::TestWithParam<Sample> {};

TEST_P(InvalidArray, IsRejected) {
    EXPECT_EQ(error_of([] { array_text(from_hex(GetParam().hex), int4_text); }),
              "ERROR:  " + GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    With, InvalidArray,
    testing::Values(
        Sample{"SevenDimensions", "000000070000000000000017", "array has too many dimensions"},
        Sample{"NegativeDimensions", "ffffffff0000000000000017", "array has too many dimensions"},
        Sample{"UnknownFlags", "000000000000000200000017", "array has unknown flags"},
        Sample{"NegativeLength", "000000010000000000000017ffffffff00000001",
               "array has a dimension out of range"},
        Sample{"UpperBoundOutOfRange", "000000010000000000000017000000027fffffff",
               "array has a dimension out of range"},
        Sample{"MoreElementsThanBytes", "0000000100000000000000177fffffff00000001", "array is cut"},
        Sample{"DimensionsThatOverflow",
               "0000000300000000000000177fffffff000000017fffffff000000017fffffff00000001",
               "array is cut"},
        Sample{"NegativeElementLength", "0000000100000000000000170000000100000001fffffffe",
               "array element has a negative length"},
        Sample{"CutElement", "000000010000000000000017000000010000000100000004000000",
               "send form of a value is cut"},
        Sample{"BytesBehindItsEnd", "00000000000000000000001700",
               "send form of a value has bytes behind its end"},
        Sample{"CutHead", "0000000000000000", "send form of a value is cut"}),
    name_of);

// --- ranges ---

class RangeText : public testing::TestWithParam<Sample> {};

TEST_P(RangeText, IsTheServers) {
    EXPECT_EQ(range_text(from_hex(GetParam().hex), int4_text), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Of, RangeText,
    testing::Values(Sample{"Empty", "01", "empty"},
                    Sample{"Both", "0200000004000000010000000400000005", "[1,5)"},
                    Sample{"Neither", "18", "(,)"}, Sample{"Lower", "120000000400000003", "[3,)"},
                    Sample{"Upper", "080000000400000003", "(,3)"}),
    name_of);

class RangeBoundText : public testing::TestWithParam<Sample> {};

TEST_P(RangeBoundText, IsQuotedWhereTheServerQuotes) {
    EXPECT_EQ(range_text(from_hex(GetParam().hex), plain_text), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Of, RangeBoundText,
    testing::Values(Sample{"Plain", "0600000001610000000162", "[a,b]"},
                    Sample{"NothingAndDoubledSigns", "000000000000000002225c",
                           "(\"\",\"\"\"\\\\\")"},
                    Sample{"SpaceAndComma", "040000000120000000012c", "(\" \",\",\"]"},
                    Sample{"Parentheses", "0200000001280000000129", "[\"(\",\")\")"}),
    name_of);

class InvalidRange : public testing::TestWithParam<Sample> {};

TEST_P(InvalidRange, IsRejected) {
    EXPECT_EQ(error_of([] { range_text(from_hex(GetParam().hex), int4_text); }),
              "ERROR:  " + GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    With, InvalidRange,
    testing::Values(Sample{"UnknownFlag", "40", "range has unknown flags"},
                    Sample{"BytesBehindEmpty", "0100",
                           "send form of a value has bytes behind its end"},
                    Sample{"NegativeLength", "12ffffffff", "send form has a negative length"},
                    Sample{"CutBound", "120000000400", "send form of a value is cut"},
                    Sample{"MissingBound", "020000000400000001", "send form of a value is cut"},
                    Sample{"Nothing", "", "send form of a value is cut"}),
    name_of);

TEST(RangeText, IsNoneWhenTheBoundsHaveNone) {
    EXPECT_EQ(range_text(from_hex("120000000400000003"), no_text), std::nullopt);
}

// --- multiranges ---

TEST(MultirangeText, JoinsItsRanges) {
    EXPECT_EQ(
        multirange_text(from_hex("000000020000001102000000040000000100000004000000030000001102"
                                 "00000004000000050000000400000009"),
                        int4_text),
        "{[1,3),[5,9)}");
}

TEST(MultirangeText, MayHoldNothing) {
    EXPECT_EQ(multirange_text(from_hex("00000000"), int4_text), "{}");
}

TEST(MultirangeText, RejectsFewerRangesThanItsCount) {
    EXPECT_EQ(error_of([] { multirange_text(from_hex("7fffffff0000000101"), int4_text); }),
              "ERROR:  send form of a value is cut");
}

TEST(MultirangeText, RejectsNegativeCount) {
    EXPECT_EQ(error_of([] { multirange_text(from_hex("ffffffff"), int4_text); }),
              "ERROR:  multirange has a negative length");
}

TEST(MultirangeText, IsNoneWhenTheBoundsHaveNone) {
    EXPECT_EQ(multirange_text(from_hex("0000000100000009120000000400000003"), no_text),
              std::nullopt);
}

}  // namespace
}  // namespace walpack
