#include "copy/consistent_slot.h"

#include <chrono>

#include <fmt/format.h>

#include "copy/session_waits.h"

namespace walpack {
namespace {

// Unique among everything that lives: the backend is ours.
std::string temporary_slot_name(const Connection& source) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return fmt::format("walpack_copy_{}_{}", source.backend_pid(),
                       std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

std::string slot_application_name(const std::string& pipeline) {
    return "walpack_slot_" + pipeline;
}

ConsistentSlot open_consistent_slot(const Conninfo& conninfo, Connection& source,
                                    const std::string& pipeline, const StopRequest& stop) {
    const std::string application_name = slot_application_name(pipeline);
    ConsistentSlot slot;
    slot.session = std::make_unique<ReplicationConnection>(conninfo, stop, application_name);
    slot.session->limit_silence(kLongWait, tell_waits(source, application_name));
    slot.created = slot.session->create_slot(temporary_slot_name(source), true, true);
    slot.session->limit_silence({});
    return slot;
}

}  // namespace walpack
