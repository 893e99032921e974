#include "cli/status_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/control_report.h"
#include "cli/copy_report.h"
#include "cli/json_members.h"
#include "cli/quarantine_report.h"
#include "cli/service_report.h"

namespace walpack {
namespace {

// A consumer at work tells its figures more often than this.
constexpr double kCurrentSecondsMax = 30;

std::string line(std::string_view name, const std::string& value) {
    return value.empty() ? "" : fmt::format("{:<14}{}\n", name, value);
}

std::string end_text(const EndStatus& end) {
    return end.error.empty()
               ? end.description
               : fmt::format("{}\n{:14}NO ANSWER: {}", end.description, "", end.error);
}

std::string slot_text(const PipelineStatus& status) {
    if (!status.slot) return status.slot_name + (status.source.error.empty() ? ", missing" : "");
    const SlotState& slot = *status.slot;
    std::string text = status.slot_name;
    text += slot.active_pid ? fmt::format(", active (pid {})", *slot.active_pid) : ", not active";
    if (!slot.wal_status.empty()) text += ", WAL " + slot.wal_status;
    if (!slot.invalidation_reason.empty()) text += ", invalidated: " + slot.invalidation_reason;
    return text;
}

std::string retained_text(const SlotState& slot) {
    std::string text = human_bytes(slot.retained_bytes);
    if (slot.safe_bytes) {
        const auto left = *slot.safe_bytes > 0 ? static_cast<std::uint64_t>(*slot.safe_bytes) : 0;
        text += fmt::format(", lost after {} more", human_bytes(left));
    }
    return text;
}

std::string lag_text(const PipelineStatus& status) {
    const auto bytes = status.lag_bytes();
    if (!bytes) return "";
    std::string text = human_bytes(*bytes);
    if (const auto seconds = status.lag_seconds()) {
        text += fmt::format(", {:.1f} s", *seconds);
    } else if (status.applied_seconds_ago) {
        text += fmt::format(", at most {:.0f} s", *status.applied_seconds_ago);
    }
    return text;
}

std::string applied_text(const PipelineStatus& status) {
    if (!status.progress || !status.progress->applied_lsn.is_valid()) return "";
    std::string text = status.progress->applied_lsn.to_string();
    if (status.applied_seconds_ago)
        text += fmt::format(", {:.1f} s ago", *status.applied_seconds_ago);
    return text;
}

std::string percent(double share) {
    return fmt::format("{:.0f} %", share * 100);
}

std::string bytes(double count) {
    return human_bytes(static_cast<std::uint64_t>(count));
}

// The stages in the order of a change's path; indented, since they belong to the line before.
std::string stage_lines(const Activity& activity) {
    std::string text = line("  receive", fmt::format("{}/s, {:.0f} messages/s, log full {}",
                                                     bytes(activity.received_bytes_per_second),
                                                     activity.received_messages_per_second,
                                                     percent(activity.log_full_share)));
    text += line("  decode", fmt::format("{:.0f} rows/s", activity.decoded_rows_per_second));
    text +=
        line("  plan", fmt::format("{:.0f} rows/s, {} coalesced", activity.planned_rows_per_second,
                                   percent(activity.coalesced_share)));
    text += line("  apply", fmt::format("{:.0f} rows/s, {:.0f} transactions/s",
                                        activity.applied_rows_per_second,
                                        activity.applied_transactions_per_second));
    text +=
        line("  groups",
             fmt::format("{:.0f} transactions and {:.0f} rows per commit, {:.0f} rows per batch",
                         activity.transactions_per_commit, activity.rows_per_commit,
                         activity.rows_per_batch));
    return text + line("  waits", fmt::format("source {}, target {}, order {}, working {}",
                                              percent(activity.waited_for_source_share),
                                              percent(activity.waited_for_target_share),
                                              percent(activity.waited_for_order_share),
                                              percent(activity.working_share)));
}

std::string conflict_lines(const PipelineStatus& status) {
    std::string text;
    for (const ConflictCount& each : status.conflicts)
        text += fmt::format("{}{} {} ({})", text.empty() ? "" : ", ", each.count, each.kind,
                            each.outcome);
    return line("conflicts", text);
}

std::string activity_lines(const PipelineStatus& status) {
    if (!status.activity) return "";
    const ReportedActivity& reported = *status.activity;
    if (status.activity_state() != "running") {
        return line("activity", fmt::format("{}, last figures {:.0f} s ago",
                                            status.activity_state(), reported.seconds_ago));
    }
    return line("activity", fmt::format("slow stage: {}, {:.1f} s ago",
                                        reported.activity.slow_stage, reported.seconds_ago)) +
           stage_lines(reported.activity);
}

void write_end(JsonWriter& json, std::string_view key, const EndStatus& end) {
    JsonMembers members(json);
    json.key(key);
    json.begin_object();
    members.text("connection", end.description);
    members.text("error", end.error);
    json.end_object();
}

void write_slot(JsonWriter& json, const PipelineStatus& status) {
    JsonMembers members(json);
    json.key("slot");
    json.begin_object();
    members.text("name", status.slot_name);
    json.key("exists");
    json.boolean(status.slot.has_value());
    if (status.slot) {
        const SlotState& slot = *status.slot;
        members.integer("active_pid", slot.active_pid);
        members.text("wal_status", slot.wal_status);
        members.text("invalidation_reason", slot.invalidation_reason);
        members.lsn("restart_lsn", slot.restart_lsn);
        members.lsn("confirmed_flush_lsn", slot.confirmed_flush_lsn);
        members.integer("retained_bytes", std::optional(slot.retained_bytes));
        members.integer("safe_bytes", slot.safe_bytes);
    }
    json.end_object();
}

// Figures of another time are not known of now.
void write_activity(JsonWriter& json, const PipelineStatus& status) {
    json.key("activity");
    if (!status.activity) return json.null();
    const Activity& activity = status.activity->activity;
    const bool is_current = status.activity_state() == "running";
    JsonMembers members(json);
    json.begin_object();
    members.text("state", status.activity_state());
    members.seconds("seconds_ago", status.activity->seconds_ago);
    members.text("slow_stage", is_current ? activity.slow_stage : "");
    for (const ActivityFigure& figure : kActivityFigures) {
        members.figure(figure.name,
                       is_current ? std::optional(activity.*figure.value) : std::nullopt);
    }
    json.end_object();
}

void write_conflicts(JsonWriter& json, const PipelineStatus& status) {
    JsonMembers members(json);
    json.key("conflicts");
    json.begin_array();
    for (const ConflictCount& each : status.conflicts) {
        json.begin_object();
        members.text("kind", each.kind);
        members.text("outcome", each.outcome);
        members.integer("count", std::optional(each.count));
        json.end_object();
    }
    json.end_array();
}

}  // namespace

std::string PipelineStatus::state() const {
    if (slot && slot->is_lost()) return "slot lost";
    const std::string target_at = target_state(service, target_name);
    if (target_at.starts_with("stopped")) return "target stopped";
    if (target_at.starts_with("waiting")) return "target waiting";
    if (slot && slot->active_pid) return held && !held->is_released ? "holding" : "streaming";
    if (!source.error.empty() || !target.error.empty()) return "unknown";
    if (!progress) return "not set up";
    if (!slot) return "slot missing";
    if (!consumer_is_connected) return "stopped";
    return progress->copy_is_complete ? "connecting" : "copying";
}

bool PipelineStatus::is_copying() const {
    return std::any_of(copied_tables.begin(), copied_tables.end(), [](const TableFigures& table) {
        return table.state != TableCopyState::done;
    });
}

void PipelineStatus::take(const ReportedCopy& reported) {
    // One under a snapshot has none of its tables written down.
    const bool is_of_snapshot = copied_tables.empty() && progress && !progress->copy_is_complete;
    if (!consumer_is_connected || !(is_copying() || is_of_snapshot)) return;
    if (reported.seconds_ago > kCurrentSecondsMax) return;
    copy_speed = reported.figures;
    copy_speed->tables.clear();
    if (is_of_snapshot) copied_tables = reported.figures.tables;
    for (const TableFigures& told : reported.figures.tables) {
        const auto table = std::ranges::find(copied_tables, told.name, &TableFigures::name);
        if (table == copied_tables.end() || table->state != TableCopyState::copying) continue;
        table->rows = std::max(table->rows, told.rows);
        table->bytes = std::max(table->bytes, told.bytes);
        table->speed = told.speed;
    }
}

std::string PipelineStatus::copy_state() const {
    if (!progress) return "";
    if (progress->copy_is_complete && !is_copying()) return "complete";
    return consumer_is_connected ? "running" : "pending";
}

std::string PipelineStatus::activity_state() const {
    if (!activity) return "";
    if (!consumer_is_connected) return "stopped";
    return activity->seconds_ago > kCurrentSecondsMax ? "quiet" : "running";
}

std::optional<std::uint64_t> PipelineStatus::lag_bytes() const {
    if (!progress || !progress->applied_lsn.is_valid() || !source_lsn.is_valid()) {
        return std::nullopt;
    }
    const Lsn applied = progress->applied_lsn;
    return source_lsn > applied ? source_lsn.value - applied.value : 0;
}

std::optional<double> PipelineStatus::lag_seconds() const {
    if (lag_bytes() == 0U) return 0.0;
    return measured_lag_seconds;
}

bool PipelineStatus::is_whole() const {
    const bool answered = source.error.empty() && target.error.empty();
    const bool is_stopped = target_state(service, target_name).starts_with("stopped");
    const ServiceState* const now = current_state(service);
    const bool can_write = now == nullptr || now->disk_error.empty();
    return answered && progress && slot && !slot->is_lost() && !is_stopped && can_write;
}

std::string status_screen(const PipelineStatus& status) {
    std::string text = line("pipeline", fmt::format("{}, {}", status.pipeline, status.state()));
    text += line("source", end_text(status.source));
    text += line("target", end_text(status.target));
    text += line("slot", slot_text(status));
    if (status.slot) {
        text += line("retained WAL", retained_text(*status.slot));
        if (status.slot->confirmed_flush_lsn.is_valid()) {
            text += line("confirmed", status.slot->confirmed_flush_lsn.to_string());
        }
    }
    text += line("initial copy", status.copy_state());
    text += copy_lines(status);
    if (!status.copied_from.error.empty())
        text += line("  copied from", end_text(status.copied_from));
    text += line("applied", applied_text(status));
    if (status.source_lsn.is_valid()) text += line("written", status.source_lsn.to_string());
    text += line("lag", lag_text(status));
    if (status.quarantine) text += line("quarantine", quarantine_text(*status.quarantine));
    text += conflict_lines(status);
    text += control_lines(status);
    text += service_lines(status.service);
    return text + activity_lines(status);
}

std::string status_json(const PipelineStatus& status) {
    std::string text;
    JsonWriter json(text);
    JsonMembers members(json);
    json.begin_object();
    members.text("pipeline", status.pipeline);
    members.text("state", status.state());
    write_end(json, "source", status.source);
    write_end(json, "target", status.target);
    write_slot(json, status);
    members.text("copy", status.copy_state());
    write_copy(json, status);
    members.lsn("written_lsn", status.source_lsn);
    members.lsn("applied_lsn", status.progress ? status.progress->applied_lsn : Lsn{});
    members.seconds("applied_seconds_ago", status.applied_seconds_ago);
    members.integer("lag_bytes", status.lag_bytes());
    members.seconds("lag_seconds", status.lag_seconds());
    json.key("quarantine");
    status.quarantine ? write_quarantine(json, *status.quarantine) : json.null();
    write_conflicts(json, status);
    write_control(json, status);
    json.key("service");
    write_service(json, status.service);
    write_activity(json, status);
    json.end_object();
    json.newline();
    return text;
}

}  // namespace walpack
