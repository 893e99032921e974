// What `walpack status` knows of a pipeline, and how it is shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "copy/copy_activity.h"
#include "copy/copy_progress.h"
#include "copy/session_waits.h"
#include "model/lsn.h"
#include "progress/activity.h"
#include "progress/conflict_log.h"
#include "progress/progress.h"
#include "progress/request_table.h"
#include "quarantine/quarantine_table.h"
#include "service/service_state.h"
#include "slot/slot.h"

namespace walpack {

// One end: where it is, and why it did not answer; empty when it did.
struct EndStatus {
    std::string description;
    std::string error;
};

struct PipelineStatus {
    std::string pipeline;
    EndStatus source;
    Lsn source_lsn;  // how far the source has written
    std::string slot_name;
    std::optional<SlotState> slot;
    // From writing a commit at the source until the consumer reported it durable, as the source
    // measures it; nullopt while nothing is under way or nobody reads the slot.
    std::optional<double> measured_lag_seconds;

    EndStatus target;
    std::optional<ProgressRow> progress;
    std::optional<double> applied_seconds_ago;
    bool consumer_is_connected = false;  // to the target
    // nullopt when no consumer has told any, or the target has no table for it.
    std::optional<ReportedActivity> activity;

    std::string target_name;
    // What the service on this machine says; nullopt when it never said anything.
    std::optional<ReportedServiceState> service;

    std::optional<HeldTransaction> held;
    std::vector<Lsn> skips_waiting;  // LSNs of transactions that are to be left out
    // What policies answered to conflicts; empty while there was none.
    std::vector<ConflictCount> conflicts;

    // Of a copy by chunks, or of one under a snapshot while it tells them; empty without one.
    std::vector<TableFigures> copied_tables;
    bool is_copying() const;  // some of them is not done
    // Of all tables, without any of them; nullopt while no running consumer tells it.
    std::optional<CopyFigures> copy_speed;
    // Takes over what a consumer that is at work has told: speed, and of tables in work the rows of
    // chunks that are still being loaded.
    void take(const ReportedCopy& reported);
    // Transactions of others that the copy waits for where it reads.
    std::vector<SessionWait> copy_waits;
    // Of all snapshots that the copy holds where it reads; nullopt when it holds none.
    std::optional<double> oldest_snapshot_seconds;
    // Where it reads, if that is not the source; the error of either.
    EndStatus copied_from;
    // Rows that were put aside, and those that wait for them.
    std::optional<QuarantineFigures> quarantine;
    // What the target did not take of the structure.
    struct RefusedStructure {
        std::string object;
        std::string reason;
        std::string statement;
    };
    std::vector<RefusedStructure> refused_structure;

    // One or two words: streaming, holding, copying, connecting, stopped, target stopped, target
    // waiting, not set up, slot missing, slot lost, unknown.
    std::string state() const;
    // pending, running or complete; empty while the target cannot say.
    std::string copy_state() const;
    // running: the figures are of now. quiet: a consumer is connected and tells none, as nothing is
    // applied at the moment. stopped: there is no consumer. Empty without figures.
    std::string activity_state() const;
    // WAL written and not yet applied, of whatever database; nullopt while one end is unknown.
    std::optional<std::uint64_t> lag_bytes() const;
    std::optional<double> lag_seconds() const;
    // Both ends answered, nothing is missing or lost, and no operator is waited for: no error has
    // stopped the target, and the log can be written.
    bool is_whole() const;
};

std::string status_screen(const PipelineStatus& status);
std::string status_json(const PipelineStatus& status);

}  // namespace walpack
