// A group of whole source transactions on its way through a target transaction.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "apply/footprint.h"
#include "apply/kept_group.h"
#include "model/lsn.h"

namespace walpack {

struct Group {
    using Clock = std::chrono::steady_clock;

    std::uint64_t transactions = 0;
    std::uint64_t rows = 0;
    std::int64_t last_commit_time = 0;  // microseconds since 2000-01-01 UTC
    Clock::time_point start;
    // The position before it, and after it.
    Lsn from;
    Lsn end;
    // Commit LSN of the transaction that came last.
    Lsn last_commit_lsn;
    Footprint footprint;
    // Its changes, to be applied once more when the target refuses one; nullptr where nobody would,
    // and for a transaction that is too large.
    std::shared_ptr<KeptGroup> kept;
    // It goes row by row from the start, by Replay, and its changes are nowhere but in `kept`.
    bool is_replay = false;
    bool is_replay_open = false;  // a part of it was applied
    // The session that has its transaction open; none while all of it is still gathered.
    std::optional<std::size_t> session;
    bool is_durable = false;
    // Its steps check themselves, so that its COMMIT goes with them.
    bool is_checked = false;
    bool is_commit_sent = false;
    bool is_committed = false;
};

}  // namespace walpack
