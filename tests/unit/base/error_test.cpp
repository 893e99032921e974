#include "base/error.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

TEST(Error, ReportsMessageDetailAndHintOnLinesOfTheirOwn) {
    const Error error = Error(ErrorKind::config, "no such thing")
                            .detail("It was looked for.")
                            .hint("Make one.")
                            .sqlstate("42P01")
                            .at_lsn("0/1");
    EXPECT_EQ(
        error.report(),
        "ERROR:  42P01: no such thing (LSN 0/1)\nDETAIL:  It was looked for.\nHINT:  Make one.");
}

TEST(Error, LeavesOutWhatIsNotKnown) {
    EXPECT_EQ(Error(ErrorKind::limit, "too much").report(), "ERROR:  too much");
}

TEST(Error, KeepsTheFirstLsn) {
    EXPECT_EQ(Error(ErrorKind::value, "x").at_lsn("0/1").at_lsn("0/2").lsn(), "0/1");
}

}  // namespace
}  // namespace walpack
