// The replication slot on the source, seen through ordinary SQL: create, inspect, drop.
//
// Every call can be repeated after a lost reply. A slot that is not walpack's in this database is
// never touched.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/lsn.h"
#include "pg/connection.h"

namespace walpack {

struct SlotState {
    std::string plugin;  // empty for a physical slot
    std::string database;
    bool is_of_this_database = false;
    std::optional<int> active_pid;
    // reserved, extended, unreserved or lost; empty where the server does not know yet.
    std::string wal_status;
    // Why the server invalidated it, where it says so (16 and later); empty while it is valid.
    std::string invalidation_reason;
    Lsn restart_lsn;
    Lsn confirmed_flush_lsn;
    std::uint64_t retained_bytes = 0;  // WAL that the source keeps for it
    // What may still be written before the slot can be lost; nullopt without a limit.
    std::optional<std::int64_t> safe_bytes;

    // What the slot would have sent is not there any more.
    bool is_lost() const { return wal_status == "lost" || !invalidation_reason.empty(); }
};

// nullopt when there is no slot of that name.
std::optional<SlotState> read_slot(Connection& source, const std::string& slot);

// Throws Error(config) unless the slot has plugin walpack and is of the connection's database.
void require_own_slot(const std::string& slot, const SlotState& state);

// Makes the permanent slot; false when it is there already. Waits until every transaction that
// writes at the call has ended. Throws Error(config) when the name belongs to another slot, and
// Error(connection) while another session is still at making it.
[[nodiscard]] bool create_slot(Connection& source, const std::string& slot);

// False when there was none. Throws Error(config) for a slot that is not walpack's, and
// Error(connection) while it is in use.
[[nodiscard]] bool drop_slot(Connection& source, const std::string& slot);

}  // namespace walpack
