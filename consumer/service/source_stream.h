// The source's side of a running pipeline: from the slot into the log, for as long as the service
// lives, whatever the targets do.
//
//   connect -> look at the slot -> begin a session of the log -> receiver
//      ^_________________ wait a while ____________________________/
//
// All by one connection, so what was looked at is what the stream comes from.
//
// Beside it a thread asks the source every second how much WAL it keeps for the slot, and decides
// with that what is confirmed (confirmation.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/stop_request.h"
#include "config/config.h"
#include "log/ordered_log.h"
#include "pg/connection.h"
#include "pg/replication_connection.h"
#include "service/confirmation.h"
#include "service/continuity.h"
#include "slot/receiver.h"
#include "slot/slot.h"

namespace walpack {

// The connection that a session needs. Throws Error(connection) when the source does not answer.
std::unique_ptr<ReplicationConnection> connect_to_source(const Config& config,
                                                         const StopRequest& stop);

class SourceStream {
  public:
    // All must outlive this object. `first` is for the first session, if there is one already.
    // `on_state` is called by any thread.
    SourceStream(const Config& config, std::uint64_t system_identifier,
                 std::unique_ptr<ReplicationConnection> first, OrderedLog& log,
                 const StopRequest& stop, std::function<void(const std::string&)> on_state);

    // Until a stop is requested or something needs a human; then the log is closed, with the error
    // if there is one. Runs in the calling thread, and never throws.
    void run(Confirmation& confirmation);

    // Any thread: what a target needs is not in the log any more. Everything that was not confirmed
    // is received once more, unless that was begun since `generation` was asked. Returns when the
    // log has begun again; throws Error(cancelled) when `stop` comes first, Error(connection) when
    // it takes too long.
    void restart(std::uint64_t generation, const StopRequest& stop);
    // Returns when it is known how far back the source and the log reach, or the source has failed.
    void wait_until_known(const StopRequest& stop) const;
    bool is_known() const { return is_known_; }
    // Everything behind it can be had: the log has it, or the source sends it again.
    Lsn reaches_back_to() const;
    // How often the log was begun.
    std::uint64_t generation() const { return generation_; }
    // Read again when it does not reach up to there. Throws Error(connection) then, when the source
    // does not answer, and ends on a stop of who asks: this stream outlives the targets.
    SourceHistory history_up_to(Lsn position, const StopRequest& stop);
    std::uint32_t timeline() const;
    // The log is closed with an error.
    bool has_failed() const { return has_failed_; }
    // Throws that error.
    void throw_if_failed() const;
    Receiver& receiver() { return receiver_; }
    // Bytes of WAL behind what is confirmed, as last asked.
    std::uint64_t retained_bytes() const { return retained_; }

  private:
    void sessions(Confirmation& confirmation);
    void session(Confirmation& confirmation);
    void wait_for_targets(const Confirmation& confirmation);
    bool commits_wait_for_stream() const;
    Lsn look_at_source(ReplicationConnection& source);
    void request_restart();
    Lsn begin_log(Lsn confirmed, Confirmation& confirmation, bool& is_new);
    Lsn begin_of_session(Lsn confirmed, const Confirmation& confirmation, bool& is_new);
    void watch(Confirmation& confirmation, const std::stop_token& ended);
    Connection& asking(std::unique_ptr<Connection>& source);
    void ask_retained(std::unique_ptr<Connection>& source);
    bool ask_awaited(std::unique_ptr<Connection>& source);

    const Config& config_;
    const std::uint64_t system_identifier_;
    OrderedLog& log_;
    const StopRequest& stop_;
    std::function<void(const std::string&)> on_state_;
    std::unique_ptr<ReplicationConnection> first_;
    Receiver receiver_;
    mutable std::mutex mutex_;
    std::mutex confirming_;  // while it is held nothing is confirmed by what the log has
    SourceHistory history_;
    std::atomic<bool> is_restart_requested_{false};
    std::atomic<bool> is_known_{false};
    std::atomic<std::uint64_t> generation_{0};
    std::exception_ptr failure_;  // set before has_failed_
    std::atomic<bool> has_failed_{false};
    std::atomic<bool> was_streaming_{false};
    std::atomic<std::uint64_t> retained_{0};
    bool is_awaited_ = false;  // see Confirmation::note_awaited()
};

}  // namespace walpack
