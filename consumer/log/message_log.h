// The ordered record of what was received: between the receiver's thread and the applying thread.
//
// Bounded by bytes, in memory. The receiver never blocks here: it asks has_room() before it reads
// from its connection, and a single entry may pass the bound, so that a large message cannot get
// stuck. Keepalive positions travel through the log as well, since they say something only about
// what was received before them; neighbouring ones are merged. Thread-safe: one thread appends, one
// takes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <variant>

#include "log/log_entry.h"
#include "model/lsn.h"

namespace walpack {

using LogEntry = std::variant<ReceivedMessage, ReceivedKeepalive>;

class MessageLog {
  public:
    // room_fd() becomes readable when has_room() turns true again after it was false.
    explicit MessageLog(std::size_t bytes_max);
    ~MessageLog();
    MessageLog(const MessageLog&) = delete;
    MessageLog& operator=(const MessageLog&) = delete;

    bool has_room() const;
    int room_fd() const { return room_fd_; }
    void append(LogEntry entry);
    // No more entries come. take() first hands out what is left, then rethrows the error if there
    // is one.
    void close(std::exception_ptr error);

    // The next entry, or nullopt when none came within the timeout or the log is closed without an
    // error.
    std::optional<LogEntry> take(std::chrono::nanoseconds timeout);
    bool is_drained() const;  // nothing is waiting now
    std::size_t bytes() const;

  private:
    static std::size_t size_of(const LogEntry& entry);
    static void close_fd(int fd);

    const std::size_t bytes_max_;
    int room_fd_ = -1;
    mutable std::mutex mutex_;
    std::condition_variable not_empty_;
    std::deque<LogEntry> entries_;
    std::size_t bytes_ = 0;
    bool closed_ = false;
    std::exception_ptr error_;
};

}  // namespace walpack
