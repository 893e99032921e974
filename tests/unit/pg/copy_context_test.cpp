// Which column a failed COPY names, without the value that the context holds as well.
#include <gtest/gtest.h>

#include "pg/result.h"

namespace walpack {
namespace {

TEST(CopyContext, NamesTheColumnWithoutItsValue) {
    EXPECT_EQ(column_of_copy_context("COPY t, line 3, column v: \"secret\""), "v");
    EXPECT_EQ(column_of_copy_context("COPY t, line 3, column v"), "v");
    EXPECT_EQ(column_of_copy_context("COPY t, line 3, column v: null input"), "v");
}

TEST(CopyContext, TakesOddNamesAsTheyAre) {
    EXPECT_EQ(column_of_copy_context("COPY odd, line x, column y, line 12, column a b: \"1\""), "");
    EXPECT_EQ(column_of_copy_context("COPY t, line 12, column a, column b: \"1\""), "a, column b");
}

TEST(CopyContext, FindsItsLineAmongOthers) {
    EXPECT_EQ(column_of_copy_context("JSON data, line 1: {\"a\" secret\nCOPY t, line 3, column j: "
                                     "\"{\"a\" secret\""),
              "j");
}

TEST(CopyContext, IsEmptyWithoutAColumn) {
    for (const char* context : {"", "COPY t, line 3", "COPY t, line 3: \"1, column v\"", "COPY t",
                                "line 3, column v", "SQL statement \"COPY t, line 3, column v\""}) {
        EXPECT_EQ(column_of_copy_context(context), "") << context;
    }
}

}  // namespace
}  // namespace walpack
