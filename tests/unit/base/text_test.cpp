#include "base/text.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

TEST(QuoteIdentifier, DoublesQuotes) {
    EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
}

TEST(QuoteIdentifier, LeavesEverythingElseAlone) {
    EXPECT_EQ(quote_identifier("$1; --\n'\\"), "\"$1; --\n'\\\"");
}

TEST(QuoteLiteral, DoublesQuotes) {
    EXPECT_EQ(quote_literal("it's"), "'it''s'");
}

TEST(QuoteLiteral, UsesTheEscapeFormForBackslashes) {
    EXPECT_EQ(quote_literal("a\\'b"), " E'a\\\\''b'");
}

TEST(QuoteJson, EscapesQuotesBackslashesAndControls) {
    EXPECT_EQ(quote_json("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\u000a\\u0001\"");
}

TEST(QuoteJson, LeavesBytesBeyondAsciiAlone) {
    EXPECT_EQ(quote_json("\xc3\xa4"), "\"\xc3\xa4\"");
}

TEST(ToHex, WritesTwoLowerCaseDigitsPerByte) {
    EXPECT_EQ(to_hex(std::string("\x00\xff\x1a", 3)), "00ff1a");
}

TEST(HumanBytes, WritesSmallNumbersExactly) {
    EXPECT_EQ(human_bytes(1023), "1023 bytes");
}

TEST(HumanBytes, WritesLargeNumbersInBinaryUnits) {
    EXPECT_EQ(human_bytes(1536), "1.5 kB");
    EXPECT_EQ(human_bytes(std::uint64_t{3} << 30), "3.0 GB");
}

TEST(CountCharacters, CountsThoseOfUtf8AndBytesOfWhatIsNot) {
    EXPECT_EQ(count_characters(""), 0U);
    EXPECT_EQ(count_characters("abc "), 4U);
    EXPECT_EQ(count_characters("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 3U);
    EXPECT_EQ(count_characters("\xe4\xf6 "), 3U);
    EXPECT_EQ(count_characters("a\xc3"), 2U);
    EXPECT_EQ(count_characters("\xf8\x80\x80\x80\x80"), 5U);
}

}  // namespace
}  // namespace walpack
