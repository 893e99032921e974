// One target of the running service: its thread, its reader of the log, and what it is at.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/stop_request.h"
#include "config/config.h"
#include "copy/copy_progress.h"
#include "log/ordered_log.h"
#include "service/confirmation.h"
#include "service/service_state.h"
#include "service/source_stream.h"
#include "service/target_feed.h"

namespace walpack {

class TargetService {
  public:
    // Begins at once. All but the configuration must outlive this object. `position`: what the
    // target has for certain; Lsn{} when that is not known. `is_only`: no other target reads the
    // log; it may change. `on_state` is called by any thread.
    TargetService(Config config, Lsn position, SourceStream& source, OrderedLog& log,
                  Confirmation& confirmation, std::uint64_t system_identifier,
                  const std::atomic<bool>& is_only,
                  const std::function<void(const std::string&)>& on_state,
                  const OnCopyProgress& on_copy);
    // Stops it, as request_stop() and waiting for its end.
    ~TargetService();
    TargetService(const TargetService&) = delete;
    TargetService& operator=(const TargetService&) = delete;

    // When it goes, the log keeps nothing for it.
    void leave() { leaves_ = true; }
    // Finishes the transaction in hand.
    void request_stop() { stop_.request(); }
    bool has_ended() const { return has_ended_; }
    // What it ended with; nullptr when it was stopped. Once it has ended.
    std::exception_ptr error() const { return error_; }

    const Config& config() const { return config_; }
    Lsn applied() const { return confirmation_.applied(feed_.number); }
    TargetState state() const;

  private:
    void run(const OnCopyProgress& on_copy);
    void set_state(const std::string& state);

    const Config config_;
    Confirmation& confirmation_;
    const std::function<void(const std::string&)> on_state_;
    const std::unique_ptr<LogReader> reader_;
    TargetFeed feed_;
    bool leaves_ = false;
    StopRequest stop_;
    mutable std::mutex mutex_;
    std::string state_ = "connecting";
    std::exception_ptr error_;
    std::atomic<bool> has_ended_{false};
    std::jthread thread_;
};

}  // namespace walpack
