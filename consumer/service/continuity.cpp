#include "service/continuity.h"

#include <optional>
#include <string>

#include <fmt/format.h>

#include "pg/connection.h"
#include "slot/slot.h"

namespace walpack {
namespace {

Error start_over(const std::string& message, const std::string& detail) {
    return Error(ErrorKind::config, message)
        .detail(detail)
        .hint(
            "Nothing was applied. To start over: \"walpack drop\", empty the target tables, "
            "\"walpack init\", \"walpack run\".");
}

void check_slot(const std::string& name, const SlotState& slot) {
    require_own_slot(name, slot);
    if (!slot.is_lost()) return;
    const std::string reason = slot.invalidation_reason.empty()
                                   ? "The source removed it: max_slot_wal_keep_size was exceeded."
                                   : fmt::format("The source says: {}.", slot.invalidation_reason);
    throw start_over(fmt::format("replication slot \"{}\" has lost WAL that is still needed", name),
                     reason);
}

}  // namespace

void require_system(std::uint64_t found, std::uint64_t expected) {
    if (found == expected) return;
    throw start_over(
        "the source is not the system that this pipeline was set up with",
        fmt::format("Its system identifier is {}, the pipeline is of {}.", found, expected));
}

SlotState read_usable_slot(Connection& source, const std::string& slot) {
    const std::optional<SlotState> state = read_slot(source, slot);
    if (!state) {
        throw start_over(
            fmt::format("replication slot \"{}\" does not exist on the source", slot),
            "Without it, what was written since the last applied transaction cannot be known.");
    }
    check_slot(slot, *state);
    return *state;
}

void require_continuity(const std::string& slot, const ProgressRow& row, Lsn begin) {
    if (!row.applied_lsn.is_valid() || begin <= row.applied_lsn) return;
    throw start_over(
        fmt::format(
            "replication slot \"{}\" is confirmed up to {}, beyond the target's position {}", slot,
            begin.to_string(), row.applied_lsn.to_string()),
        "Transactions between the two would be missing, as the log does not have them. The target "
        "may have been restored from an older backup, the slot was advanced by someone else, or "
        "the log directory was removed.");
}

}  // namespace walpack
