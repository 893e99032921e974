#include "cli/copy_report.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/json_members.h"
#include "copy/copy_progress_text.h"

namespace walpack {
namespace {

constexpr std::size_t kTablesShown = 20;

std::string line(std::string_view name, const std::string& value) {
    return fmt::format("{:<14}{}\n", name, value);
}

std::string copied_text(const TableFigures& table) {
    std::string text =
        fmt::format("{}, {} rows, {}", word_of(table.state), table.rows, human_bytes(table.bytes));
    if (table.state != TableCopyState::copying) return text;
    return text + fmt::format(", about {:.0f} %, {} of {} chunks", table.part_copied() * 100,
                              table.chunks_done, table.chunks_total);
}

std::string wait_lines(const PipelineStatus& status) {
    std::string text;
    for (const SessionWait& wait : status.copy_waits)
        text += line("  waits for", fmt::format("{}, for {:.0f} s", describe(wait), wait.seconds));
    return text;
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
        json.end_object();
    }
    json.end_array();
}

void write_speed(JsonWriter& json, const PipelineStatus& status) {
    JsonMembers members(json);
    std::optional<double> rows;
    std::optional<double> bytes;
    std::optional<double> part;
    std::optional<std::int64_t> left;
    if (const auto& copy = status.copy_speed) {
        rows = copy->rows_per_second;
        bytes = copy->bytes_per_second;
        part = copy->part_copied;
        if (copy->left) left = copy->left->count();
    }
    members.figure("copy_rows_per_second", rows);
    members.figure("copy_bytes_per_second", bytes);
    members.figure("copy_part", part);
    members.integer("copy_seconds_left", left);
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
    for (const std::string& refused : status.refused_structure) text += line("  refused", refused);
    return text;
}

void write_copy(JsonWriter& json, const PipelineStatus& status) {
    JsonMembers members(json);
    write_tables(json, status);
    write_speed(json, status);
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
    for (const std::string& refused : status.refused_structure) json.text(refused);
    json.end_array();
}

}  // namespace walpack
