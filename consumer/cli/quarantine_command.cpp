#include "cli/quarantine_command.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/stop_request.h"
#include "cli/output.h"
#include "cli/quarantine_report.h"
#include "config/config.h"
#include "config/sql_name.h"
#include "pg/connection.h"
#include "quarantine/quarantine_actions.h"
#include "quarantine/quarantine_table.h"
#include "schema/catalog_query.h"
#include "service/conflict_setup.h"

namespace walpack {
namespace {

using Values = std::map<std::string, std::optional<std::string>>;

Error usage(const std::string& message) {
    return Error(ErrorKind::config, message).hint("See \"walpack quarantine --help\".");
}

std::uint64_t id_of(const Invocation& invocation) {
    const std::string& text = invocation.second_argument;
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        throw usage("the number of a row is missing");
    return id;
}

TableName table_of(const std::string& text) {
    const auto names = parse_sql_names(text);
    if (!names || names->size() != 1 || names->front().size() != 2)
        throw usage("--table takes one table, with its schema");
    return {names->front()[0], names->front()[1]};
}

// Nothing is meant by default: it would be too much.
HeldRowChoice choice_of(const Invocation& invocation) {
    const bool has_id = !invocation.second_argument.empty();
    const bool has_table = invocation.options.contains("table");
    HeldRowChoice choice;
    choice.is_all = invocation.switches.contains("all");
    if (int{has_id} + int{has_table} + int{choice.is_all} != 1)
        throw usage("say which rows are meant: the number of one, --table or --all");
    if (has_id) choice.id = id_of(invocation);
    if (has_table) choice.table = table_of(invocation.options.at("table"));
    return choice;
}

std::string content_of(const std::string& path) {
    const std::string name = path == "-" ? "/dev/stdin" : path;
    std::ifstream file(name, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw usage(fmt::format("\"{}\" cannot be read", name));
    return content;
}

// Calls `use` with both sides of each COLUMN=TEXT.
template <typename Use>
void for_each_pair(const Invocation& invocation, const std::string& list, const Use& use) {
    const auto given = invocation.lists.find(list);
    if (given == invocation.lists.end()) return;
    for (const std::string& text : given->second) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            throw usage(fmt::format("--{} takes COLUMN=, and what it is to be", list));
        use(text.substr(0, equals), text.substr(equals + 1));
    }
}

Values values_of(const Invocation& invocation) {
    Values values;
    for_each_pair(invocation, "set", [&values](const std::string& column, std::string value) {
        values[column] = std::move(value);
    });
    for_each_pair(invocation, "set-file",
                  [&values](const std::string& column, const std::string& path) {
                      values[column] = content_of(path);
                  });
    if (const auto nulls = invocation.lists.find("set-null"); nulls != invocation.lists.end()) {
        for (const std::string& column : nulls->second) values[column] = std::nullopt;
    }
    if (values.empty()) throw usage("--set, --set-file or --set-null is missing");
    return values;
}

// What an action does not use may have been meant for another one.
void refuse_unused(const Invocation& invocation, const std::string& action) {
    const bool reads = action == "list" || action == "show";
    const bool chooses = action == "retry" || action == "discard";
    if (!reads && !chooses && action != "edit") return;
    const auto refuse = [&action](const std::string& what) {
        throw usage(fmt::format("{} takes no {}", action, what));
    };
    if (action == "list" && !invocation.second_argument.empty()) refuse("number of a row");
    if (!chooses && invocation.options.contains("table")) refuse("--table");
    if (!chooses && invocation.switches.contains("all")) refuse("--all");
    if (!reads && invocation.switches.contains("json")) refuse("--json");
    if (action != "edit" && !invocation.lists.empty())
        refuse("--" + invocation.lists.begin()->first);
}

class Session {
  public:
    explicit Session(const Config& config)
        : config_(config),
          pipeline_(config.pipeline),
          target_(config.target, stop_, "walpack_" + config.pipeline + "_quarantine"),
          table_(config.pipeline) {
        pin_search_path(target_);
    }

    int list(bool as_json) {
        std::vector<HeldRowFacts> rows;
        if (QuarantineTable::exists(target_)) rows = table_.list(target_);
        print(as_json ? held_rows_json(rows) : held_rows_screen(rows));
        return kExitDone;
    }

    int show(std::uint64_t id, bool as_json) {
        std::optional<HeldRowView> view;
        if (QuarantineTable::exists(target_)) view = table_.find(target_, id);
        if (!view) {
            throw Error(ErrorKind::config, fmt::format("there is no row {} in quarantine", id))
                .hint("\"walpack quarantine list\" shows those that there are.");
        }
        print(as_json ? held_row_json(*view) : held_row_screen(*view));
        return kExitDone;
    }

    int retry(const HeldRowChoice& choice) {
        require_rows(choice);
        take_origin(target_, config_);
        const RetryReport report = QuarantineActions(target_, pipeline_).retry(choice);
        print(retry_report_screen(report));
        return report.failed.empty() && report.waiting == 0 ? kExitDone : kExitFailed;
    }

    int edit(std::uint64_t id, const Values& values) {
        QuarantineActions(target_, pipeline_).edit(id, values);
        print(fmt::format("next: walpack quarantine retry {}\n", id));
        return kExitDone;
    }

    int discard(const HeldRowChoice& choice) {
        require_rows(choice);
        const std::uint64_t rows = QuarantineActions(target_, pipeline_).discard(choice);
        print(fmt::format("discarded {} rows; walpack.quarantine_history keeps them\n", rows));
        const QuarantineFigures left = table_.figures(target_);
        if (left.rows > 0)
            print(fmt::format("{} rows are left, which \"walpack quarantine retry\" applies\n",
                              left.rows));
        return kExitDone;
    }

  private:
    // A table that has none was likely named wrong.
    void require_rows(const HeldRowChoice& choice) {
        if (!choice.table) return;
        std::vector<HeldRowFacts> rows;
        if (QuarantineTable::exists(target_)) rows = table_.list(target_);
        const bool has_one = std::ranges::any_of(
            rows, [&choice](const HeldRowFacts& row) { return row.table == *choice.table; });
        if (has_one) return;
        throw Error(ErrorKind::config, fmt::format("there is no row of \"{}.{}\" in quarantine",
                                                   choice.table->schema, choice.table->table))
            .hint("\"walpack quarantine list\" shows those that there are.");
    }

    const Config& config_;
    const std::string pipeline_;
    const StopRequest stop_;
    Connection target_;
    QuarantineTable table_;
};

int run_quarantine(const Invocation& invocation) {
    const Config config = load_config(invocation.config_path, invocation.flags);
    const std::string& action = invocation.argument;
    const bool as_json = invocation.switches.contains("json");
    refuse_unused(invocation, action);
    if (action == "list") return Session(config).list(as_json);
    if (action == "show") return Session(config).show(id_of(invocation), as_json);
    if (action == "retry") return Session(config).retry(choice_of(invocation));
    if (action == "discard") return Session(config).discard(choice_of(invocation));
    if (action == "edit") {
        const Values values = values_of(invocation);
        return Session(config).edit(id_of(invocation), values);
    }
    throw usage(action.empty() ? "what to do is missing: list, show, retry, edit or discard"
                               : "the quarantine knows list, show, retry, edit and discard");
}

}  // namespace

Command quarantine_command() {
    Command command;
    command.name = "quarantine";
    command.summary = "look at rows that could not be applied, retry or give them up";
    command.description =
        "With on_error = \"quarantine\" a row that the target refuses is put aside, and what "
        "depends on it waits behind it in order. list names these rows, show prints one with its "
        "values, retry applies rows and all that waits for them, edit puts other values in the "
        "place of those that came, discard gives rows up and keeps them in "
        "walpack.quarantine_history. Each works on the target in one transaction, whether run is "
        "running or not. retry exits with 1 when a row is left.";
    command.key_help = KeyHelp::pipeline;
    command.argument = {"ACTION", "list, show, retry, edit or discard."};
    command.second_argument = {"ID", "Number of the row, as list shows it."};
    command.options = {{"table", "TABLE", "Rows of this table; schema and name as in SQL."}};
    command.lists = {
        {"set", "COLUMN=VALUE",
         "What edit puts in; may be given several times. Others on this machine see it "
         "while the command runs."},
        {"set-file", "COLUMN=FILE",
         "The same, read from a file whole, or from standard input for a hyphen."},
        {"set-null", "COLUMN", "The same with NULL."}};
    command.switches = {{"all", "All rows."}, {"json", "list and show print JSON."}};
    command.run = run_quarantine;
    return command;
}

}  // namespace walpack
