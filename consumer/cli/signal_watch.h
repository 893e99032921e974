// SIGTERM and SIGINT -> StopRequest, in a thread of its own.
//
// The first signal asks for a stop in order; a second one ends the process at once, unless it comes
// with the first: some programs signal a process and its group, and so send everything twice.
// Exactly-once does not depend on it: what was not committed is sent again.
#pragma once

#include <thread>

#include "base/stop_request.h"

namespace walpack {

class SignalWatch {
  public:
    // Blocks the signals in the calling thread, and so in every thread that it starts from now on:
    // must come before any of them. `stop` must outlive the watch.
    explicit SignalWatch(StopRequest& stop);
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

  private:
    void watch();

    StopRequest& stop_;
    StopRequest ended_;
    int fd_ = -1;
    std::thread thread_;
};

}  // namespace walpack
