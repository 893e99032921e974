// What the running service says of itself: a small file in the log's directory, written every
// second or so, read by `walpack status` on the same machine. Nothing is decided by it.
//
//   source_state<TAB>streaming
//   log_disk_bytes<TAB>1234
//   target<TAB>main<TAB>applying<TAB>0/16B3748<TAB>0
//
// A target may be away, so what is said of it cannot be kept there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/lsn.h"

namespace walpack {

struct TargetState {
    std::string name;
    // applying, copying, connecting, "waiting: why" or "stopped: why".
    std::string state;
    Lsn applied_lsn;
    std::uint64_t waiting_bytes = 0;  // in the log

    bool operator==(const TargetState&) const = default;
};

struct ServiceState {
    std::string source_state;          // streaming, connecting, or why it waits
    std::string confirm;               // what counts now: applied or logged
    std::uint64_t retained_bytes = 0;  // WAL the source keeps behind what is confirmed
    std::uint64_t wal_budget = 0;
    Lsn log_end;
    Lsn log_durable;
    std::uint64_t log_memory_bytes = 0;
    std::uint64_t log_disk_bytes = 0;
    std::uint64_t log_bytes_max = 0;
    // Until log_bytes_max is reached at the present rate; nullopt while the files do not grow.
    std::optional<std::uint64_t> seconds_until_full;
    std::string disk_error;  // why nothing can be written
    std::vector<TargetState> targets;

    bool operator==(const ServiceState&) const = default;
};

struct ReportedServiceState {
    ServiceState state;
    double seconds_ago = 0;

    bool operator==(const ReportedServiceState&) const = default;
};

std::string service_state_text(const ServiceState& state);
// nullopt for a text that is not one; lines that are not known are left out.
std::optional<ServiceState> parse_service_state(const std::string& text);

// Whole, mode 0600; on a full disk over the one before, so that a reader may meet half of it. False
// when it could not be written.
bool write_service_state(const std::string& directory, const ServiceState& state);
// nullopt when there is none that can be read.
std::optional<ReportedServiceState> read_service_state(const std::string& directory);

}  // namespace walpack
