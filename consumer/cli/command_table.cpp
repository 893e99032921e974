#include <algorithm>

#include "cli/command.h"
#include "cli/run.h"

namespace walpack {
namespace {

Command run_command() {
    Command command;
    command.name = "run";
    command.summary = "copy what is there, then apply changes until stopped";
    command.description =
        "Runs a pipeline that init has set up: copies the rows that exist, then applies every "
        "transaction of the source to the target, once and in commit order. It reconnects by "
        "itself. SIGTERM or SIGINT stops it in order within seconds, a second one at once; the "
        "next run goes on where it stopped, however it ended. Every key of the configuration file "
        "has a flag of the same name.";
    command.key_help = KeyHelp::all;
    command.run = run_service;
    return command;
}

}  // namespace

const std::vector<Command>& commands() {
    static const std::vector<Command> all = {run_command()};
    return all;
}

const Command* find_command(const std::string& name) {
    const auto found = std::ranges::find(commands(), name, &Command::name);
    return found == commands().end() ? nullptr : &*found;
}

}  // namespace walpack
