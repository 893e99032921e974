// Keeps one target fed for as long as the service lives: starts it, waits after a fault, starts it
// again. The source's stream goes on meanwhile.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/stop_request.h"
#include "config/config.h"
#include "copy/copy_progress.h"
#include "pg/connection.h"
#include "service/back_off.h"
#include "service/pipeline.h"
#include "service/target_feed.h"

namespace walpack {

class TargetSupervisor {
  public:
    // All must outlive this object. `on_state` says what the target is at, by any thread.
    TargetSupervisor(const Config& config, TargetFeed& feed, const StopRequest& stop,
                     std::function<void(const std::string&)> on_state, OnCopyProgress on_copy);

    // Returns when a stop was requested. Throws the Error that needs a human when the source has
    // met it, or when stopped targets are not tried again (stopped_retry_delay).
    void run();

  private:
    void attempt();
    void handle(const Error& error);
    void wait_for_a_human(const Error& error);
    std::chrono::milliseconds next_stopped_delay();
    std::size_t count_skips(std::unique_ptr<Connection>& target) const;

    const Config& config_;
    TargetFeed& feed_;
    const StopRequest& stop_;
    BackOff back_off_;
    std::function<void(const std::string&)> on_state_;
    OnCopyProgress on_copy_;
    Repetition repetition_;
    UnbatchedTables unbatched_;
    std::string stopped_by_;  // message of the error that was told last
    std::uint64_t refused_rewinds_ = 0;
    std::chrono::milliseconds stopped_delay_{0};
};

}  // namespace walpack
