#include "cli/status_report.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/json_writer.h"

namespace walpack {
namespace {

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

// Members of one JSON object; what is not known is null.
class Members {
  public:
    explicit Members(JsonWriter& json) : json_(json) {}

    void text(std::string_view key, const std::string& value) {
        json_.key(key);
        value.empty() ? json_.null() : json_.text(value);
    }
    void lsn(std::string_view key, Lsn value) {
        text(key, value.is_valid() ? value.to_string() : "");
    }
    template <typename Integer>
    void integer(std::string_view key, const std::optional<Integer>& value) {
        json_.key(key);
        value ? json_.number(std::to_string(*value)) : json_.null();
    }
    void seconds(std::string_view key, const std::optional<double>& value) {
        json_.key(key);
        value ? json_.number(fmt::format("{:.3f}", *value)) : json_.null();
    }

  private:
    JsonWriter& json_;
};

void write_end(JsonWriter& json, std::string_view key, const EndStatus& end) {
    Members members(json);
    json.key(key);
    json.begin_object();
    members.text("connection", end.description);
    members.text("error", end.error);
    json.end_object();
}

void write_slot(JsonWriter& json, const PipelineStatus& status) {
    Members members(json);
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

}  // namespace

std::string PipelineStatus::state() const {
    if (slot && slot->is_lost()) return "slot lost";
    if (slot && slot->active_pid) return "streaming";
    if (!source.error.empty() || !target.error.empty()) return "unknown";
    if (!progress) return "not set up";
    if (!slot) return "slot missing";
    if (!consumer_is_connected) return "stopped";
    return progress->copy_is_complete ? "connecting" : "copying";
}

std::string PipelineStatus::copy_state() const {
    if (!progress) return "";
    if (progress->copy_is_complete) return "complete";
    return consumer_is_connected ? "running" : "pending";
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
    return answered && progress && slot && !slot->is_lost();
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
    text += line("applied", applied_text(status));
    if (status.source_lsn.is_valid()) text += line("written", status.source_lsn.to_string());
    return text + line("lag", lag_text(status));
}

std::string status_json(const PipelineStatus& status) {
    std::string text;
    JsonWriter json(text);
    Members members(json);
    json.begin_object();
    members.text("pipeline", status.pipeline);
    members.text("state", status.state());
    write_end(json, "source", status.source);
    write_end(json, "target", status.target);
    write_slot(json, status);
    members.text("copy", status.copy_state());
    members.lsn("written_lsn", status.source_lsn);
    members.lsn("applied_lsn", status.progress ? status.progress->applied_lsn : Lsn{});
    members.seconds("applied_seconds_ago", status.applied_seconds_ago);
    members.integer("lag_bytes", status.lag_bytes());
    members.seconds("lag_seconds", status.lag_seconds());
    json.end_object();
    json.newline();
    return text;
}

}  // namespace walpack
