// Rows in quarantine as `walpack quarantine` shows them.
#pragma once

#include <string>
#include <vector>

#include "cli/json_writer.h"
#include "quarantine/quarantine_actions.h"
#include "quarantine/quarantine_table.h"

namespace walpack {

// A line for each row, without values.
std::string held_rows_screen(const std::vector<HeldRowFacts>& rows);
std::string held_rows_json(const std::vector<HeldRowFacts>& rows);

// One row with its values: whoever asks for it may see them.
std::string held_row_screen(const HeldRowView& view);
std::string held_row_json(const HeldRowView& view);

std::string retry_report_screen(const RetryReport& report);

// For `walpack status`; empty when nothing is held.
std::string quarantine_text(const QuarantineFigures& figures);
void write_quarantine(JsonWriter& json, const QuarantineFigures& figures);

}  // namespace walpack
