#include "slot/slot.h"

#include <charconv>

#include <fmt/format.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"

namespace walpack {
namespace {

constexpr int kVersionWithConflicting = 160000;
constexpr int kVersionWithReason = 170000;

// A standby has no current WAL position of its own making.
constexpr const char* kReadSlot = R"(
SELECT s.plugin, s.database, s.database = pg_catalog.current_database(), s.active_pid,
    s.wal_status, {}, s.restart_lsn, s.confirmed_flush_lsn,
    pg_catalog.pg_wal_lsn_diff(
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
             ELSE pg_catalog.pg_current_wal_lsn() END, s.restart_lsn)::pg_catalog.int8,
    s.safe_wal_size
FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = {})";

const char* reason_expression(int server_version) {
    if (server_version >= kVersionWithReason) return "s.invalidation_reason";
    if (server_version >= kVersionWithConflicting) {
        return "CASE WHEN s.conflicting THEN 'conflict with recovery' END";
    }
    return "NULL";
}

std::string text_or_empty(const Result& result, int column) {
    return result.is_null(0, column) ? "" : std::string(result.value(0, column));
}

std::optional<std::int64_t> number(const Result& result, int column) {
    if (result.is_null(0, column)) return std::nullopt;
    const std::string_view text = result.value(0, column);
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Lsn lsn(const Result& result, int column) {
    return Lsn::parse(text_or_empty(result, column)).value_or(Lsn{});
}

// A session whose client went away may still be at it, and may still fail.
void require_finished_slot(const std::string& slot, const SlotState& state) {
    require_own_slot(slot, state);
    if (state.confirmed_flush_lsn.is_valid()) return;
    throw Error(ErrorKind::connection,
                fmt::format("replication slot \"{}\" is still being made{}", slot,
                            state.active_pid ? fmt::format(" by pid {}", *state.active_pid) : ""))
        .hint("It waits for transactions that were writing when it began. Try again later.");
}

}  // namespace

std::optional<SlotState> read_slot(Connection& source, const std::string& slot) {
    // Without parameters, as a walsender takes none.
    const Result result = source.execute(fmt::format(
        fmt::runtime(kReadSlot), reason_expression(source.server_version()), quote_literal(slot)));
    if (result.rows() == 0) return std::nullopt;
    SlotState state;
    state.plugin = text_or_empty(result, 0);
    state.database = text_or_empty(result, 1);
    state.is_of_this_database = text_or_empty(result, 2) == "t";
    if (const auto pid = number(result, 3)) state.active_pid = static_cast<int>(*pid);
    state.wal_status = text_or_empty(result, 4);
    state.invalidation_reason = text_or_empty(result, 5);
    state.restart_lsn = lsn(result, 6);
    state.confirmed_flush_lsn = lsn(result, 7);
    const std::int64_t retained = number(result, 8).value_or(0);
    state.retained_bytes = retained > 0 ? static_cast<std::uint64_t>(retained) : 0;
    state.safe_bytes = number(result, 9);
    return state;
}

void require_own_slot(const std::string& slot, const SlotState& state) {
    if (state.plugin == "walpack" && state.is_of_this_database) return;
    throw Error(ErrorKind::config,
                fmt::format("replication slot \"{}\" is not walpack's in this database", slot))
        .detail(state.plugin.empty()
                    ? "It is a physical slot."
                    : fmt::format("Its output plugin is \"{}\", its database \"{}\".", state.plugin,
                                  state.database))
        .hint("Set \"slot\" or \"pipeline\" to another name.");
}

bool create_slot(Connection& source, const std::string& slot) {
    if (const auto state = read_slot(source, slot)) {
        require_finished_slot(slot, *state);
        return false;
    }
    try {
        source.execute(
            "SELECT pg_catalog.pg_create_logical_replication_slot($1::pg_catalog.name, 'walpack')",
            {slot});
        return true;
    } catch (const Error& error) {
        // Someone else made it at the same moment: then it must be one like ours.
        if (error.sqlstate() != kDuplicateObject) throw;
    }
    const auto state = read_slot(source, slot);
    if (state) require_finished_slot(slot, *state);
    return false;
}

bool drop_slot(Connection& source, const std::string& slot) {
    const auto state = read_slot(source, slot);
    if (!state) return false;
    require_own_slot(slot, *state);
    try {
        source.execute("SELECT pg_catalog.pg_drop_replication_slot($1::pg_catalog.name)", {slot});
        return true;
    } catch (const Error& error) {
        // Someone else dropped it at the same moment.
        if (error.sqlstate() != kUndefinedObject) throw;
    }
    return false;
}

}  // namespace walpack
