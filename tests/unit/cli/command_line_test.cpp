#include "cli/command_line.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/command.h"

namespace walpack {
namespace {

using testing::HasSubstr;
using testing::Not;

int run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "walpack");
    return run_command_line(static_cast<int>(arguments.size()), arguments.data());
}

Error error_of(std::vector<const char*> arguments) {
    try {
        run(std::move(arguments));
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "nothing was refused";
    return {ErrorKind::cancelled, ""};
}

TEST(CommandLine, AnswersHelpAndVersion) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(run({"--version"}), kExitDone);
    EXPECT_EQ(run({"help"}), kExitDone);
    EXPECT_EQ(run({"help", "run"}), kExitDone);
    EXPECT_EQ(run({"status", "--help"}), kExitDone);
    EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("Usage: walpack status"));
}

TEST(CommandLine, RefusesMissingAndUnknownCommands) {
    EXPECT_EQ(error_of({}).kind(), ErrorKind::config);
    EXPECT_EQ(error_of({"stauts"}).kind(), ErrorKind::config);
    EXPECT_EQ(error_of({"help", "stauts"}).kind(), ErrorKind::config);
}

TEST(CommandLine, NamesUnknownOptionsWithoutTheirValue) {
    const Error error = error_of({"run", "--pasword=geheim"});
    EXPECT_THAT(error.message(), HasSubstr("\"--pasword\""));
    EXPECT_THAT(error.report(), Not(HasSubstr("geheim")));
}

TEST(CommandLine, DoesNotRepeatStrayArguments) {
    EXPECT_THAT(error_of({"run", "postgresql://u:geheim@db/x"}).report(), Not(HasSubstr("geheim")));
}

TEST(CommandLine, TakesTheOptionsOfACommand) {
    EXPECT_THAT(
        error_of({"skip", "--lsn", "nonsense", "--source=dbname=a", "--target=dbname=b"}).message(),
        HasSubstr("--lsn"));
    EXPECT_THAT(error_of({"run", "--lsn", "0/1"}).message(), HasSubstr("\"--lsn\""));
    EXPECT_THAT(error_of({"release", "--lsn"}).message(), HasSubstr("lsn"));
}

TEST(CommandLine, RefusesAnOptionWithoutItsValue) {
    EXPECT_THAT(error_of({"run", "--slot"}).message(), HasSubstr("slot"));
}

TEST(CommandLine, TakesFlagsWithHyphensAndWithUnderscores) {
    const std::vector<const char*> ends = {"run", "--source=dbname=a", "--target=dbname=b"};
    for (const char* flag : {"--group-rows-max=0", "--group_rows_max=0"}) {
        std::vector<const char*> arguments = ends;
        arguments.push_back(flag);
        EXPECT_THAT(error_of(arguments).message(), HasSubstr("flag --group-rows-max"));
    }
}

TEST(CommandLine, HandsACommandItsArgument) {
    EXPECT_THAT(error_of({"inspect", "/nowhere/stream"}).message(),
                HasSubstr("\"/nowhere/stream\""));
}

TEST(CommandLine, RefusesToDropNeitherEnd) {
    EXPECT_THAT(error_of({"drop", "--source=dbname=a", "--target=dbname=b", "--source-only",
                          "--target-only"})
                    .message(),
                HasSubstr("exclude each other"));
}

}  // namespace
}  // namespace walpack
