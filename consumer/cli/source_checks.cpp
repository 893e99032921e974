#include "cli/source_checks.h"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "pg/replication_connection.h"
#include "slot/timeline.h"

namespace walpack {
namespace {

constexpr int kVersionMin = 140000;
// From here on a server turns logical decoding on with its first logical slot.
constexpr int kVersionWithOnDemandWalLevel = 190000;
constexpr std::int64_t kSenderTimeoutMsMin = 10'000;

std::int64_t integer(const std::string& text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::map<std::string, std::string> read_settings(Connection& source) {
    const Result result = source.execute(
        "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('server_version', "
        "'wal_level', 'wal_sender_timeout', 'max_slot_wal_keep_size', 'max_replication_slots', "
        "'max_wal_senders')");
    std::map<std::string, std::string> settings;
    for (int row = 0; row < result.rows(); ++row) {
        settings[std::string(result.value(row, 0))] = result.value(row, 1);
    }
    return settings;
}

std::string current_role(Connection& source) {
    return quote_identifier(source.query_value("SELECT current_user").value_or(""));
}

void check_version(int version, const std::string& text, Findings& findings) {
    if (version >= kVersionMin) {
        findings.ok(End::source, fmt::format("server version {}", text));
        return;
    }
    findings.problem(End::source, fmt::format("server version {} is too old for the plugin", text),
                     "upgrade the source to PostgreSQL 14 or later.");
}

void check_wal_level(int version, const std::string& level, Findings& findings) {
    const bool is_enough =
        level == "logical" || (version >= kVersionWithOnDemandWalLevel && level == "replica");
    if (is_enough) {
        findings.ok(End::source, fmt::format("wal_level is {}", level));
        return;
    }
    findings.problem(End::source, fmt::format("wal_level is {}, not logical", level),
                     "ALTER SYSTEM SET wal_level = logical;  -- then restart the server");
}

void note_limits(const std::map<std::string, std::string>& settings, Findings& findings) {
    const std::int64_t timeout = integer(settings.at("wal_sender_timeout"));
    if (timeout > 0 && timeout < kSenderTimeoutMsMin) {
        findings.warning(
            End::source,
            fmt::format("wal_sender_timeout is {} ms: a short stall ends the stream", timeout),
            "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();");
    }
    if (settings.at("max_slot_wal_keep_size") != "-1") return;
    findings.note(
        End::source,
        "max_slot_wal_keep_size is not set: while walpack is stopped, the source keeps all WAL",
        "watch \"walpack status\", or set a limit (past it the slot is lost, and the copy starts "
        "over).");
}

struct Room {
    const char* what;
    const char* setting;
    std::int64_t limit;
    std::int64_t used;
    std::int64_t needed;
};

void check_room(const Room& room, Findings& findings) {
    const std::string counts =
        fmt::format("{} of {} {} are in use", room.used, room.limit, room.what);
    if (room.limit - room.used >= room.needed) {
        findings.ok(End::source, counts);
        return;
    }
    findings.problem(End::source, fmt::format("{}, and {} more are needed", counts, room.needed),
                     fmt::format("ALTER SYSTEM SET {} = {};  -- then restart the server{}",
                                 room.setting, room.used + room.needed + 4,
                                 std::string_view(room.what) == "replication slots"
                                     ? ", or drop slots that nobody reads any more"
                                     : ""));
}

std::string fix_of_refused_replication(const std::string& message, const std::string& role) {
    // PostgreSQL 15 and older; 16 and later.
    if (message.find("replication role") != std::string::npos ||
        message.find("start WAL sender") != std::string::npos) {
        return fmt::format("ALTER ROLE {} REPLICATION;", role);
    }
    if (message.find("pg_hba.conf") != std::string::npos) {
        return "add a line for this database, role and address to pg_hba.conf and reload.";
    }
    if (message.find("max_wal_senders") != std::string::npos) {
        return "raise max_wal_senders, then restart the server.";
    }
    return "let the role open a replication connection to this database.";
}

constexpr const char* kStartOver =
    "\"walpack drop\", empty the target tables, \"walpack init\", \"walpack run\".";

// For what is wrong with one target: others that share the slot keep what they have.
std::string target_start_over(const Config& config) {
    if (!config.shares_slot) return kStartOver;
    return fmt::format(
        "\"walpack drop --only-target {0}\", empty its tables, \"walpack init --only-target {0}\", "
        "\"walpack run\".",
        config.target_name);
}

// Of a source that was promoted or restored since: `run` would refuse it.
void check_history(ReplicationConnection& replication,
                   const ReplicationConnection::Identity& identity, const Config& config,
                   Preflight& preflight) {
    if (!preflight.progress || !preflight.progress->timeline) return;
    const ProgressRow& row = *preflight.progress;
    if (row.source_system_identifier != identity.system_identifier) return;
    if (row.timeline == identity.timeline || !row.applied_lsn.is_valid()) return;
    std::vector<TimelineEnd> history;
    if (identity.timeline > 1)
        history = parse_timeline_history(replication.timeline_history(identity.timeline));
    const auto reason =
        why_not_in_history({*row.timeline, row.applied_lsn}, identity.timeline, history);
    if (!reason) return;
    preflight.findings.problem(End::source,
                               "the source has another history than the target\n" + *reason,
                               target_start_over(config));
}

void check_present_slot(const Config& config, const SlotState& slot, Preflight& preflight) {
    Findings& findings = preflight.findings;
    if (slot.is_lost()) {
        findings.problem(End::source,
                         fmt::format("replication slot \"{}\" is lost: {}", config.slot,
                                     slot.invalidation_reason.empty() ? "its WAL was removed"
                                                                      : slot.invalidation_reason),
                         kStartOver);
        return;
    }
    // The row is made before the slot and removed after it, so a slot without a row is not ours.
    if (!preflight.progress && config.shares_slot && config.copy) {
        findings.note(End::source,
                      fmt::format("target \"{}\" joins those that replication slot \"{}\" feeds",
                                  config.target_name, config.slot));
        return;
    }
    if (!preflight.progress && config.shares_slot) {
        findings.problem(
            End::source,
            fmt::format("target \"{}\" cannot join those that replication slot \"{}\" feeds with "
                        "copy = false: of which moment its rows would have to be cannot be said",
                        config.target_name, config.slot),
            "set copy = true for it and empty its tables; or load it as a copy of a target that "
            "has been stopped, its schema walpack included.");
        return;
    }
    if (!preflight.progress) {
        findings.problem(
            End::source,
            fmt::format("replication slot \"{}\" exists, but this target has no progress of it",
                        config.slot),
            "it serves another target, or this target was replaced. Set another \"pipeline\" (or "
            "\"slot\"), or remove the slot with \"walpack drop --source-only\".");
        return;
    }
    const ProgressRow& row = *preflight.progress;
    if (config.copy && row.copy_is_complete && !preflight.known)
        findings.warning(End::target,
                         "the pipeline was set up with copy = false, so nothing is copied: neither "
                         "the rows of now nor tables that are published later",
                         "to have all copied: " + target_start_over(config));
    const bool is_behind = row.copy_is_complete && slot.confirmed_flush_lsn > row.applied_lsn;
    if (is_behind && std::filesystem::exists(config.log_directory)) {
        findings.note(End::source,
                      fmt::format("replication slot \"{}\" is confirmed up to {}, beyond the "
                                  "target's position {}: what is between must be in the log",
                                  config.slot, slot.confirmed_flush_lsn.to_string(),
                                  row.applied_lsn.to_string()),
                      "keep \"" + config.log_directory + "\"; run checks that it is complete.");
        return;
    }
    // It has looked at that when it began; and the position is older than the slot's, as it was
    // read before.
    const bool is_at_work = slot.active_pid.has_value();
    if (is_behind && !is_at_work) {
        findings.problem(
            End::source,
            fmt::format("replication slot \"{}\" is confirmed up to {}, beyond the target's "
                        "position {}, and there is no log in \"{}\": transactions would be missing",
                        config.slot, slot.confirmed_flush_lsn.to_string(),
                        row.applied_lsn.to_string(), config.log_directory),
            "name the folder where the service keeps its log with --log-directory, if that is "
            "another one; without a log: " +
                target_start_over(config));
        return;
    }
    findings.ok(End::source, fmt::format("replication slot \"{}\" exists{}", config.slot,
                                         slot.active_pid ? " and is in use" : ""));
}

}  // namespace

void check_source_server(Connection& source, Preflight& preflight) {
    Findings& findings = preflight.findings;
    const auto settings = read_settings(source);
    const int version = source.server_version();
    check_version(version, settings.at("server_version"), findings);
    if (version < kVersionMin) return;
    if (source.query_value("SELECT pg_catalog.pg_is_in_recovery()") == "t") {
        findings.problem(End::source, "the server is a standby", "connect to the primary.");
    }
    check_wal_level(version, settings.at("wal_level"), findings);
    note_limits(settings, findings);
}

void check_replication_right(Connection& source, const Config& config, const StopRequest& stop,
                             Preflight& preflight) {
    try {
        ReplicationConnection replication(config.source, stop,
                                          "walpack_" + config.pipeline + "_check");
        const auto identity = replication.identify_system();
        preflight.source_system_identifier = identity.system_identifier;
        preflight.findings.ok(End::source, "the role may open a replication connection");
        check_history(replication, identity, config, preflight);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        preflight.findings.problem(
            End::source, error.message(),
            fix_of_refused_replication(error.message(), current_role(source)));
    }
}

void check_slot_room(Connection& source, const Config& config, Preflight& preflight) {
    const auto slot = read_slot(source, config.slot);
    const auto settings = read_settings(source);
    const Result used = source.execute(
        "SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots), "
        "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication)");
    // The copy makes a temporary slot for its snapshot beside the permanent one, by a walsender.
    const bool copy_is_to_come = preflight.copy_is_pending(config);
    const std::int64_t slots_needed = (slot ? 0 : 1) + (copy_is_to_come ? 1 : 0);
    const std::int64_t senders_needed =
        (slot && slot->active_pid ? 0 : 1) + (copy_is_to_come ? 1 : 0);
    check_room({"replication slots", "max_replication_slots",
                integer(settings.at("max_replication_slots")),
                integer(std::string(used.value(0, 0))), slots_needed},
               preflight.findings);
    check_room({"WAL senders", "max_wal_senders", integer(settings.at("max_wal_senders")),
                integer(std::string(used.value(0, 1))), senders_needed},
               preflight.findings);
    if (slot) require_own_slot(config.slot, *slot);
    preflight.slot = slot;
}

void check_slot_fits_progress(const Config& config, Preflight& preflight) {
    if (preflight.slot) {
        check_present_slot(config, *preflight.slot, preflight);
        return;
    }
    if (!preflight.progress || !preflight.progress->copy_is_complete) return;
    preflight.findings.problem(
        End::source,
        fmt::format("replication slot \"{}\" is gone, although the target has applied up to {}: "
                    "what was written since cannot be known",
                    config.slot, preflight.progress->applied_lsn.to_string()),
        kStartOver);
}

void note_what_is_not_replicated(Connection& source, Preflight& preflight) {
    const Result counts = source.execute(
        "SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata), "
        "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_sequences)");
    for (const auto& [column, what] : {std::pair{0, "large objects"}, std::pair{1, "sequences"}}) {
        const std::string count(counts.value(0, column));
        if (count == "0") continue;
        preflight.findings.note(End::source,
                                fmt::format("{} are not replicated; there are {}", what, count));
    }
}

}  // namespace walpack
