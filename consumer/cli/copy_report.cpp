#include "cli/copy_report.h"

#include <fmt/format.h>

#include "base/split.h"
#include "base/text.h"
#include "cli/json_members.h"
#include "copy/copy_progress_text.h"

namespace walpack {
namespace {

constexpr std::size_t kTablesShown = 20;

std::string line(std::string_view name, const std::string& value) {
    return fmt::format("{:<14}{}\n", name, value);
}

std::string wait_lines(const PipelineStatus& status) {
    std::string text;
    for (const SessionWait& wait : status.copy_waits)
        text += line("  waits for", fmt::format("{}, for {:.0f} s", describe(wait), wait.seconds));
    return text;
}

// Null where it is not known.
void write_speed(JsonMembers& members, const std::string& prefix,
                 const std::optional<CopySpeed>& speed) {
    std::optional<double> rows;
    std::optional<double> bytes;
    std::optional<std::int64_t> left;
    if (speed) {
        rows = speed->rows_per_second;
        bytes = speed->bytes_per_second;
        if (speed->left) left = speed->left->count();
    }
    members.figure(prefix + "rows_per_second", rows);
    members.figure(prefix + "bytes_per_second", bytes);
    members.integer(prefix + "seconds_left", left);
}

void write_tables(JsonWriter& json, const PipelineStatus& status) {
    JsonMembers members(json);
    json.key("copy_tables");
    json.begin_array();
    for (const TableFigures& table : status.copied_tables) {
        json.begin_object();
        members.text("table", table.name);
        members.text("state", std::string(word_of(table.state)));
        members.integer("rows", std::optional(table.rows));
        members.integer("bytes", std::optional(table.bytes));
        members.integer("rows_estimated", std::optional(table.rows_estimated));
        members.integer("bytes_estimated", std::optional(table.bytes_estimated));
        members.integer("chunks_done", std::optional(table.chunks_done));
        members.integer("chunks_total", std::optional(table.chunks_total));
        const bool is_copying = table.state == TableCopyState::copying && status.copy_speed;
        write_speed(members, "", is_copying ? std::optional(table.speed) : std::nullopt);
        json.end_object();
    }
    json.end_array();
}

}  // namespace

// Tables that are done have no lines; while all are, nothing has.
std::string copy_lines(const PipelineStatus& status) {
    std::string text;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::size_t open = 0;
    for (const TableFigures& table : status.copied_tables) {
        rows += table.rows;
        bytes += table.bytes;
        if (table.state == TableCopyState::done || ++open > kTablesShown) continue;
        text += fmt::format("  {:<30} {}\n", table.name, copied_text(table));
    }
    if (open > kTablesShown) text += fmt::format("  and {} more tables\n", open - kTablesShown);
    if (open > 0)
        text += line("  all tables",
                     fmt::format("{} of {} done, {} rows, {}", status.copied_tables.size() - open,
                                 status.copied_tables.size(), rows, human_bytes(bytes)));
    if (status.copy_speed) {
        const std::string speed = speed_text(*status.copy_speed);
        text += line("  speed", speed.empty() ? "no rows at the moment" : speed);
    }
    text += wait_lines(status);
    if (status.oldest_snapshot_seconds)
        text += line("  snapshots",
                     fmt::format("the oldest is {:.1f} s old", *status.oldest_snapshot_seconds));
    for (const auto& refused : status.refused_structure) {
        text += line("  refused", refused.object + ": " + refused.reason);
        for (const std::string& part : split(refused.statement, '\n')) text += line("", part);
    }
    return text;
}

void write_copy(JsonWriter& json, const PipelineStatus& status) {
    JsonMembers members(json);
    write_tables(json, status);
    const auto& copy = status.copy_speed;
    write_speed(members, "copy_", copy ? std::optional(copy->speed) : std::nullopt);
    members.figure("copy_part", copy ? std::optional(copy->part_copied) : std::nullopt);
    json.key("copy_waits");
    json.begin_array();
    for (const SessionWait& wait : status.copy_waits) {
        json.begin_object();
        members.text("holder", wait.holder);
        members.text("begun", wait.begun);
        members.seconds("seconds", wait.seconds);
        json.end_object();
    }
    json.end_array();
    members.seconds("oldest_snapshot_seconds", status.oldest_snapshot_seconds);
    json.key("refused_structure");
    json.begin_array();
    for (const auto& refused : status.refused_structure) {
        json.begin_object();
        members.text("object", refused.object);
        members.text("reason", refused.reason);
        members.text("statement", refused.statement);
        json.end_object();
    }
    json.end_array();
}

}  // namespace walpack
