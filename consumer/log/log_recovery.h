// What is in the folder of a log -> its segments.
//
// All entries are read and their checksums compared, so that damage is known before the first is
// applied. The last file may end anywhere, as after a crash: it is cut behind its last whole
// transaction. Any other one has to reach the LSN at which the next begins; one that does not is
// damaged, which is noted in Segment::damage and keeps readers from passing it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "log/log_directory.h"
#include "log/ordered_log.h"
#include "log/segment.h"

namespace walpack {

struct RecoveredLog {
    std::deque<std::shared_ptr<Segment>> segments;  // their numbers follow one another
    // Where files do not have what they should, or the last one was cut; empty when none.
    std::string damage;
};

// Throws Error(config) when the files are those of another
// pipeline, slot or source, or of another version, or have no header; Error(limit) when they cannot
// be read.
RecoveredLog recover_log(const LogDirectory& directory, const LogIdentity& identity);

}  // namespace walpack
