// Before anything is applied: can the stream from the slot and the target's position be put
// together without a hole?
//
// The server silently starts later than asked when the slot was confirmed further, so a target that
// was restored from an older backup, or a slot that someone advanced, would lose rows while
// everything looks healthy. Here that is an error.
#pragma once

#include <cstdint>
#include <string>

#include "model/lsn.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "slot/slot.h"

namespace walpack {

// All throw Error(config) with the reason and what to do.

// Unless the source is the system that the log or a target is of.
void require_system(std::uint64_t found, std::uint64_t expected);

// Slot missing, lost, of another plugin or database.
SlotState read_usable_slot(Connection& source, const std::string& slot);

// Everything behind `begin` can be read: from the log, which begins there, or from the slot.
void require_continuity(const std::string& slot, const ProgressRow& row, Lsn begin);

}  // namespace walpack
