// One attempt at running a pipeline: connect, check that nothing can be missing, copy when that is
// still to do, stream until stop or error.
//
// Threads: the receiver's (replication connection -> log) and the caller's (log -> assembler ->
// applier -> target). Whichever ends first ends the other. The caller (Supervisor) decides what an
// error means.
#pragma once

#include <functional>

#include "base/stop_request.h"
#include "config/config.h"

namespace walpack {

class Pipeline {
  public:
    // `stop` must outlive the pipeline. `on_streaming` is called each time the stream is
    // established.
    Pipeline(const Config& config, const StopRequest& stop, std::function<void()> on_streaming);

    // Returns when a stop was requested and everything that was applied is durable and confirmed;
    // throws Error otherwise.
    void run();

  private:
    const Config& config_;
    const StopRequest& stop_;
    std::function<void()> on_streaming_;
};

}  // namespace walpack
