#include "copy/copy_text.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

using Values = std::vector<std::optional<std::string>>;

TEST(CopyText, ARowIsItsValuesBetweenTabs) {
    EXPECT_EQ(parse_copy_row("1\tabc\t\n"), (Values{"1", "abc", ""}));
    EXPECT_EQ(parse_copy_row("one"), (Values{"one"}));
}

TEST(CopyText, NullIsToldFromItsLetters) {
    EXPECT_EQ(parse_copy_row("\\N\t\\\\N\tN\n"), (Values{std::nullopt, "\\N", "N"}));
}

TEST(CopyText, EscapesAreUndone) {
    EXPECT_EQ(parse_copy_row("a\\tb\\nc\\\\d\\r\\b\\f\\v\n"), (Values{"a\tb\nc\\d\r\b\f\v"}));
    EXPECT_EQ(parse_copy_row("\\\\t\t\\\\\n"), (Values{"\\t", "\\"}));
}

TEST(CopyText, BytesBeyondAsciiStay) {
    EXPECT_EQ(parse_copy_row("\xc3\xa9\t\xe9\n"), (Values{"\xc3\xa9", "\xe9"}));
}

}  // namespace
}  // namespace walpack
