#include "cli/init.h"

#include <cstdio>
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

void make_slot(Connection& source, const Config& config) {
    const bool is_new = create_slot(source, config.slot);
    print(fmt::format("{} replication slot \"{}\"\n", is_new ? "made" : "there is", config.slot));
}

void init_target(const Config& config) {
    const StopRequest stop;
    const Preflight preflight = run_preflight(config, stop);
    const std::string report = preflight.findings.report(Severity::note);
    std::fwrite(report.data(), 1, report.size(), stderr);
    if (const std::size_t problems = preflight.findings.problem_count(); problems > 0) {
        throw Error(ErrorKind::schema, counted(problems, "problem") + " found, nothing was made")
            .hint("Correct them and run \"walpack init\" again.");
    }
    const std::string application_name = "walpack_" + config.pipeline + "_init";
    Connection source(config.source, stop, application_name);
    Connection target(config.target, stop, application_name);
    make_publications(source, config);
    make_progress(target, config, preflight);
    make_structure(source, target, config, preflight, stop);
    make_slot(source, config);
}

}  // namespace

int run_init(const Invocation& invocation) {
    const std::vector<Config> targets = load_configs(invocation.config_path, invocation.flags);
    for (const Config& config : targets) {
        if (targets.size() > 1) print(fmt::format("target \"{}\":\n", config.target_name));
        init_target(config);
    }
    const std::string option =
        invocation.config_path ? " --config " + *invocation.config_path : " with the same options";
    print(fmt::format("next: walpack run{}\n", option));
    return kExitDone;
}

}  // namespace walpack
