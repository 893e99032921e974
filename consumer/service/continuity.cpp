#include "service/continuity.h"

#include <optional>
#include <string>

#include <fmt/format.h>

#include "pg/connection.h"
#include "pg/replication_connection.h"

namespace walpack {
namespace {

struct SlotRow {
    std::string plugin;
    bool is_of_this_database = false;
    std::string wal_status;
    Lsn confirmed_flush;
};

std::optional<SlotRow> read_slot(Connection& source, const std::string& slot) {
    const Result result = source.execute(
        "SELECT plugin, database = pg_catalog.current_database(), wal_status, confirmed_flush_lsn "
        "FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND slot_type = 'logical'",
        {slot});
    if (result.rows() == 0) return std::nullopt;
    SlotRow row;
    row.plugin = result.value(0, 0);
    row.is_of_this_database = result.value(0, 1) == "t";
    if (!result.is_null(0, 2)) row.wal_status = result.value(0, 2);
    if (!result.is_null(0, 3)) {
        row.confirmed_flush = Lsn::parse(result.value(0, 3)).value_or(Lsn{});
    }
    return row;
}

Error start_over(const std::string& message, const std::string& detail) {
    return Error(ErrorKind::config, message)
        .detail(detail)
        .hint(
            "Nothing was applied. To start over: \"walpack drop\", empty the target tables, "
            "\"walpack init\", \"walpack run\".");
}

void check_slot(const Config& config, const SlotRow& slot) {
    if (slot.plugin != "walpack" || !slot.is_of_this_database) {
        throw Error(
            ErrorKind::config,
            fmt::format("replication slot \"{}\" does not belong to walpack in this database",
                        config.slot))
            .detail(fmt::format("Its output plugin is \"{}\".", slot.plugin))
            .hint("Set \"slot\" to another name and run \"walpack init\".");
    }
    if (slot.wal_status == "lost") {
        throw start_over(
            fmt::format("replication slot \"{}\" has lost WAL that is still needed", config.slot),
            "The source removed it, because max_slot_wal_keep_size was exceeded or "
            "the slot was invalidated.");
    }
}

}  // namespace

void check_continuity(const Config& config, const ProgressRow& row, const StopRequest& stop) {
    const std::string application_name = "walpack_" + config.pipeline;
    ReplicationConnection replication(config.source, stop, application_name);
    const auto identity = replication.identify_system();
    if (identity.system_identifier != row.source_system_identifier) {
        throw start_over("the source is not the system that this pipeline was set up with",
                         fmt::format("Its system identifier is {}, the target's progress is of {}.",
                                     identity.system_identifier, row.source_system_identifier));
    }
    Connection source(config.source, stop, application_name);
    const auto slot = read_slot(source, config.slot);
    if (!slot) {
        throw start_over(
            fmt::format("replication slot \"{}\" does not exist on the source", config.slot),
            "Without it, what was written since the last applied transaction cannot be known.");
    }
    check_slot(config, *slot);
    if (row.copy_is_complete && slot->confirmed_flush > row.applied_lsn) {
        throw start_over(
            fmt::format("replication slot \"{}\" is confirmed up to {}, beyond the target's "
                        "position {}",
                        config.slot, slot->confirmed_flush.to_string(),
                        row.applied_lsn.to_string()),
            "Transactions between the two would be missing. The target may have been restored from "
            "an "
            "older backup, or the slot was advanced by someone else.");
    }
}

}  // namespace walpack
