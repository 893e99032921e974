#include "cli/init.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/stop_request.h"
#include "cli/output.h"
#include "cli/preflight.h"
#include "cli/publication.h"
#include "cli/structure_checks.h"
#include "config/config.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "quarantine/quarantine_table.h"
#include "slot/slot.h"
#include "structure/structure_transfer.h"

namespace walpack {
namespace {

std::string application_name_of(const Config& config) {
    return "walpack_" + config.pipeline + "_init";
}

void make_publications(Connection& source, const Config& config) {
    for (const std::string& name : config.publications) {
        if (read_publication(source, name, config.pipeline)) {
            print(fmt::format("there is publication \"{}\"\n", name));
            continue;
        }
        Transaction transaction(source);
        source.execute(create_publication_sql(config, name));
        source.execute(comment_publication_sql(config, name));
        transaction.commit();
        print(fmt::format(
            "made publication \"{}\" ({})\n", name,
            config.tables.empty() ? "all tables" : fmt::format("{} tables", config.tables.size())));
    }
}

void make_progress(Connection& target, const Config& config, const Preflight& preflight) {
    Progress(target, config.pipeline).create(preflight.source_system_identifier, config.slot);
    QuarantineTable::create(target);
    print(fmt::format("{} of pipeline \"{}\" in schema walpack on the target\n",
                      preflight.progress ? "there is the progress row" : "made the progress row",
                      config.pipeline));
}

void make_structure(Connection& source, Connection& target, const Config& config,
                    const Preflight& preflight, const StopRequest& stop) {
    StructureWish wish;
    wish.published = preflight.tables;
    wish.wanted = tables_to_make(config, preflight, find_missing_tables(target, preflight.tables));
    wish.is_in_use = preflight.known.has_value();
    wish.pipeline = config.pipeline;
    const StructureReport report = transfer_structure(config.source, source, target, wish, stop);
    if (report.tables > 0) {
        print(
            fmt::format("made {} on the target ({} with what they need); {} more, such as keys "
                        "and indexes, after the rows\n",
                        counted(report.tables, "table"), counted(report.objects, "object"),
                        report.post_data_items));
        if (wish.is_in_use) print("\"walpack run\" copies them within a minute\n");
    }
    if (report.refused.empty()) return;
    std::fprintf(stderr, "not made on the target, as it refused or lacks what is needed:%s\n",
                 describe(report.refused).c_str());
}

Preflight check_target(const Config& config, const StopRequest& stop) {
    Preflight preflight = run_preflight(config, stop);
    const std::string report = preflight.findings.report(Severity::note);
    std::fwrite(report.data(), 1, report.size(), stderr);
    if (const std::size_t problems = preflight.findings.problem_count(); problems > 0) {
        throw Error(ErrorKind::schema, counted(problems, "problem") + " found, nothing was made")
            .hint("Correct them and run \"walpack init\" again.");
    }
    return preflight;
}

void init_target(const Config& config, const StopRequest& stop) {
    const Preflight preflight = check_target(config, stop);
    const std::string application_name = application_name_of(config);
    Connection source(config.source, stop, application_name);
    Connection target(config.target, stop, application_name);
    make_publications(source, config);
    make_progress(target, config, preflight);
    make_structure(source, target, config, preflight, stop);
}

// Targets that have their rows already take the slot's first position, whenever they come to read
// from it: by then the slot may be further.
class Positions {
  public:
    Positions(const std::vector<Config>& targets, const StopRequest& stop)
        : targets_(targets), stop_(stop) {}

    // `is_new`: the slot was made for them. One that was there may be further than its beginning,
    // unless an earlier init was interrupted before it gave a position to anybody.
    void take(const SlotState& slot, bool is_new) {
        for (const Config& config : targets_) look_at(config);
        if (lacking_.empty()) return;
        if (!is_new && !is_unread(slot))
            throw Error(ErrorKind::config,
                        fmt::format("replication slot \"{}\" was read from already, so of which "
                                    "moment the rows of target \"{}\" would have to be cannot be "
                                    "said",
                                    slot_name(), lacking_.front()->target_name))
                .hint(
                    "Set copy = true for it and empty its tables. Or, while nothing is written to "
                    "the source, \"walpack drop\", then \"walpack init\" for all targets.");
        for (const Config* config : lacking_) take(*config, slot.confirmed_flush_lsn);
    }

  private:
    std::string slot_name() const { return targets_.front().slot; }

    bool is_unread(const SlotState& slot) const {
        std::error_code error;
        const Config& first = targets_.front();
        return !slot.active_pid && !has_known_ && first.only_target.empty() &&
               !std::filesystem::exists(first.log_directory, error) && !error;
    }

    void look_at(const Config& config) {
        Connection target(config.target, stop_, application_name_of(config));
        const auto row = Progress(target, config.pipeline).read();
        if (!row) return;
        if (row->applied_lsn.is_valid()) {
            has_known_ = true;
        } else if (!config.copy) {
            lacking_.push_back(&config);
        }
    }

    void take(const Config& config, Lsn position) {
        Connection target(config.target, stop_, application_name_of(config));
        Transaction transaction(target);
        Progress(target, config.pipeline).complete_copy(position);
        transaction.commit();
        const std::string name = config.shares_slot ? " \"" + config.target_name + "\"" : "";
        print(fmt::format("target{} takes changes from {} on\n", name, position.to_string()));
    }

    const std::vector<Config>& targets_;
    const StopRequest& stop_;
    bool has_known_ = false;  // one of them has a position
    std::vector<const Config*> lacking_;
};

// Behind the progress rows, so that a slot without one is somebody else's.
void make_slot(const std::vector<Config>& targets, const StopRequest& stop) {
    const Config& first = targets.front();
    Connection source(first.source, stop, application_name_of(first));
    const bool is_new = create_slot(source, first.slot);
    print(fmt::format("{} replication slot \"{}\"\n", is_new ? "made" : "there is", first.slot));
    if (const auto slot = read_slot(source, first.slot))
        Positions(targets, stop).take(*slot, is_new);
}

}  // namespace

int run_init(const Invocation& invocation) {
    const std::vector<Config> targets = load_configs(invocation.config_path, invocation.flags);
    const StopRequest stop;
    for (const Config& config : targets) {
        if (targets.size() > 1) print(fmt::format("target \"{}\":\n", config.target_name));
        init_target(config, stop);
    }
    make_slot(targets, stop);
    const std::string option =
        invocation.config_path ? " --config " + *invocation.config_path : " with the same options";
    print(fmt::format("next: walpack run{}\n", option));
    return kExitDone;
}

}  // namespace walpack
