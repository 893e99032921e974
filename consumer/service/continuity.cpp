#include "service/continuity.h"

#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/log.h"
#include "pg/connection.h"
#include "pg/replication_connection.h"
#include "slot/slot.h"
#include "slot/timeline.h"

namespace walpack {
namespace {

Error start_over(const std::string& message, const std::string& detail) {
    return Error(ErrorKind::config, message)
        .detail(detail)
        .hint(
            "Nothing was applied. To start over: \"walpack drop\", empty the target tables, "
            "\"walpack init\", \"walpack run\".");
}

void check_slot(const Config& config, const SlotState& slot) {
    require_own_slot(config.slot, slot);
    if (!slot.is_lost()) return;
    const std::string reason = slot.invalidation_reason.empty()
                                   ? "The source removed it: max_slot_wal_keep_size was exceeded."
                                   : fmt::format("The source says: {}.", slot.invalidation_reason);
    throw start_over(
        fmt::format("replication slot \"{}\" has lost WAL that is still needed", config.slot),
        reason);
}

void check_system(const ProgressRow& row, const ReplicationConnection::Identity& identity) {
    if (identity.system_identifier == row.source_system_identifier) return;
    throw start_over("the source is not the system that this pipeline was set up with",
                     fmt::format("Its system identifier is {}, the target's progress is of {}.",
                                 identity.system_identifier, row.source_system_identifier));
}

void check_history(const ProgressRow& row, const ReplicationConnection::Identity& identity,
                   ReplicationConnection& replication) {
    if (!row.applied_lsn.is_valid()) return;
    if (row.timeline && row.timeline != identity.timeline) {
        const std::string content =
            identity.timeline > 1 ? replication.timeline_history(identity.timeline) : "";
        const auto reason = why_not_in_history({*row.timeline, row.applied_lsn}, identity.timeline,
                                               parse_timeline_history(content));
        if (reason) throw start_over("the source has another history than the target", *reason);
        log::warning("the source has changed from timeline {} to {}, after all that was applied",
                     *row.timeline, identity.timeline);
    }
    if (identity.flush_lsn >= row.applied_lsn) return;
    throw start_over(
        fmt::format("the source has written up to {} only, and the target has applied up to {}",
                    identity.flush_lsn.to_string(), row.applied_lsn.to_string()),
        "The source may have been restored from an older copy of its disk: the target may hold "
        "transactions that the source does not have.");
}

// Neither its slots nor its position are what they will be once it is promoted.
void check_primary(Connection& source) {
    if (source.query_value("SELECT pg_catalog.pg_is_in_recovery()") != "t") return;
    throw Error(ErrorKind::connection,
                fmt::format("the source ({}) is a standby", source.description()))
        .hint(
            "It is tried again until it is promoted. To find the primary among several hosts, add "
            "target_session_attrs=read-write to \"source\".");
}

Error missing_slot(const Config& config, const ProgressRow& row, std::uint32_t timeline) {
    std::string detail =
        "Without it, what was written since the last applied transaction cannot be known.";
    if (row.timeline && row.timeline != timeline) {
        detail += fmt::format(
            " The source was promoted from a standby, from timeline {} to {}, and that one did not "
            "have the slot.",
            *row.timeline, timeline);
    }
    return start_over(
        fmt::format("replication slot \"{}\" does not exist on the source", config.slot), detail);
}

}  // namespace

std::uint32_t check_continuity(const Config& config, const ProgressRow& row,
                               const StopRequest& stop) {
    const std::string application_name = "walpack_" + config.pipeline;
    ReplicationConnection replication(config.source, stop, application_name,
                                      config.receive_timeout);
    Connection source(config.source, stop, application_name);
    source.limit_silence(config.receive_timeout);
    check_primary(source);
    const auto identity = replication.identify_system();
    check_system(row, identity);
    check_history(row, identity, replication);
    const std::optional<SlotState> slot = read_slot(source, config.slot);
    if (!slot) throw missing_slot(config, row, identity.timeline);
    check_slot(config, *slot);
    if (row.applied_lsn.is_valid() && slot->confirmed_flush_lsn > row.applied_lsn) {
        throw start_over(
            fmt::format("replication slot \"{}\" is confirmed up to {}, beyond the target's "
                        "position {}",
                        config.slot, slot->confirmed_flush_lsn.to_string(),
                        row.applied_lsn.to_string()),
            "Transactions between the two would be missing. The target may have been restored from "
            "an older backup, or the slot was advanced or made again by someone else.");
    }
    return identity.timeline;
}

}  // namespace walpack
