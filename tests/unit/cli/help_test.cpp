#include "cli/help.h"

#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace walpack {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string flag_of(const ConfigKey& key) {
    std::string name = key.name;
    std::ranges::replace(name, '_', '-');
    return "  --" + name + " ";
}

TEST(Help, OfRunExplainsEveryKey) {
    const std::string text = command_help(*find_command("run"));
    for (const ConfigKey& key : config_keys()) EXPECT_THAT(text, HasSubstr(flag_of(key)));
}

TEST(Help, OfInitLeavesOutWhatOnlyTheStreamNeeds) {
    const std::string text = command_help(*find_command("init"));
    EXPECT_THAT(text, HasSubstr("--source CONNINFO"));
    EXPECT_THAT(text, Not(HasSubstr("--group-rows-max")));
}

TEST(Help, OfInspectNamesItsFileAndNoKeys) {
    const std::string text = command_help(*find_command("inspect"));
    EXPECT_THAT(text, HasSubstr("Usage: walpack inspect [FILE]"));
    EXPECT_THAT(text, Not(HasSubstr("--config")));
}

TEST(Help, OfAllListsEveryCommand) {
    for (const Command& command : commands()) {
        EXPECT_THAT(overview_help(), HasSubstr("  " + command.name + " "));
    }
}

TEST(Help, FitsATerminal) {
    for (const Command& command : commands()) {
        std::istringstream lines(command_help(command) + overview_help());
        for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
    }
}

}  // namespace
}  // namespace walpack
