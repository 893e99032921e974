// What an operator is told when the stream, the log and a target do not fit together.
#include "service/continuity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace walpack {
namespace {

using testing::HasSubstr;
using testing::Not;

template <typename Check>
std::string hint_of(Check check) {
    try {
        check();
    } catch (const Error& error) {
        return error.hint();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
}

ProgressRow applied_up_to(Lsn lsn) {
    ProgressRow row;
    row.applied_lsn = lsn;
    return row;
}

std::string hint_of_gap(const std::string& only_target) {
    return hint_of([&only_target] {
        require_continuity("walpack_main", applied_up_to(Lsn{100}), Lsn{200}, "", only_target);
    });
}

TEST(Continuity, APipelineWithOneTargetStartsOverAsAWhole) {
    const std::string hint = hint_of_gap("");
    EXPECT_THAT(hint, HasSubstr("\"walpack drop\""));
    EXPECT_THAT(hint, HasSubstr("\"walpack init\""));
    EXPECT_THAT(hint, Not(HasSubstr("--only-target")));
}

TEST(Continuity, OneOfSeveralTargetsStartsOverAlone) {
    const SourceHistory written_less{1, Lsn{50}, {}};
    for (const std::string& hint : {
             hint_of_gap("second"),
             hint_of([] { require_system(1, 2, "second"); }),
             hint_of([&] { require_history(1, Lsn{100}, written_less, "target", "second"); }),
         }) {
        EXPECT_THAT(hint, HasSubstr("\"walpack drop --only-target second\""));
        EXPECT_THAT(hint, HasSubstr("\"walpack init --only-target second\""));
        EXPECT_THAT(hint, Not(HasSubstr("\"walpack drop\"")));
    }
}

TEST(Continuity, ALogThatIsAheadMayBeMovedAway) {
    const SourceHistory written_less{1, Lsn{50}, {}};
    EXPECT_THAT(hint_of([&] { require_history(1, Lsn{100}, written_less, "log", ""); }),
                HasSubstr("move its folder away"));
}

TEST(Continuity, NothingIsRefusedWhereTheLogReachesBackToTheTarget) {
    require_continuity("walpack_main", applied_up_to(Lsn{200}), Lsn{200}, "", "second");
    require_system(1, 1, "second");
}

}  // namespace
}  // namespace walpack
