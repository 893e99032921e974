// Waiting for a server's socket.
#pragma once

#include <chrono>
#include <optional>

#include "base/stop_request.h"

namespace walpack {

// Until the socket is ready for `events`. False when the deadline passed. Throws on stop.
bool poll_socket(int socket, short events, const StopRequest& stop,
                 std::optional<std::chrono::steady_clock::time_point> deadline);

}  // namespace walpack
