// A sub-command: what help says of it, what it accepts, what it does. The table of all of them
// drives parsing and help.
//
// Exit codes, of every command: 0 it did what it says; 1 it could not, the reason is on standard
// error; 2 the command line or the configuration is wrong.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace walpack {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

// A command line, taken apart.
struct Invocation {
    std::optional<std::string> config_path;
    std::map<std::string, std::string> flags;    // configuration key -> text
    std::set<std::string> switches;              // of the command, without the hyphens in front
    std::map<std::string, std::string> options;  // of the command, the same -> text
    std::string argument;                        // of a command that takes one; empty without
    std::string second_argument;
    std::map<std::string, std::vector<std::string>> lists;  // options that may be repeated
};

struct CommandSwitch {
    std::string name;  // with hyphens between words, without those in front
    std::string description;
};

struct CommandOption {
    std::string name;        // as that of a switch
    std::string value_name;  // in capitals, for help
    std::string description;
};

struct CommandArgument {
    std::string name;  // in capitals, for help
    std::string description;
};

// Which configuration keys the help of a command lists. Those of the file are all valid in any
// case, so that one file serves every command.
enum class KeyHelp { none, pipeline, all };

struct Command {
    std::string name;
    std::string summary;  // one line, for the overview
    std::string description;
    KeyHelp key_help = KeyHelp::none;
    std::vector<CommandSwitch> switches;
    std::vector<CommandOption> options;
    std::optional<CommandArgument> argument;
    std::optional<CommandArgument> second_argument;
    std::vector<CommandOption> lists;
    int (*run)(const Invocation& invocation) = nullptr;
};

// In the order in which an operator needs them.
const std::vector<Command>& commands();

// nullptr when there is no such command.
const Command* find_command(const std::string& name);

}  // namespace walpack
