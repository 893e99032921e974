#include "config/key_table.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "config/key_kinds.h"

namespace walpack {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPipelineNameMax = 40;
constexpr std::size_t kSlotNameMax = 63;
constexpr std::uint64_t kMegabyte = 1 << 20;
constexpr std::uint64_t kGigabyte = 1 << 30;
constexpr milliseconds kDay{86'400'000};
constexpr std::uint64_t kRowsMax = 1'000'000'000'000;

constexpr std::array<std::pair<std::string_view, log::Level>, 4> kLevels = {{
    {"debug", log::Level::debug},
    {"info", log::Level::info},
    {"warning", log::Level::warning},
    {"error", log::Level::error},
}};

void read_log_level(Config& config, const GivenValue& given) {
    const std::string name = read_text(given);
    for (const auto& [known, level] : kLevels) {
        if (known != name) continue;
        config.log_level = level;
        return;
    }
    refuse(given, "not a log level", "Write debug, info, warning or error.");
}

std::string show_log_level(const Config& config) {
    for (const auto& [name, level] : kLevels) {
        if (level == config.log_level) return quoted(std::string(name));
    }
    return "";
}

void append_pipeline_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::pipeline;
    keys.push_back(name_key({"pipeline", "NAME",
                             "Name of the pipeline: of its progress row on the target, and of its "
                             "slot and publication unless they are given.",
                             kGroup},
                            &Config::pipeline, kPipelineNameMax));
    keys.push_back(with_default_text(
        conninfo_key({"source", "CONNINFO",
                      "Connection string of the database whose changes are read. libpq's: service "
                      "files, .pgpass and PG* variables work. No password on the command line.",
                      kGroup},
                     &Config::source),
        "required"));
    keys.push_back(with_default_text(
        conninfo_key({"target", "CONNINFO",
                      "Connection string of the database that the changes are applied to.", kGroup},
                     &Config::target),
        "required"));
    keys.push_back(
        with_default_text(name_key({"slot", "NAME", "Replication slot on the source.", kGroup},
                                   &Config::slot, kSlotNameMax),
                          "\"walpack_<pipeline>\""));
    keys.push_back(with_default_text(
        list_key({"publications", "NAMES",
                  "Publications on the source that select tables and operations. A single one that "
                  "does not exist is created by init.",
                  kGroup},
                 &Config::publications, read_names),
        "[\"walpack_<pipeline>\"]"));
    keys.push_back(
        list_key({"tables", "NAMES",
                  "Tables that the publication made by init holds, each with its schema. "
                  "Empty: all tables of the database.",
                  kGroup},
                 &Config::tables, read_table_names));
    keys.push_back(boolean_key({"create_schema", "BOOLEAN",
                                "Let init make the published tables that the target lacks, with "
                                "what they need. With false they must exist.",
                                kGroup},
                               &Config::create_schema));
    keys.push_back(
        boolean_key({"copy", "BOOLEAN",
                     "Copy the rows that exist before the stream takes over. With false the "
                     "target must hold them already.",
                     kGroup},
                    &Config::copy));
    keys.push_back(choice_key({"origin", "any|none",
                               "any: all changes. none: only changes that were not themselves "
                               "replicated to the source.",
                               kGroup},
                              &Config::origin, {"any", "none"}));
    keys.push_back(with_default_text(
        name_key({"only_target", "NAME",
                  "One of several targets, which the command is about. Without it, all.", kGroup},
                 &Config::only_target, 40),
        "\"<all>\""));
}

void append_copy_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::stream;
    keys.push_back(choice_key({"copy_non_empty_tables", "refuse|empty",
                               "What is done with rows that a target table has before it is "
                               "copied. refuse: nothing is copied. empty: they are deleted.",
                               kGroup},
                              &Config::copy_non_empty_tables, {"refuse", "empty"}));
    keys.push_back(count_key({"copy_workers", "COUNT",
                              "Chunks of tables that are copied side by side, and indexes that are "
                              "built side by side. Each is a connection at both ends.",
                              kGroup},
                             &Config::copy_workers, {1, 64}));
    keys.push_back(bytes_key({"copy_chunk_bytes", "BYTES",
                              "Size of a chunk of a table, each of which is copied under a "
                              "snapshot of its own. An interrupted copy repeats only the chunks "
                              "that were under way.",
                              kGroup},
                             &Config::copy_chunk_bytes, {64 * 1024, 64 * kGigabyte}));
    keys.push_back(bytes_key({"copy_rate_limit", "BYTES",
                              "Bytes a second that all copies together read from the source. 0: as "
                              "fast as both ends can.",
                              kGroup},
                             &Config::copy_rate_limit, {0, 1024 * kGigabyte}));
    keys.push_back(with_default_text(
        conninfo_key({"copy_from", "CONNINFO",
                      "Connection string of a physical standby of the source that rows are copied "
                      "from. The stream still comes from the source.",
                      kGroup},
                     &Config::copy_from),
        "<source>"));
    keys.push_back(bytes_key({"copy_backlog_bytes_max", "BYTES",
                              "Memory for changes that wait until the rows they change are copied. "
                              "When it is full, the stream waits.",
                              kGroup},
                             &Config::copy_backlog_bytes_max, {kMegabyte, 64 * kGigabyte}));
    keys.push_back(duration_key({"snapshot_age_max", "DURATION",
                                 "Age that a snapshot of the copy may reach at the source. A chunk "
                                 "that takes longer is cut in two and loaded again; a table that "
                                 "cannot be cut is named in the log.",
                                 kGroup},
                                &Config::snapshot_age_max, {milliseconds(1000), 7 * kDay}));
}

void append_log_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::stream;
    keys.push_back(bytes_key({"log_memory_max", "BYTES",
                              "Memory for what is received and not yet applied. When it is full, "
                              "the source is read no further until there is room, unless the log "
                              "is on disk.",
                              kGroup},
                             &Config::log_memory_max, {kMegabyte, 64 * kGigabyte}));
    keys.push_back(with_default_text(
        folder_key({"log_directory", "PATH",
                    "Folder for the log's files, on a disk that survives a restart.", kGroup},
                   &Config::log_directory),
        "\"<state directory>/<pipeline>\""));
    keys.push_back(bytes_key({"log_bytes_max", "BYTES",
                              "Disk for the log's files. When it is full the source is read no "
                              "further, and keeps its WAL.",
                              kGroup},
                             &Config::log_bytes_max, {kMegabyte, 1024 * 1024 * kGigabyte}));
    keys.push_back(choice_key({"confirm", "applied|logged",
                               "What lets the source remove WAL. applied: what the targets have, "
                               "while it keeps no more than wal_budget. logged: what the log has "
                               "on its disk.",
                               kGroup},
                              &Config::confirm, {"applied", "logged"}));
    keys.push_back(bytes_key({"wal_budget", "BYTES",
                              "WAL that the source may keep for the slot with confirm = "
                              "\"applied\". Beyond it, what the log has on its disk is confirmed "
                              "until the targets have caught up. 0: no budget.",
                              kGroup},
                             &Config::wal_budget, {0, 1024 * 1024 * kGigabyte}));
}

void append_stream_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::stream;
    keys.push_back(bytes_key({"frame_bytes", "BYTES",
                              "Size at which the plugin sends a message although its transaction "
                              "goes on.",
                              kGroup},
                             &Config::frame_bytes, {64, 16 * kMegabyte}));
    keys.push_back(boolean_key({"streaming", "BOOLEAN",
                                "Receive large transactions while they still run. They are applied "
                                "when they are committed.",
                                kGroup},
                               &Config::streaming));
    keys.push_back(with_default_text(
        folder_key({"spool_directory", "PATH",
                    "Folder for what is received of transactions that still run.", kGroup},
                   &Config::spool_directory),
        "\"<TMPDIR, or /tmp>\""));
    keys.push_back(choice_key(
        {"compression", "none|lz4|zstd", "How the plugin compresses what it sends.", kGroup},
        &Config::compression, {"none", "lz4", "zstd"}));
    append_log_keys(keys);
}

void append_quarantine_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::stream;
    keys.push_back(choice_key({"on_error", "error|quarantine",
                               "What is done with a row that the target refuses. error: the "
                               "pipeline stops and names it. quarantine: it is put aside, what "
                               "depends on it waits behind it, and everything else goes on.",
                               kGroup},
                              &Config::on_error, {"error", "quarantine"}));
    keys.push_back(count_key({"quarantine_max_rows", "ROWS",
                              "Rows that may be put aside, with those that wait for them. One more "
                              "stops the pipeline.",
                              kGroup},
                             &Config::quarantine_max_rows, {1, 1'000'000}));
}

void append_apply_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::stream;
    keys.push_back(count_key({"apply_workers", "COUNT",
                              "Connections that apply groups of transactions side by side when the "
                              "groups share no row. They commit in the order of the source.",
                              kGroup},
                             &Config::apply_workers, {1, 64}));
    keys.push_back(boolean_key({"grouping", "BOOLEAN",
                                "Let source transactions that are waiting share a target "
                                "transaction. With false each is one of its own.",
                                kGroup},
                               &Config::grouping));
    keys.push_back(boolean_key({"batching", "BOOLEAN",
                                "Let changes of one table share a statement. With false each is "
                                "one of its own.",
                                kGroup},
                               &Config::batching));
    keys.push_back(boolean_key({"coalescing", "BOOLEAN",
                                "Apply only the last of several changes of a row within a group. "
                                "With false every one is applied.",
                                kGroup},
                               &Config::coalescing));
    keys.push_back(count_key({"group_rows_max", "ROWS",
                              "Rows after which a group of source transactions is committed on the "
                              "target although more are waiting.",
                              kGroup},
                             &Config::group_rows_max, {1, 10'000'000}));
    keys.push_back(bytes_key({"group_bytes_max", "BYTES",
                              "Bytes of changes after which a group is committed on the target "
                              "although more transactions are waiting.",
                              kGroup},
                             &Config::group_bytes_max, {64 * 1024, kGigabyte}));
    keys.push_back(duration_key({"group_time_max", "DURATION",
                                 "Time after which a group is committed on the target although "
                                 "more transactions are waiting.",
                                 kGroup},
                                &Config::group_time_max, {milliseconds(1), milliseconds(60'000)}));
    keys.push_back(count_key({"hold_transaction_over_rows", "ROWS",
                              "A transaction of the source that changes more rows waits for "
                              "\"walpack release\" or \"walpack skip\". 0: none waits.",
                              kGroup},
                             &Config::hold_transaction_over_rows, {0, kRowsMax}));
    keys.push_back(
        choice_key({"truncate_referenced", "refuse|cascade|delete",
                    "What becomes of a TRUNCATE when a foreign key of another table of "
                    "the target references a table of it. refuse: it is an error. "
                    "cascade: the referencing tables are truncated too. delete: all rows "
                    "are deleted, if none is referenced.",
                    kGroup},
                   &Config::truncate_referenced, {"refuse", "cascade", "delete"}));
    keys.push_back(
        count_key({"in_flight_statements_max", "COUNT",
                   "Statements sent to the target before their results are read.", kGroup},
                  &Config::in_flight_statements_max, {1, 1'000'000}));
    keys.push_back(bytes_key({"in_flight_bytes_max", "BYTES",
                              "Bytes sent to the target before their results are read.", kGroup},
                             &Config::in_flight_bytes_max, {64 * 1024, kGigabyte}));
    keys.push_back(duration_key({"durable_interval", "DURATION",
                                 "Time between two commits that wait for the target's disk. The "
                                 "slot is confirmed only up to the last of them.",
                                 kGroup},
                                &Config::durable_interval,
                                {milliseconds(0), milliseconds(60'000)}));
    append_quarantine_keys(keys);
}

void append_service_keys(std::vector<KeyDefinition>& keys) {
    constexpr ConfigGroup kGroup = ConfigGroup::service;
    keys.push_back(duration_key(
        {"status_interval", "DURATION", "Time between two status messages to the source.", kGroup},
        &Config::status_interval, {milliseconds(100), milliseconds(60'000)}));
    keys.push_back(
        duration_key({"receive_timeout", "DURATION",
                      "Silence of the source after which the connection counts as lost.", kGroup},
                     &Config::receive_timeout, {milliseconds(1000), kDay}));
    keys.push_back(duration_key({"retry_delay_min", "DURATION",
                                 "Wait before the first new attempt after a lost connection. It "
                                 "doubles with each attempt that fails.",
                                 kGroup},
                                &Config::retry_delay_min, {milliseconds(10), kDay}));
    keys.push_back(
        duration_key({"retry_delay_max", "DURATION", "Longest wait between two attempts.", kGroup},
                     &Config::retry_delay_max, {milliseconds(10), kDay}));
    keys.push_back(duration_key({"stopped_retry_delay", "DURATION",
                                 "Wait before a target that needs a human is tried again; what the "
                                 "source sends is kept meanwhile. 0ms: the service ends instead.",
                                 kGroup},
                                &Config::stopped_retry_delay, {milliseconds(0), kDay}));
    keys.push_back(define({"log_level", "LEVEL",
                           "What is logged: debug, info, warning or error. Only debug may show row "
                           "values.",
                           kGroup},
                          read_log_level, show_log_level));
}

// Levenshtein's distance: insertions, deletions and replacements that make one of the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

const std::vector<KeyDefinition>& key_definitions() {
    static const std::vector<KeyDefinition> definitions = [] {
        std::vector<KeyDefinition> keys;
        append_pipeline_keys(keys);
        append_copy_keys(keys);
        append_stream_keys(keys);
        append_apply_keys(keys);
        append_service_keys(keys);
        return keys;
    }();
    return definitions;
}

const KeyDefinition* find_key(const std::string& name) {
    const auto& definitions = key_definitions();
    const auto found = std::ranges::find_if(
        definitions, [&name](const KeyDefinition& each) { return each.key.name == name; });
    return found == definitions.end() ? nullptr : &*found;
}

std::string nearest_key(const std::string& name) {
    std::vector<std::string> names;
    for (const KeyDefinition& each : key_definitions()) names.push_back(each.key.name);
    return nearest_name(name, names);
}

std::string nearest_name(const std::string& name, const std::vector<std::string>& names) {
    constexpr std::size_t kComparedBytesMax = 100;
    if (name.size() > kComparedBytesMax) return "";
    std::string nearest;
    std::size_t smallest = name.size() / 2 + 1;  // further away, nothing is alike
    for (const std::string& each : names) {
        const std::size_t distance = edit_distance(name, each);
        if (distance >= smallest) continue;
        smallest = distance;
        nearest = each;
    }
    return nearest;
}

}  // namespace walpack
