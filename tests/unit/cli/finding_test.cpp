#include "cli/finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walpack {
namespace {

TEST(Findings, PrintTheSourceFirstAndEachFixBelowItsFinding) {
    Findings findings;
    findings.problem(End::target, "no table", "make it;\nor not");
    findings.ok(End::source, "fine");
    EXPECT_EQ(findings.report(Severity::ok),
              "source\n"
              "  ok       fine\n"
              "target\n"
              "  PROBLEM  no table\n"
              "           fix: make it;\n"
              "                or not\n");
}

TEST(Findings, LeaveOutWhatIsLessSevere) {
    Findings findings;
    findings.ok(End::source, "fine");
    findings.note(End::source, "by the way");
    EXPECT_EQ(findings.report(Severity::note), "source\n  note     by the way\n");
    EXPECT_EQ(findings.report(Severity::warning), "");
}

TEST(Findings, TurnAnErrorIntoAProblemAndGoOn) {
    Findings findings;
    findings.check(End::source, "slots",
                   [] { throw Error(ErrorKind::schema, "denied").hint("Ask."); });
    findings.check(End::source, "tables", [&] { findings.ok(End::source, "fine"); });
    ASSERT_EQ(findings.all().size(), 2U);
    EXPECT_EQ(findings.problem_count(), 1U);
    EXPECT_EQ(findings.all()[0].text, "slots: denied");
    EXPECT_EQ(findings.all()[0].fix, "Ask.");
}

TEST(Findings, LetARequestedStopThrough) {
    Findings findings;
    EXPECT_THROW(
        findings.check(End::source, "slots", [] { throw Error(ErrorKind::cancelled, "stopped"); }),
        Error);
}

}  // namespace
}  // namespace walpack
