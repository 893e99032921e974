// The configuration: one TOML file, overridden by environment-free command line flags of the same
// names.
//
// docs/configuration.md lists every key; one table in key_table.cpp drives file, flags, help and
// checks, so they cannot disagree. Unknown keys, wrong types and values out of range are
// Error(config) naming file, line and key.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apply/conflict_policy.h"
#include "base/log.h"
#include "pg/conninfo.h"
#include "schema/table_selection.h"

namespace walpack {

struct Config {
    std::string pipeline =
        "main";       // names progress row, default slot and publication: [a-z0-9_]{1,40}
    Conninfo source;  // key `source`: libpq connection string
    Conninfo target;  // key `target`, or `conninfo` of a [[target]]
    std::string target_name = "target";     // `name` of a [[target]]
    std::string slot;                       // default: walpack_<pipeline>
    std::vector<std::string> publications;  // default: walpack_<pipeline>, created by init
    std::vector<std::string>
        tables;  // what init publishes; empty: all tables. "schema"."table", always quoted
    std::set<TableName> target_tables;             // those that a [[target]] gets; empty: all
    bool create_schema = true;                     // init makes missing tables
    bool copy = true;                              // false: the target already holds the rows
    std::string copy_non_empty_tables = "refuse";  // refuse | empty: rows that a table has before
    std::uint64_t copy_workers = 2;                // tables and chunks that are copied side by side
    std::uint64_t copy_chunk_bytes = 64 << 20;     // of the source's table
    std::uint64_t copy_rate_limit = 0;             // bytes a second, of all workers; 0: none
    Conninfo copy_from;                            // where rows are copied from; default: source
    std::uint64_t copy_backlog_bytes_max = 64 << 20;  // changes that wait for their chunk
    std::chrono::milliseconds snapshot_age_max{600'000};
    std::string origin = "any";  // any | none: passed to the plugin
    std::uint64_t frame_bytes = 65536;
    bool streaming = false;                   // passed to the plugin
    std::string spool_directory;              // default: TMPDIR, or /tmp
    std::string compression = "none";         // none | lz4 | zstd: passed to the plugin
    std::uint64_t log_memory_max = 64 << 20;  // received and not yet applied, in memory
    std::string log_directory;                // default: see default_log_directory()
    std::uint64_t log_bytes_max = std::uint64_t{64} << 30;  // of the log's files
    std::string confirm = "applied";                        // applied | logged
    std::uint64_t wal_budget = std::uint64_t{4} << 30;      // of WAL the source keeps; 0: no budget
    std::uint64_t apply_workers = 1;                        // connections that apply
    bool grouping = true;    // source transactions may share a target transaction
    bool batching = true;    // changes may share a statement
    bool coalescing = true;  // only the last change of a row within a group counts
    std::uint64_t group_rows_max = 10'000;
    std::uint64_t group_bytes_max = 4 << 20;
    std::chrono::milliseconds group_time_max{200};
    std::uint64_t in_flight_statements_max = 2000;
    std::uint64_t in_flight_bytes_max = 8 << 20;
    std::chrono::milliseconds durable_interval{1000};
    std::uint64_t hold_transaction_over_rows = 0;
    std::string truncate_referenced = "refuse";
    std::string on_error = "error";                   // error | quarantine: rows that are refused
    std::map<TableName, std::string> table_on_error;  // in place of on_error: [table."s.t"]
    std::uint64_t quarantine_max_rows = 1000;
    std::chrono::milliseconds status_interval{1000};
    std::chrono::milliseconds receive_timeout{60'000};
    std::chrono::milliseconds retry_delay_min{200};
    std::chrono::milliseconds retry_delay_max{30'000};
    std::chrono::milliseconds stopped_retry_delay{60'000};  // 0: the service ends
    log::Level log_level = log::Level::info;
    ConflictPolicies conflicts;  // tables [conflict] and [table."schema.name"] of the file
    std::string only_target;     // of several; empty: all
    bool shares_slot = false;    // the target is one of [[target]] entries

    bool empties_tables() const { return copy_non_empty_tables == "empty"; }
    TableSelection selection() const { return {publications, target_tables}; }
};

// What a key is about; help shows only the first group for commands that do not stream.
enum class ConfigGroup { pipeline, stream, service };

struct ConfigKey {
    std::string name;        // also the flag: --name, with underscores as hyphens accepted too
    std::string value_name;  // for help: CONNINFO, BYTES, DURATION, ...
    std::string default_text;
    std::string description;
    ConfigGroup group = ConfigGroup::pipeline;
};

// Every key, in the order of the documentation.
const std::vector<ConfigKey>& config_keys();

// Reads the file (when given) and applies the flags on top. Checks everything, including required
// keys (source, target). A connection string with a password on the command line is refused, since
// `ps` would show it; one in a file that others can read is refused too.
//
// One Config for each target: the entries [[target]] of the file, or the key `target`. What an
// entry does not set is as at the top of the file; flags override both. A connection string is read
// again out of the file when a server refuses it (pg/conninfo_origin.h).
std::vector<Config> load_configs(const std::optional<std::string>& path,
                                 const std::map<std::string, std::string>& flags);
// The same for what is about one target; Error(config) when there are several and none is named.
Config load_config(const std::optional<std::string>& path,
                   const std::map<std::string, std::string>& flags);

// One line per key with its effective value; connection strings without secrets. Then the tables of
// the file, as far as something is set there.
std::string describe(const Config& config);

// Whether both are the same target with the same settings: also those of its connections that
// describe() leaves out, such as passwords.
bool is_same_target(const Config& one, const Config& other);

}  // namespace walpack
