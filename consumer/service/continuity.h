// Before anything is applied: can the stream from the slot, what the log holds and the target's
// position be put together without a hole?
//
// The server silently starts later than asked when the slot was confirmed further, so a target that
// was restored from an older backup, or a slot that someone advanced, would lose rows while
// everything looks healthy. Here that is an error. So is a source that was promoted from a standby,
// or restored, without all that the target or the log has: its LSNs mean other transactions from
// there on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/lsn.h"
#include "pg/connection.h"
#include "pg/replication_connection.h"
#include "progress/progress.h"
#include "slot/slot.h"
#include "slot/timeline.h"

namespace walpack {

struct SourceHistory {
    std::uint32_t timeline = 0;
    Lsn flush_lsn;  // how far it has written
    std::vector<TimelineEnd> ends;
};

// What follows throws Error(config) with the reason and what to do, unless something else is said.
// `only_target`: the one that has to start over, of several that share the slot; empty: all do.

// Unless the source is the system that the log or a target is of.
void require_system(std::uint64_t found, std::uint64_t expected,
                    const std::string& only_target = "");

// Throws only Error(connection) and Error(protocol).
SourceHistory read_history(ReplicationConnection& replication,
                           const ReplicationConnection::Identity& identity);

// The source has all that was written up to `position` on `timeline`; nullopt where that is not
// known. `whose`: target or log.
void require_history(std::optional<std::uint32_t> timeline, Lsn position,
                     const SourceHistory& history, std::string_view whose,
                     const std::string& only_target = "");

// Where the source left a timeline for the next one; nullopt when it is not in its history.
std::optional<Lsn> end_of_timeline(const SourceHistory& history, std::uint32_t timeline);

// Slot missing, lost, of another plugin or database. `before`: the timeline that it was read on
// last, where that is known.
SlotState read_usable_slot(Connection& source, const std::string& slot, std::uint32_t timeline,
                           std::optional<std::uint32_t> before);

// Everything behind `begin` can be read: from the log, which begins there, or from the slot.
// `damage`: what was wrong in the log's files.
void require_continuity(const std::string& slot, const ProgressRow& row, Lsn begin,
                        const std::string& damage, const std::string& only_target);

// The timeline that the log's content is of: kept in its folder. nullopt when none was noted.
std::optional<std::uint32_t> read_log_timeline(const std::string& directory);
// Throws Error(connection), as it is worth another try, when it cannot be written.
void note_log_timeline(const std::string& directory, std::uint32_t timeline);

}  // namespace walpack
