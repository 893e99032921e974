#include "base/stop_request.h"

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

namespace walpack {

StopRequest::StopRequest() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    WALPACK_CHECK(fd_ >= 0);
}

StopRequest::~StopRequest() {
    close(fd_);
}

void StopRequest::request() noexcept {
    requested_.store(true, std::memory_order_release);
    const std::uint64_t one = 1;
    // The only failure is a counter that is already readable, which is what we want.
    [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
}

void StopRequest::throw_if_requested() const {
    if (requested()) throw Error(ErrorKind::cancelled, "a stop was requested");
}

}  // namespace walpack
