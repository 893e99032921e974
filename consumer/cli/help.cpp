#include "cli/help.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "config/config.h"

namespace walpack {
namespace {

constexpr std::size_t kLineWidth = 80;
constexpr std::size_t kOptionIndent = 2;
constexpr std::size_t kTextIndent = 8;

// The words of `text` in lines of at most kLineWidth, each line indented.
std::string wrapped(std::string_view text, std::size_t indent) {
    std::string out;
    std::string line(indent, ' ');
    bool is_empty = true;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (!is_empty && line.size() + 1 + word.size() > kLineWidth) {
            out += line + '\n';
            line.assign(indent, ' ');
            is_empty = true;
        }
        if (!is_empty) line += ' ';
        line += word;
        is_empty = false;
    }
    return out + line + '\n';
}

std::string option_help(const std::string& head, const std::string& text) {
    return fmt::format("{:{}}{}\n", "", kOptionIndent, head) + wrapped(text, kTextIndent);
}

std::string key_help(const ConfigKey& key) {
    std::string flag = key.name;
    std::ranges::replace(flag, '_', '-');
    return option_help(fmt::format("--{} {}", flag, key.value_name),
                       fmt::format("{} Default: {}.", key.description, key.default_text));
}

std::string_view title_of(ConfigGroup group) {
    switch (group) {
        case ConfigGroup::pipeline:
            return "Pipeline";
        case ConfigGroup::stream:
            return "Stream and apply";
        case ConfigGroup::service:
            return "Service";
    }
    return "";
}

std::string group_help(ConfigGroup group) {
    std::string out = fmt::format("\n{}:\n", title_of(group));
    for (const ConfigKey& key : config_keys()) {
        if (key.group == group) out += key_help(key);
    }
    return out;
}

std::string usage_of(const Command& command) {
    std::string usage = "Usage: walpack " + command.name;
    if (command.key_help != KeyHelp::none) usage += " [--config FILE]";
    if (command.key_help != KeyHelp::none || !command.switches.empty()) usage += " [OPTION]...";
    if (command.argument) usage += " [" + command.argument->name + "]";
    if (command.second_argument) usage += " [" + command.second_argument->name + "]";
    return usage + "\n";
}

std::string own_options_help(const Command& command) {
    std::string out = "\nOptions:\n";
    if (command.key_help != KeyHelp::none) {
        out += option_help("-c, --config FILE",
                           "TOML file with the keys below; a flag overrides the file.");
    }
    for (const CommandOption& each : command.options) {
        out += option_help(fmt::format("--{} {}", each.name, each.value_name), each.description);
    }
    for (const CommandOption& each : command.lists) {
        out +=
            option_help(fmt::format("--{} {} ...", each.name, each.value_name), each.description);
    }
    for (const CommandSwitch& each : command.switches) {
        out += option_help("--" + each.name, each.description);
    }
    return out + option_help("-h, --help", "This text.");
}

std::string keys_help(const Command& command) {
    switch (command.key_help) {
        case KeyHelp::none:
            return "";
        case KeyHelp::pipeline:
            return group_help(ConfigGroup::pipeline) + "\n" +
                   wrapped(
                       "The other keys of \"walpack run\" may stand in the file and on the command "
                       "line too.",
                       0);
        case KeyHelp::all:
            return group_help(ConfigGroup::pipeline) + group_help(ConfigGroup::stream) +
                   group_help(ConfigGroup::service);
    }
    return "";
}

}  // namespace

std::string overview_help() {
    std::string out = wrapped(
        "walpack applies the changes of one PostgreSQL database to another, each transaction once "
        "and in commit order.",
        0);
    out += "\nUsage: walpack COMMAND [OPTION]...\n\nCommands:\n";
    for (const Command& command : commands()) {
        out += fmt::format("  {:<11}{}\n", command.name, command.summary);
    }
    out += fmt::format("  {:<11}{}\n", "help", "print the help of a command");
    out +=
        "\nOptions:\n"
        "  -h, --help\n        This text.\n"
        "  --version\n        The version.\n"
        "\n";
    out += wrapped(
        "Exit status: 0 done; 1 failed, the reason is on standard error; 2 the command line or the "
        "configuration is wrong.",
        0);
    return out;
}

std::string command_help(const Command& command) {
    std::string out = usage_of(command) + "\n" + wrapped(command.description, 0);
    if (command.argument) {
        out += "\nArgument:\n" + option_help(command.argument->name, command.argument->description);
    }
    if (command.second_argument) {
        out += option_help(command.second_argument->name, command.second_argument->description);
    }
    return out + own_options_help(command) + keys_help(command);
}

}  // namespace walpack
