#include "cli/service_report.h"

#include <fmt/format.h>

#include "base/text.h"

namespace walpack {
namespace {

std::string line(std::string_view name, const std::string& value) {
    return fmt::format("{:<14}{}\n", name, value);
}

std::string duration(std::uint64_t seconds) {
    constexpr std::uint64_t kMinute = 60;
    constexpr std::uint64_t kHour = 60 * kMinute;
    constexpr std::uint64_t kDay = 24 * kHour;
    if (seconds >= 2 * kDay) return fmt::format("{} days", seconds / kDay);
    if (seconds >= 2 * kHour) return fmt::format("{} h", seconds / kHour);
    if (seconds >= 2 * kMinute) return fmt::format("{} min", seconds / kMinute);
    return fmt::format("{} s", seconds);
}

std::string confirmed_text(const ServiceState& state) {
    const std::string budget =
        state.wal_budget == 0 ? "" : fmt::format(" of {}", human_bytes(state.wal_budget));
    return fmt::format("by what is {}; the source keeps {}{} behind it",
                       state.confirm == "logged" ? "on the log's disk" : "applied",
                       human_bytes(state.retained_bytes), budget);
}

std::string log_text(const ServiceState& state) {
    std::string text =
        fmt::format("{} in memory, {} of {} on disk", human_bytes(state.log_memory_bytes),
                    human_bytes(state.log_disk_bytes), human_bytes(state.log_bytes_max));
    if (state.seconds_until_full)
        text += ", full in " + duration(*state.seconds_until_full) + " at the present rate";
    if (!state.disk_error.empty()) text += "; CANNOT WRITE: " + state.disk_error;
    return text;
}

std::string target_text(const TargetState& target) {
    return fmt::format(
        "{}: {}, at {}, {} waiting", target.name, target.state,
        target.applied_lsn.is_valid() ? target.applied_lsn.to_string() : "no position",
        human_bytes(target.waiting_bytes));
}

void write_lsn(JsonWriter& json, std::string_view key, Lsn lsn) {
    json.key(key);
    lsn.is_valid() ? json.text(lsn.to_string()) : json.null();
}

void write_number(JsonWriter& json, std::string_view key, std::uint64_t number) {
    json.key(key);
    json.number(std::to_string(number));
}

void write_text(JsonWriter& json, std::string_view key, const std::string& text) {
    json.key(key);
    text.empty() ? json.null() : json.text(text);
}

void write_target(JsonWriter& json, const TargetState& target) {
    json.begin_object();
    write_text(json, "name", target.name);
    write_text(json, "state", target.state);
    write_lsn(json, "applied_lsn", target.applied_lsn);
    write_number(json, "waiting_bytes", target.waiting_bytes);
    json.end_object();
}

}  // namespace

const ServiceState* current_state(const std::optional<ReportedServiceState>& reported) {
    return reported && reported->seconds_ago <= kServiceSecondsMax ? &reported->state : nullptr;
}

std::string target_state(const std::optional<ReportedServiceState>& reported,
                         const std::string& target) {
    const ServiceState* state = current_state(reported);
    if (state == nullptr) return "";
    for (const TargetState& each : state->targets) {
        if (each.name == target) return each.state;
    }
    return "";
}

std::string service_lines(const std::optional<ReportedServiceState>& reported) {
    const ServiceState* state = current_state(reported);
    if (state == nullptr) return "";
    std::string text = line("stream", state->source_state);
    text += line("confirmation", confirmed_text(*state));
    text += line("log", log_text(*state));
    for (const TargetState& target : state->targets) text += line("feeds", target_text(target));
    return text;
}

void write_service(JsonWriter& json, const std::optional<ReportedServiceState>& reported) {
    const ServiceState* state = current_state(reported);
    if (state == nullptr) return json.null();
    json.begin_object();
    write_text(json, "stream", state->source_state);
    write_text(json, "confirm", state->confirm);
    write_number(json, "retained_bytes", state->retained_bytes);
    write_number(json, "wal_budget", state->wal_budget);
    write_lsn(json, "log_end_lsn", state->log_end);
    write_lsn(json, "log_durable_lsn", state->log_durable);
    write_number(json, "log_memory_bytes", state->log_memory_bytes);
    write_number(json, "log_disk_bytes", state->log_disk_bytes);
    write_number(json, "log_bytes_max", state->log_bytes_max);
    json.key("seconds_until_full");
    state->seconds_until_full ? json.number(std::to_string(*state->seconds_until_full))
                              : json.null();
    write_text(json, "disk_error", state->disk_error);
    json.key("targets");
    json.begin_array();
    for (const TargetState& target : state->targets) write_target(json, target);
    json.end_array();
    json.end_object();
}

}  // namespace walpack
