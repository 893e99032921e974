// The receiver: owns the replication connection of a session, fills the log, answers the server.
//
// It runs in a thread of its own, so that keepalives are answered whatever the rest does: also
// while the log is full and nothing is read, it sends a status every status_interval, and the
// server counts that as a sign of life.
//
//   start from `from` -> { read while the log has room | send status | watch for silence }
//
// One receiver serves one session after the other, until its owner stops it.
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
#include <memory>
#include <mutex>
#include <string>

#include "base/stop_request.h"
#include "log/ordered_log.h"
#include "model/lsn.h"
#include "pg/conninfo.h"
#include "pg/replication_connection.h"

namespace walpack {

struct ReceiverOptions {
    Conninfo source;  // asked whether it is shutting down
    std::string slot;
    std::map<std::string, std::string> plugin_options;
    std::chrono::milliseconds status_interval{1000};
    // Silence of the server: after half of it a reply is requested, after all of it the connection
    // counts as lost.
    std::chrono::milliseconds receive_timeout{60'000};
    std::string application_name;
    std::function<void()> on_streaming;  // called for each session, in the receiver's thread
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
    Receiver(ReceiverOptions options, OrderedLog& log, const StopRequest& stop);
    ~Receiver();

    // One session over `connection`: streams what ends behind `from` into the log, whose session
    // the caller has begun, until stop is requested or end_session() was called, then ends in
    // order. Runs in the calling thread. Throws Error.
    void run(std::unique_ptr<ReplicationConnection> connection, Lsn from);
    // Any thread: ends the session that runs, if one does.
    void end_session();
    // A session is established: there is something that can be lent.
    bool is_streaming() const { return is_streaming_.load(std::memory_order_acquire); }

    // For the one thread that takes from the log. It asks for the stream when it has nothing else
    // to do, and gives it back when it has other work, or more comes than one thread should deal
    // with.
    void borrow();
    void give_back();
    bool is_lent() const { return is_lent_.load(std::memory_order_acquire); }
    // While it is lent: waits until the reader has something to take, or for `timeout`. False, and
    // at once, when there is no stream or the other thread has not let go of it yet. An error is
    // thrown by run().
    bool receive(const LogReader& reader, std::chrono::nanoseconds timeout);
    // The same without waiting.
    void look(const LogReader& reader);

    // Thread-safe: nothing up to `lsn` is needed from the source again. Lower values than before
    // are ignored.
    void confirm(Lsn lsn);
    Lsn confirmed() const { return Lsn{confirmed_.load(std::memory_order_acquire)}; }
    const ReceiverStats& stats() const { return stats_; }

  private:
    class Stream;

    class Established;

    void wake();
    bool is_to_end() const { return stop_.requested() || session_ends_; }
    // Returns when the stream is the receiver's own again, or a stop is requested.
    void wait_while_lent(std::unique_lock<std::mutex>& lock);
    // Whether it could be done.
    template <typename Work>
    bool with_lent_stream(const Work& work);

    ReceiverOptions options_;
    OrderedLog& log_;
    const StopRequest& stop_;
    std::atomic<std::uint64_t> confirmed_{0};
    int wake_fd_ = -1;
    std::atomic<bool> session_ends_{false};
    std::atomic<bool> is_streaming_{false};
    std::atomic<bool> is_lent_{false};
    // Held by the thread that uses the stream, also while it waits for the connection.
    std::mutex mutex_;
    Stream* stream_ = nullptr;  // while it is established
    std::uint64_t uses_ = 0;    // of the lent stream
    std::exception_ptr error_;  // that one of them met
    ReceiverStats stats_;
};

}  // namespace walpack
