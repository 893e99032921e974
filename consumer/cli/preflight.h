// The checks of both ends before anything is made: everything is looked at, nothing is changed.
//
// check prints all of it; init goes on only when there is no problem. Rights are found by trying
// where that is possible, since role attributes mislead on managed servers: the publication is made
// in a transaction that is rolled back, the slot as a temporary one that goes with its session.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/stop_request.h"
#include "cli/finding.h"
#include "config/config.h"
#include "copy/copy_catalog.h"
#include "progress/progress.h"
#include "schema/published_table.h"
#include "slot/slot.h"

namespace walpack {

struct Preflight {
    Findings findings;
    // Of the source; 0 while it could not be asked.
    std::uint64_t source_system_identifier = 0;
    std::optional<SlotState> slot;
    std::optional<ProgressRow> progress;
    // What the copy knows of; nullopt where it has not begun.
    std::optional<std::vector<StoredTable>> known;
    // What the publications hold, or will hold once init has made them.
    std::vector<PublishedTable> tables;

    bool copy_is_pending(const Config& config) const {
        return config.copy && !(progress && progress->copy_is_complete);
    }
    // No row was copied yet.
    bool copy_is_to_begin(const Config& config) const {
        return copy_is_pending(config) && !(progress && progress->applied_lsn.is_valid());
    }
};

// Throws only Error(cancelled).
Preflight run_preflight(const Config& config, const StopRequest& stop);

}  // namespace walpack
