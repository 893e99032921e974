// What `walpack status` shows of transactions that are held or to be left out.
#pragma once

#include <string>

#include "cli/json_writer.h"
#include "cli/status_report.h"

namespace walpack {

// Whole lines of the screen; empty when there is nothing to say.
std::string control_lines(const PipelineStatus& status);
// Members held_transaction and skips_waiting of the object that is open.
void write_control(JsonWriter& json, const PipelineStatus& status);

}  // namespace walpack
