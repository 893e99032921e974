// What `walpack status` shows of a copy by chunks.
#pragma once

#include <string>

#include "cli/json_writer.h"
#include "cli/status_report.h"

namespace walpack {

// Whole lines of the screen: the tables that are not done, speed and time left, what is waited for,
// and what the target did not take of the structure; empty when there is nothing to say.
std::string copy_lines(const PipelineStatus& status);
// The members of the open object whose names begin with copy_, oldest_snapshot_seconds and
// refused_structure.
void write_copy(JsonWriter& json, const PipelineStatus& status);

}  // namespace walpack
