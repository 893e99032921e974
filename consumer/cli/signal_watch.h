// SIGTERM and SIGINT -> StopRequest, SIGHUP -> a request to read the configuration again; in a
// thread of its own.
//
// The first signal asks for a stop in order; a second one ends the process at once, unless it comes
// with the first: some programs signal a process and its group, and so send everything twice.
// Exactly-once does not depend on it: what was not committed is sent again.
#pragma once

#include <atomic>
#include <thread>

#include "base/stop_request.h"

namespace walpack {

class SignalWatch {
  public:
    // Blocks the signals in the calling thread, and so in every thread that it starts from now on:
    // must come before any of them. Both must outlive the watch.
    SignalWatch(StopRequest& stop, std::atomic<bool>& is_reload_requested);
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

  private:
    void watch();

    StopRequest& stop_;
    std::atomic<bool>& is_reload_requested_;
    StopRequest ended_;
    int fd_ = -1;
    std::thread thread_;
};

}  // namespace walpack
