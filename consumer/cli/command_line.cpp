#include "cli/command_line.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/output.h"
#include "config/config.h"

namespace walpack {
namespace {

std::string hyphened(std::string name) {
    std::ranges::replace(name, '_', '-');
    return name;
}

// --batch_bytes_max and --batch-bytes-max are the same flag.
std::string with_hyphens(std::string argument) {
    if (!argument.starts_with("--")) return argument;
    const auto end = argument.begin() +
                     static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size()));
    std::replace(argument.begin(), end, '_', '-');
    return argument;
}

Error usage_error(const std::string& message, const std::string& command) {
    return Error(ErrorKind::config, message)
        .hint(fmt::format("See \"walpack {}--help\".", command.empty() ? "" : command + " "));
}

// The parser of one command; the storage must not move while it lives.
struct Parser {
    explicit Parser(const Command& for_command) : command(for_command) {
        app.set_help_flag();
        app.add_flag("-h,--help", wants_help);
        app.allow_extras();
        if (command.key_help != KeyHelp::none) add_config_options();
        for (const CommandSwitch& each : command.switches)
            app.add_flag("--" + each.name)->disable_flag_override();  // no "--force=false"
        for (const CommandOption& each : command.options)
            app.add_option("--" + each.name, option_texts[each.name]);
        if (command.argument) app.add_option("argument", invocation.argument);
        if (command.second_argument) app.add_option("second", invocation.second_argument);
        for (const CommandOption& each : command.lists)
            app.add_option("--" + each.name, list_texts[each.name])->expected(1)->take_all();
    }

    void add_config_options() {
        app.add_option("-c,--config", config_path);
        for (const ConfigKey& key : config_keys()) {
            app.add_option("--" + hyphened(key.name), flag_texts[key.name]);
        }
    }

    // What was not expected is named only as far as it cannot hold a secret.
    void refuse_extras() const {
        const std::vector<std::string> extras = app.remaining();
        if (extras.empty()) return;
        const std::string& first = extras.front();
        if (!first.starts_with("-")) {
            throw usage_error("an argument was not expected", command.name);
        }
        throw usage_error(
            fmt::format("there is no option \"{}\"", first.substr(0, first.find('='))),
            command.name);
    }

    Invocation take() {
        refuse_extras();
        const bool takes_config = command.key_help != KeyHelp::none;
        if (takes_config && app.count("--config") > 0) invocation.config_path = config_path;
        for (const auto& [key, text] : flag_texts) {
            if (app.count("--" + hyphened(key)) > 0) invocation.flags[key] = text;
        }
        for (const CommandSwitch& each : command.switches) {
            if (app.count("--" + each.name) > 0) invocation.switches.insert(each.name);
        }
        for (const auto& [name, text] : option_texts) {
            if (app.count("--" + name) > 0) invocation.options[name] = text;
        }
        for (const auto& [name, texts] : list_texts) {
            if (!texts.empty()) invocation.lists[name] = texts;
        }
        return invocation;
    }

    const Command& command;
    CLI::App app;
    bool wants_help = false;
    std::string config_path;
    std::map<std::string, std::string> flag_texts;
    std::map<std::string, std::string> option_texts;
    std::map<std::string, std::vector<std::string>> list_texts;
    Invocation invocation;
};

int run_command(const Command& command, std::vector<std::string> arguments) {
    Parser parser(command);
    std::ranges::reverse(arguments);  // as CLI11 wants them
    try {
        parser.app.parse(arguments);
    } catch (const CLI::ParseError& error) {
        throw usage_error(error.what(), command.name);
    }
    if (!parser.wants_help) return command.run(parser.take());
    print(command_help(command));
    return kExitDone;
}

const Command& require_command(const std::string& name) {
    const Command* command = find_command(name);
    if (command == nullptr) throw usage_error("there is no such command", "");
    return *command;
}

int run_help(const std::vector<std::string>& arguments) {
    print(arguments.empty() ? overview_help() : command_help(require_command(arguments.front())));
    return kExitDone;
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
    std::vector<std::string> arguments;
    for (int index = 1; index < argc; ++index) arguments.push_back(with_hyphens(argv[index]));
    if (arguments.empty()) throw usage_error("a command is missing", "");
    const std::string first = arguments.front();
    arguments.erase(arguments.begin());
    if (first == "--version" || first == "version") {
        print("walpack " WALPACK_VERSION "\n");
        return kExitDone;
    }
    if (first == "help" || first == "--help" || first == "-h") return run_help(arguments);
    return run_command(require_command(first), std::move(arguments));
}

}  // namespace walpack
