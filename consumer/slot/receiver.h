// The receiver: owns the replication connection, fills the log, answers the server.
//
// It runs in a thread of its own, so that keepalives are answered whatever the rest does: also
// while the log is full and nothing is read, it sends a status every status_interval, and the
// server counts that as a sign of life.
//
//   connect -> start from `from` -> { read while the log has room | send status | watch for silence
//   } -> closed log
//
// Invariant (asserted): the LSN in a status never exceeds what confirm() was given, and never moves
// back.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/stop_request.h"
#include "log/message_log.h"
#include "model/lsn.h"
#include "pg/conninfo.h"

namespace walpack {

struct ReceiverOptions {
    Conninfo source;
    std::string slot;
    std::map<std::string, std::string> plugin_options;
    std::chrono::milliseconds status_interval{1000};
    // Silence of the server: after half of it a reply is requested, after all of it the connection
    // counts as lost.
    std::chrono::milliseconds receive_timeout{60'000};
    std::string application_name;
    std::function<void()> on_streaming;  // called once, in the receiver's thread
};

struct ReceiverStats {
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> messages{0};
    std::atomic<std::uint64_t> received_lsn{0};
    std::atomic<std::uint64_t> source_wal_end{0};
    // Nanoseconds in which nothing was read, since the log had no room.
    std::atomic<std::uint64_t> without_room{0};
};

class Receiver {
  public:
    // `log` and `stop` must outlive the receiver.
    Receiver(ReceiverOptions options, MessageLog& log, const StopRequest& stop);
    ~Receiver();

    // Streams from `from` until stop is requested, then ends in order. Whatever ends it, the log is
    // closed; an error goes to whoever takes from the log (it is not thrown here). Runs in the
    // calling thread.
    void run(Lsn from);

    // Thread-safe: everything up to `lsn` is durable on the target. Lower values than before are
    // ignored.
    void confirm(Lsn lsn);
    const ReceiverStats& stats() const { return stats_; }

  private:
    class Stream;

    ReceiverOptions options_;
    MessageLog& log_;
    const StopRequest& stop_;
    std::atomic<std::uint64_t> confirmed_{0};
    int confirm_fd_ = -1;
    ReceiverStats stats_;
};

}  // namespace walpack
