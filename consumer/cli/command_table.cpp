#include <algorithm>

#include "cli/check.h"
#include "cli/command.h"
#include "cli/diff.h"
#include "cli/drop.h"
#include "cli/init.h"
#include "cli/inspect_input.h"
#include "cli/quarantine_command.h"
#include "cli/recopy.h"
#include "cli/release.h"
#include "cli/run.h"
#include "cli/skip.h"
#include "cli/status.h"

namespace walpack {
namespace {

Command check_command() {
    Command command;
    command.name = "check";
    command.summary = "look at both ends and say what has to be done before init";
    command.description =
        "Checks both ends as init does, prints everything it finds with the exact fix, and changes "
        "nothing: a publication is tried in a transaction that is rolled back, the plugin with a "
        "temporary slot. Exits with 0 when there is no problem.";
    command.key_help = KeyHelp::pipeline;
    command.run = run_check;
    return command;
}

Command init_command() {
    Command command;
    command.name = "init";
    command.summary = "check both ends, then make publication, tables and slot";
    command.description =
        "Checks both ends and reports everything at once. When there is no problem, makes the "
        "publication on the source, schema walpack with the pipeline's progress on the target, the "
        "published tables that the target lacks, and the replication slot. The tables come from "
        "pg_dump with all that they need; keys, indexes, foreign keys and triggers follow after "
        "the rows. What the target refuses of it is printed. From then on the source keeps WAL for "
        "the slot. What is there already is left alone, so init can be repeated: it then makes "
        "tables that were published since.";
    command.key_help = KeyHelp::pipeline;
    command.run = run_init;
    return command;
}

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

Command status_command() {
    Command command;
    command.name = "status";
    command.summary = "show where a pipeline stands";
    command.description =
        "Asks both ends for slot, position, lag and the state of the initial copy, whether run is "
        "running or not. Lag in bytes counts WAL that is written and not applied; lag in time is "
        "the source's measure from commit until durable on the target. While run applies changes, "
        "it also shows how fast each stage is, how large groups and batches are, what was waited "
        "for, and so which stage is the slow one. Exits with 1 when an end does not answer, "
        "when something of the pipeline is missing or lost, while run keeps the target stopped "
        "because of an error, or while the log cannot be written.";
    command.key_help = KeyHelp::pipeline;
    command.switches = {{"json", "Print one JSON object; what is not known is null."}};
    command.run = run_status;
    return command;
}

Command diff_command() {
    Command command;
    command.name = "diff";
    command.summary = "show how the published tables differ between both ends";
    command.description =
        "Compares the definitions of the published tables and their parents at both ends: columns, "
        "defaults, constraints, indexes, triggers, policies, statistics. With create_schema also "
        "what init would make beside them, as pg_dump writes it: extensions, types, domains, "
        "functions, sequences, and owners and grants of roles that the target has. Prints one "
        "line for each difference and changes nothing. Exits with 0 when there is none and with 1 "
        "when there is one.";
    command.key_help = KeyHelp::pipeline;
    command.switches = {{"comments", "Compare comments too."}};
    command.run = run_diff;
    return command;
}

Command recopy_command() {
    Command command;
    command.name = "recopy";
    command.summary = "copy one table again while the pipeline runs";
    command.description =
        "Asks the pipeline to empty a table on the target and to copy it again, while everything "
        "else goes on. It begins at once, or with the next run when the pipeline is stopped; "
        "status shows how far it is. Until it is complete the table on the target is not that of "
        "any moment.";
    command.key_help = KeyHelp::pipeline;
    command.argument = {"TABLE", "Schema and name, as in SQL."};
    command.run = run_recopy;
    return command;
}

Command skip_command() {
    Command command;
    command.name = "skip";
    command.summary = "leave one source transaction out";
    command.description =
        "Asks the pipeline to leave exactly one transaction of the source out, all of it, and to "
        "go on behind it. What the target then lacks is the operator's business. It happens at "
        "once, or with the next run when the pipeline is stopped; table walpack.request on the "
        "target keeps for as long as the pipeline who asked for it, when, and what was left out. "
        "Of a table that is being copied, rows that its copy reads with the transaction in them "
        "stay as they are.";
    command.key_help = KeyHelp::pipeline;
    command.options = {{"lsn", "LSN",
                        "Required. Where the transaction commits, which is the LSN that an error "
                        "names, or where it ends. Where one ends and the next one commits, the "
                        "latter is meant. An LSN before the applied position is refused."}};
    command.run = run_skip;
    return command;
}

Command release_command() {
    Command command;
    command.name = "release";
    command.summary = "apply the transaction that is held";
    command.description =
        "Lets the pipeline apply the transaction that it holds since it changes more rows than "
        "hold_transaction_over_rows. It begins at once, or with the next run when the pipeline is "
        "stopped; \"walpack status\" shows the transaction. To leave it out instead, use "
        "\"walpack skip\".";
    command.key_help = KeyHelp::pipeline;
    command.options = {{"lsn", "LSN",
                        "Where the transaction commits, or where it ends: nothing is released when "
                        "another one is held. Without it the one that is held is released."}};
    command.run = run_release;
    return command;
}

Command inspect_command() {
    Command command;
    command.name = "inspect";
    command.summary = "print a stream of the plugin as JSON lines";
    command.description =
        "Reads what \"pg_recvlogical -P walpack -f -\" writes and prints one JSON object per "
        "record. Counts and digests are checked on the way; the first thing that is wrong ends it "
        "with the offset.";
    command.argument = {"FILE", "File to read; standard input without one or with \"-\"."};
    command.run = inspect_input;
    return command;
}

Command drop_command() {
    Command command;
    command.name = "drop";
    command.summary = "remove what init made";
    command.description =
        "Removes the replication slot and the publication that init made on the source, and the "
        "pipeline's progress on the target, with schema walpack when no other pipeline is left. "
        "Tables and rows stay. Can be repeated. When one end does not answer, the other one is "
        "cleaned all the same, and drop exits with 1.";
    command.key_help = KeyHelp::pipeline;
    command.switches = {
        {"source-only", "Leave the target alone, such as when it is gone for good."},
        {"target-only", "Leave the source alone, such as when it is gone for good."},
        {"force", "End the session that uses the slot."},
    };
    command.run = run_drop;
    return command;
}

}  // namespace

const std::vector<Command>& commands() {
    static const std::vector<Command> all = {
        check_command(),   init_command(),    run_command(),        status_command(),
        diff_command(),    recopy_command(),  quarantine_command(), skip_command(),
        release_command(), inspect_command(), drop_command()};
    return all;
}

const Command* find_command(const std::string& name) {
    const auto found = std::ranges::find(commands(), name, &Command::name);
    return found == commands().end() ? nullptr : &*found;
}

}  // namespace walpack
