#include "cli/control_report.h"

#include <fmt/format.h>

namespace walpack {
namespace {

void write_lsn(JsonWriter& json, std::string_view key, Lsn lsn) {
    json.key(key);
    lsn.is_valid() ? json.text(lsn.to_string()) : json.null();
}

void write_number(JsonWriter& json, std::string_view key, const std::string& number) {
    json.key(key);
    json.number(number);
}

}  // namespace

std::string control_lines(const PipelineStatus& status) {
    std::string text;
    if (status.held) {
        const TransactionSummary& held = status.held->transaction;
        const std::string lsn = held.commit_lsn.to_string();
        text += fmt::format(
            "{:<14}transaction {} at {}, {:.0f} s: {}{}\n{:<14}{}\n", "held", held.xid, lsn,
            status.held->held_seconds, status.held->is_counted ? "" : "at least ", held.describe(),
            "",
            status.held->is_released
                ? "it is released"
                : fmt::format("walpack release applies it, walpack skip --lsn {} leaves it out",
                              lsn));
    }
    for (const Lsn lsn : status.skips_waiting)
        text += fmt::format("{:<14}the transaction at {}\n", "to skip", lsn.to_string());
    return text;
}

void write_control(JsonWriter& json, const PipelineStatus& status) {
    json.key("held_transaction");
    if (status.held) {
        const TransactionSummary& held = status.held->transaction;
        json.begin_object();
        write_number(json, "xid", std::to_string(held.xid));
        write_lsn(json, "commit_lsn", held.commit_lsn);
        write_lsn(json, "end_lsn", held.end_lsn);
        write_number(json, "rows", std::to_string(held.rows));
        json.key("tables");
        json.begin_array();
        for (const std::string& table : held.tables) json.text(table);
        json.end_array();
        json.key("is_counted");
        json.boolean(status.held->is_counted);
        json.key("is_released");
        json.boolean(status.held->is_released);
        write_number(json, "held_seconds", fmt::format("{:.0f}", status.held->held_seconds));
        json.end_object();
    } else {
        json.null();
    }
    json.key("skips_waiting");
    json.begin_array();
    for (const Lsn lsn : status.skips_waiting) json.text(lsn.to_string());
    json.end_array();
}

}  // namespace walpack
