#include "log/message_log.h"

#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

namespace walpack {

MessageLog::MessageLog(std::size_t bytes_max)
    : bytes_max_(bytes_max), room_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    WALPACK_CHECK(room_fd_ >= 0);
}

MessageLog::~MessageLog() {
    close_fd(room_fd_);
}

void MessageLog::close_fd(int fd) {
    ::close(fd);
}

std::size_t MessageLog::size_of(const LogEntry& entry) {
    constexpr std::size_t kOverhead = sizeof(LogEntry);
    const auto* message = std::get_if<ReceivedMessage>(&entry);
    return kOverhead + (message == nullptr ? 0 : message->payload.size());
}

bool MessageLog::has_room() const {
    const std::lock_guard lock(mutex_);
    return bytes_ < bytes_max_;
}

void MessageLog::append(LogEntry entry) {
    const std::lock_guard lock(mutex_);
    WALPACK_CHECK(!closed_);
    auto* keepalive = std::get_if<ReceivedKeepalive>(&entry);
    auto* last = entries_.empty() ? nullptr : std::get_if<ReceivedKeepalive>(&entries_.back());
    if (keepalive != nullptr && last != nullptr) {
        last->wal_end = std::max(last->wal_end, keepalive->wal_end);
        last->reply_requested = last->reply_requested || keepalive->reply_requested;
        return;
    }
    bytes_ += size_of(entry);
    entries_.push_back(std::move(entry));
    not_empty_.notify_one();
}

void MessageLog::close(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    error_ = std::move(error);
    not_empty_.notify_one();
}

std::optional<LogEntry> MessageLog::take(std::chrono::nanoseconds timeout) {
    std::unique_lock lock(mutex_);
    not_empty_.wait_for(lock, timeout, [this] { return closed_ || !entries_.empty(); });
    if (entries_.empty()) {
        if (error_) std::rethrow_exception(error_);
        return std::nullopt;
    }
    const bool was_full = bytes_ >= bytes_max_;
    LogEntry entry = std::move(entries_.front());
    entries_.pop_front();
    bytes_ -= size_of(entry);
    if (was_full && bytes_ < bytes_max_) {
        const std::uint64_t one = 1;
        // It can only fail when the descriptor is readable already, which is what is wanted.
        [[maybe_unused]] const auto written = write(room_fd_, &one, sizeof one);
    }
    return entry;
}

bool MessageLog::is_drained() const {
    const std::lock_guard lock(mutex_);
    return entries_.empty();
}

std::size_t MessageLog::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

}  // namespace walpack
