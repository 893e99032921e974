#include "config/sql_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walpack {
namespace {

using testing::ElementsAre;

TEST(SqlNames, FoldBareNamesOnly) {
    EXPECT_THAT(*parse_sql_names("Public.\"Orders\""), ElementsAre(SqlName{"public", "Orders"}));
}

TEST(SqlNames, KeepCommasDotsAndQuotesInsideQuotes) {
    EXPECT_THAT(*parse_sql_names("\"a,b\".\"c.\"\"d\", e"),
                ElementsAre(SqlName{"a,b", "c.\"d"}, SqlName{"e"}));
}

TEST(SqlNames, LeaveOtherAlphabetsAsTheyAre) {
    EXPECT_THAT(*parse_sql_names("Größe"), ElementsAre(SqlName{"größe"}));
}

TEST(SqlNames, RefuseWhatIsNotAName) {
    for (const char* text : {"", " ", "a,", ",a", "a b", "a.", ".a", "1a", "\"\"", "\"a", "a;b"}) {
        EXPECT_FALSE(parse_sql_names(text).has_value()) << "'" << text << "'";
    }
}

TEST(SqlNames, RefuseNamesLongerThanTheServerKeeps) {
    EXPECT_TRUE(parse_sql_names(std::string(63, 'a')).has_value());
    EXPECT_FALSE(parse_sql_names(std::string(64, 'a')).has_value());
}

}  // namespace
}  // namespace walpack
