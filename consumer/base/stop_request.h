// A request to stop that every waiting place can see: a flag for loops and a file descriptor for
// poll().
//
// request() may be called from any thread and from a signal handler; it cannot be taken back.
#pragma once

#include <atomic>

namespace walpack {

class StopRequest {
  public:
    StopRequest();
    ~StopRequest();
    StopRequest(const StopRequest&) = delete;
    StopRequest& operator=(const StopRequest&) = delete;

    void request() noexcept;
    bool requested() const noexcept { return requested_.load(std::memory_order_acquire); }
    // Readable (POLLIN) once requested; owned by this object.
    int fd() const noexcept { return fd_; }
    // Throws Error(cancelled) when requested.
    void throw_if_requested() const;

  private:
    std::atomic<bool> requested_{false};
    int fd_ = -1;
};

}  // namespace walpack
