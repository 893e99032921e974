// Before anything is applied: can the stream from the slot and the target's position be put
// together without a hole?
//
// The server silently starts later than asked when the slot was confirmed further, so a target that
// was restored from an older backup, or a slot that someone advanced, would lose rows while
// everything looks healthy. Here that is an error. So is a source that was promoted from a standby,
// or restored, without all that the target has: its LSNs mean other transactions from there on.
#pragma once

#include <cstdint>

#include "base/stop_request.h"
#include "config/config.h"
#include "progress/progress.h"

namespace walpack {

// Returns the source's timeline. Throws Error(config) with the reason and what to do: another
// source system, a source without a part of what the target has applied, slot missing, lost, of
// another plugin or database, or confirmed beyond the target's position. Throws Error(connection)
// when the source cannot be asked.
[[nodiscard]] std::uint32_t check_continuity(const Config& config, const ProgressRow& row,
                                             const StopRequest& stop);

}  // namespace walpack
