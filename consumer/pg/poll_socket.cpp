#include "pg/poll_socket.h"

#include <array>
#include <cerrno>

#include <poll.h>

namespace walpack {

bool poll_socket(int socket, short events, const StopRequest& stop,
                 std::optional<std::chrono::steady_clock::time_point> deadline) {
    while (true) {
        stop.throw_if_requested();
        int timeout = -1;
        if (deadline) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                *deadline - std::chrono::steady_clock::now());
            if (left.count() <= 0) return false;
            timeout = static_cast<int>(left.count());
        }
        std::array<pollfd, 2> fds{pollfd{socket, events, 0}, pollfd{stop.fd(), POLLIN, 0}};
        if (poll(fds.data(), fds.size(), timeout) < 0 && errno != EINTR) return true;
        if (fds[0].revents != 0) return true;
    }
}

}  // namespace walpack
