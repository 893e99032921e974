// What the running service says of log and targets, for `walpack status`.
#pragma once

#include <optional>
#include <string>

#include "cli/json_writer.h"
#include "service/service_state.h"

namespace walpack {

// A service that runs writes its state more often than this.
inline constexpr double kServiceSecondsMax = 10;

// Of now, and not what one that has ended has left; nullptr otherwise.
const ServiceState* current_state(const std::optional<ReportedServiceState>& reported);
// What the service says of the target; empty when it says nothing.
std::string target_state(const std::optional<ReportedServiceState>& reported,
                         const std::string& target);

// Lines of the screen; empty without a state of now.
std::string service_lines(const std::optional<ReportedServiceState>& reported);
// Value of the key "service": an object, or null without a state of now.
void write_service(JsonWriter& json, const std::optional<ReportedServiceState>& reported);

}  // namespace walpack
