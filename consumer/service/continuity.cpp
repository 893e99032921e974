#include "service/continuity.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/log.h"
#include "log/log_directory.h"
#include "pg/connection.h"
#include "slot/slot.h"
#include "slot/timeline.h"

namespace walpack {
namespace {

constexpr const char* kStepsToStartOver =
    "\"walpack drop\", empty the target tables, \"walpack init\", \"walpack run\".";

Error start_over(const std::string& message, const std::string& detail,
                 const std::string& only_target = "") {
    Error error(ErrorKind::config, message);
    error.detail(detail);
    if (only_target.empty()) {
        return error.hint(std::string("Nothing was applied. To start over: ") + kStepsToStartOver);
    }
    // The others go on with what they have.
    return error.hint(fmt::format(
        "Nothing was applied. To start over with this target alone: stop \"walpack run\", then "
        "\"walpack drop --only-target {0}\", empty its tables, \"walpack init --only-target {0}\", "
        "\"walpack run\".",
        only_target));
}

// What a log has beyond the source's history may be on no target yet.
Error other_history(std::string_view whose, const std::string& message, const std::string& detail,
                    const std::string& only_target) {
    Error error = start_over(message, detail, only_target);
    if (whose != "log") return error;
    return error.hint(
        std::string(
            "If neither the slot nor any target, see \"walpack status\", is beyond what the "
            "source has, the log is not needed: move its folder away and start again. "
            "Otherwise start over: ") +
        kStepsToStartOver);
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

std::filesystem::path timeline_file(const std::string& directory) {
    return std::filesystem::path(directory) / "timeline";
}

}  // namespace

void require_system(std::uint64_t found, std::uint64_t expected, const std::string& only_target) {
    if (found == expected) return;
    throw start_over(
        "the source is not the system that this pipeline was set up with",
        fmt::format("Its system identifier is {}, the pipeline is of {}.", found, expected),
        only_target);
}

SourceHistory read_history(ReplicationConnection& replication,
                           const ReplicationConnection::Identity& identity) {
    SourceHistory history{identity.timeline, identity.flush_lsn, {}};
    if (identity.timeline > 1)
        history.ends = parse_timeline_history(replication.timeline_history(identity.timeline));
    return history;
}

void require_history(std::optional<std::uint32_t> timeline, Lsn position,
                     const SourceHistory& history, std::string_view whose,
                     const std::string& only_target) {
    if (!position.is_valid()) return;
    if (timeline && timeline != history.timeline) {
        const auto reason =
            why_not_in_history({*timeline, position}, history.timeline, history.ends);
        if (reason) {
            throw other_history(whose,
                                fmt::format("the source has another history than the {}", whose),
                                *reason, only_target);
        }
        log::warning("the source has changed from timeline {} to {}, after all that the {} has",
                     *timeline, history.timeline, whose);
    }
    if (history.flush_lsn >= position) return;
    const char* has = whose == "target" ? "has applied" : "reaches";
    throw other_history(
        whose,
        fmt::format("the source has written up to {} only, and the {} {} up to {}",
                    history.flush_lsn.to_string(), whose, has, position.to_string()),
        fmt::format("The source may have been restored from an older copy of its disk: the {} may "
                    "hold transactions that the source does not have.",
                    whose),
        only_target);
}

std::optional<Lsn> end_of_timeline(const SourceHistory& history, std::uint32_t timeline) {
    const auto found = std::ranges::find(history.ends, timeline, &TimelineEnd::timeline);
    return found == history.ends.end() ? std::nullopt : std::optional(found->end);
}

SlotState read_usable_slot(Connection& source, const std::string& slot, std::uint32_t timeline,
                           std::optional<std::uint32_t> before) {
    if (const std::optional<SlotState> state = read_slot(source, slot)) {
        check_slot(slot, *state);
        return *state;
    }
    std::string detail =
        "Without it, what was written since the last applied transaction cannot be known.";
    if (before && before != timeline) {
        detail += fmt::format(
            " The source was promoted from a standby, from timeline {} to {}, and that one did not "
            "have the slot.",
            *before, timeline);
    }
    throw start_over(fmt::format("replication slot \"{}\" does not exist on the source", slot),
                     detail);
}

void require_continuity(const std::string& slot, const ProgressRow& row, Lsn begin,
                        const std::string& damage, const std::string& only_target) {
    if (!row.applied_lsn.is_valid() || begin <= row.applied_lsn) return;
    const std::string found =
        damage.empty()
            ? "The"
            : fmt::format("When it was opened, this was found: {}. If that is not why, the",
                          damage);
    throw start_over(
        fmt::format(
            "replication slot \"{}\" is confirmed up to {}, beyond the target's position {}", slot,
            begin.to_string(), row.applied_lsn.to_string()),
        fmt::format("Transactions between the two would be missing, as the log does not have them. "
                    "{} target may have been restored from an older backup, the slot was advanced "
                    "or made again by someone else, or the log directory was removed.",
                    found),
        only_target);
}

std::optional<std::uint32_t> read_log_timeline(const std::string& directory) {
    std::ifstream file(timeline_file(directory));
    std::uint32_t timeline = 0;
    if (!(file >> timeline) || timeline == 0) return std::nullopt;
    return timeline;
}

void note_log_timeline(const std::string& directory, std::uint32_t timeline) {
    if (read_log_timeline(directory) == timeline) return;
    const std::string path = timeline_file(directory);
    const int error = replace_file(path, std::to_string(timeline) + "\n");
    if (error == 0) return;
    throw Error(ErrorKind::connection, file_error("write", path, error))
        .hint("It is tried again. Make room there, or correct its owner.");
}

}  // namespace walpack
