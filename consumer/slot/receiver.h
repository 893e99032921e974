// The receiver: owns the replication connection, fills the log, answers the server.
//
// It runs in a thread of its own, so that keepalives are answered whatever the rest does: also
// while the log is full and nothing is read, it sends a status every status_interval, and the
// server counts that as a sign of life.
//
//   connect -> start from `from` -> { read while the log has room | send status | watch for silence
//   } -> closed log
//
// While little comes, the stream is lent to the thread that takes from the log: that one then waits
// for the connection itself, so a message wakes one thread instead of two. The receiver's own
// thread takes the stream back when it was not used for a tenth of a second: so keepalives are
// answered whatever the other one does.
//
// Invariant (asserted): the LSN in a status never exceeds what confirm() was given, and never moves
// back.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
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

    // For the one thread that takes from the log. It asks for the stream when it has nothing else
    // to do, and gives it back when it has other work, or more comes than one thread should deal
    // with.
    void borrow();
    void give_back();
    bool is_lent() const { return is_lent_.load(std::memory_order_acquire); }
    // While it is lent: waits until the log has something, or for `timeout`. False, and at once,
    // when there is no stream or the other thread has not let go of it yet. An error goes through
    // the log as any other.
    bool receive(std::chrono::nanoseconds timeout);
    // The same without waiting.
    void look();

    // Thread-safe: everything up to `lsn` is durable on the target. Lower values than before are
    // ignored.
    void confirm(Lsn lsn);
    const ReceiverStats& stats() const { return stats_; }

  private:
    class Stream;

    class Established;

    void wake();
    // Returns when the stream is the receiver's own again, or a stop is requested.
    void wait_while_lent(std::unique_lock<std::mutex>& lock);
    // Whether it could be done.
    template <typename Work>
    bool with_lent_stream(const Work& work);

    ReceiverOptions options_;
    MessageLog& log_;
    const StopRequest& stop_;
    std::atomic<std::uint64_t> confirmed_{0};
    int wake_fd_ = -1;
    std::atomic<bool> is_lent_{false};
    // Held by the thread that uses the stream, also while it waits for the connection.
    std::mutex mutex_;
    Stream* stream_ = nullptr;  // while it is established
    std::uint64_t uses_ = 0;    // of the lent stream
    std::exception_ptr error_;  // that one of them met
    ReceiverStats stats_;
};

}  // namespace walpack
