// A target's place at the source's side of the service.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "log/ordered_log.h"
#include "service/confirmation.h"
#include "service/source_stream.h"

namespace walpack {

// What a target has of the source's side. All of it outlives the target's thread.
struct TargetFeed {
    SourceStream& source;
    OrderedLog& log;
    LogReader& reader;
    Confirmation& confirmation;
    std::size_t number = 0;  // of the confirmation
    std::uint64_t system_identifier = 0;
    // The source's, as the target has noted it.
    std::uint32_t timeline = 0;
    // No other target reads the log, so this one's thread may receive by itself.
    const std::atomic<bool>& is_only;
};

}  // namespace walpack
