// Which pg_dump is taken, and how its processes are run.
#include "structure/client_programs.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "base/error.h"
#include "structure/child_program.h"

namespace walpack {
namespace {

TEST(ProgramVersion, IsTheMajorOne) {
    EXPECT_EQ(parse_program_version("pg_dump (PostgreSQL) 15.20 (Debian 15.20-0)\n"), 15);
    EXPECT_EQ(parse_program_version("pg_dump (PostgreSQL) 19rc1\n"), 19);
}

TEST(ProgramVersion, IsUnknownOfAnythingElse) {
    EXPECT_EQ(parse_program_version("Error: no cluster"), std::nullopt);
    EXPECT_EQ(parse_program_version("pg_dump (PostgreSQL) devel"), std::nullopt);
    EXPECT_EQ(parse_program_version(""), std::nullopt);
}

TEST(ClientProgramsChoice, IsTheLowestThatIsNewEnough) {
    const std::vector<ClientPrograms> found = {
        {"/17/pg_dump", "", 17}, {"/14/pg_dump", "", 14}, {"/16/pg_dump", "", 16}};
    EXPECT_EQ(choose_client_programs(found, 15)->pg_dump, "/16/pg_dump");
    EXPECT_EQ(choose_client_programs(found, 17)->pg_dump, "/17/pg_dump");
    EXPECT_EQ(choose_client_programs(found, 18), nullptr);
}

TEST(ClientProgramsChoice, IsTheFirstOfEqualVersions) {
    const std::vector<ClientPrograms> found = {{"/a", "", 15}, {"/b", "", 15}};
    EXPECT_EQ(choose_client_programs(found, 15)->pg_dump, "/a");
}

TEST(FindClientPrograms, SaysWhatToInstallForANewerServer) {
    const StopRequest stop;
    try {
        find_client_programs(990000, stop);
        FAIL() << "version 99 was found";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::config);
        EXPECT_NE(error.hint().find("postgresql-client-99"), std::string::npos);
    }
}

TEST(ChildProgram, GivesOutputErrorsAndStatus) {
    const StopRequest stop;
    const ChildOutcome outcome = run_child(
        {{"/bin/sh", "-c", "echo $GIVEN; echo wrong >&2; exit 3"}, {{"GIVEN", "x"}}, {}}, stop);
    EXPECT_EQ(outcome.output, "x\n");
    EXPECT_EQ(outcome.errors, "wrong\n");
    EXPECT_EQ(outcome.status, 3);
}

TEST(ChildProgram, PassesArgumentsWithoutAShell) {
    const StopRequest stop;
    EXPECT_EQ(run_child({{"/bin/echo", "$(id) `id` \"q\""}, {}, {}}, stop).output,
              "$(id) `id` \"q\"\n");
}

TEST(ChildProgram, ReadsAFileInMemory) {
    const StopRequest stop;
    const MemoryFile file("in memory");
    EXPECT_EQ(run_child({{"/bin/cat", file.path()}, {}, {file.fd()}}, stop).output, "in memory");
    EXPECT_NE(run_child({{"/bin/cat", file.path()}, {}, {}}, stop).status, 0);
}

TEST(ChildProgram, TellsOfTheSignalThatEndedIt) {
    const StopRequest stop;
    EXPECT_EQ(run_child({{"/bin/sh", "-c", "kill -9 $$"}, {}, {}}, stop).status, 128 + SIGKILL);
}

TEST(ChildProgram, EndsWithARequestedStop) {
    StopRequest stop;
    std::thread requesting([&stop] { stop.request(); });
    EXPECT_THROW(run_child({{"/bin/sleep", "600"}, {}, {}}, stop), Error);
    requesting.join();
}

TEST(ChildProgram, ThatIsMissingIsNamed) {
    const StopRequest stop;
    EXPECT_THROW(run_child({{"/nowhere/pg_dump"}, {}, {}}, stop), Error);
}

}  // namespace
}  // namespace walpack
