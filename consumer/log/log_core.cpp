#include "log/log_core.h"

#include <algorithm>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

namespace walpack {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

}  // namespace

LogCore::LogCore(OrderedLogOptions options, LogIdentity identity)
    : options_(std::move(options)),
      identity_(std::move(identity)),
      room_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    WALPACK_CHECK(room_fd_ >= 0);
}

LogCore::~LogCore() {
    ::close(room_fd_);
}

Segment* LogCore::find(std::uint64_t number) const {
    if (segments_.empty() || number < segments_.front()->number) return nullptr;
    const std::uint64_t index = number - segments_.front()->number;
    return index < segments_.size() ? segments_[index].get() : nullptr;
}

Segment& LogCore::add_segment(Lsn from, bool begins_session) {
    auto segment = std::make_shared<Segment>();
    segment->number = next_number_++;
    segment->begins_session = begins_session;
    segment->from = segment->end = from;
    segment->first = segment->next = segment->end_next = segment->memory_first = next_;
    segment->bytes_before = total_bytes_;
    if (begins_session) segment->settled = from;
    segments_.push_back(std::move(segment));
    return *segments_.back();
}

void LogCore::begin_session(Lsn from) {
    const std::lock_guard lock(mutex_);
    is_closed_ = false;
    error_ = nullptr;
    cut_tail();
    const Lsn before = end();
    WALPACK_CHECK(from >= before);
    if (from > before) {
        // What lies between is nowhere: fine for those who have it on their targets.
        for (ReaderPlace* reader : readers_) {
            const Lsn released{reader->released};
            if (released < from)
                reader->fault = "what lies between " + released.to_string() + " and " +
                                from.to_string() + " was not received";
        }
        forget_segments();
    }
    push(add_segment(from, true), SessionStart{});
    is_session_open_ = true;
    is_between_ = true;
    arrived_.notify_all();
}

// What is there behind the last whole transaction goes, and with it the end of the session.
void LogCore::cut_tail() {
    Segment* last = current();
    is_session_open_ = false;
    if (last == nullptr) return;
    last->is_closed = true;
    if (last->next == last->end_next) return;
    for (ReaderPlace* reader : readers_)
        reader->cut_at = std::min(reader->cut_at.value_or(kNever), last->end_next);
    while (last->next > last->end_next && last->next > last->memory_first) {
        const std::size_t bytes = bytes_of(last->entries.back());
        last->entries.pop_back();
        last->bytes -= bytes;
        --last->next;
        memory_freed(bytes);
    }
    last->next = last->end_next;
    if (last->next == last->first) {
        segments_.pop_back();
        --next_number_;
    }
    ++generation_;
}

void LogCore::forget_segments() {
    if (segments_.empty()) return;
    for (ReaderPlace* reader : readers_) reader->cut_at = 0;
    std::size_t bytes = 0;
    for (const auto& segment : segments_)
        for (const LogEntry& entry : segment->entries) bytes += bytes_of(entry);
    segments_.clear();
    memory_freed(bytes);
    ++generation_;
}

void LogCore::append(LogEntry entry) {
    const std::lock_guard lock(mutex_);
    WALPACK_CHECK(is_session_open_ && !is_closed_);
    Segment& segment = *current();
    if (!merge(segment, entry)) push(segment, std::move(entry));
    if (waiting_ > 0) arrived_.notify_all();
}

// A keepalive that nobody has seen yet takes in the one behind it.
bool LogCore::merge(Segment& segment, const LogEntry& entry) {
    const auto* keepalive = std::get_if<ReceivedKeepalive>(&entry);
    if (keepalive == nullptr || segment.entries.empty() || segment.next <= taken_by_one_)
        return false;
    auto* last = std::get_if<ReceivedKeepalive>(&segment.entries.back());
    if (last == nullptr) return false;
    last->wal_end = std::max(last->wal_end, keepalive->wal_end);
    last->reply_requested = last->reply_requested || keepalive->reply_requested;
    move_end(segment, entry);
    return true;
}

void LogCore::push(Segment& segment, LogEntry entry) {
    const std::size_t bytes = bytes_of(entry);
    segment.bytes += bytes;
    ++segment.next;
    move_end(segment, entry);
    const bool is_message = std::holds_alternative<ReceivedMessage>(entry);
    segment.entries.push_back(std::move(entry));
    next_.store(segment.next, std::memory_order_release);
    total_bytes_ += bytes;
    memory_bytes_ += bytes;
    trim();
    // At once, so that a reader knows of it before it takes what comes behind.
    if (is_message && is_between_ && segment.bytes >= options_.segment_bytes) {
        segment.is_closed = true;
        add_segment(segment.end, false);
    }
}

void LogCore::move_end(Segment& segment, const LogEntry& entry) {
    Lsn lsn;
    if (const auto* message = std::get_if<ReceivedMessage>(&entry)) {
        lsn = message->lsn;
        is_between_ = lsn.is_valid();
    } else if (const auto* keepalive = std::get_if<ReceivedKeepalive>(&entry)) {
        lsn = keepalive->wal_end;
    }
    if (!is_between_ || !lsn.is_valid()) return;
    segment.end = std::max(segment.end, lsn);
    segment.end_next = segment.next;
}

void LogCore::close(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    error_ = std::move(error);
    arrived_.notify_all();
}

void LogCore::reset() {
    const std::lock_guard lock(mutex_);
    forget_segments();
    is_session_open_ = false;
    is_between_ = true;
    for (ReaderPlace* reader : readers_) reader->fault = "the log was emptied";
    ++next_;  // something is to be told
    arrived_.notify_all();
}

void LogCore::set_durable(bool is_durable) {
    const std::lock_guard lock(mutex_);
    is_durable_ = is_durable;
}

OrderedLogState LogCore::state() const {
    const std::lock_guard lock(mutex_);
    OrderedLogState state;
    state.end = end();
    const auto first =
        std::find_if(segments_.begin(), segments_.end(), [](const auto& segment) {
            return segment->is_startable() && segment->is_whole_in_memory();
        });
    if (!segments_.empty()) state.from = first != segments_.end() ? *(*first)->settled : state.end;
    state.memory_bytes = memory_bytes_;
    return state;
}

// What every reader has taken may stay for a rewind, up to half of the memory.
void LogCore::trim() {
    const std::size_t half = options_.memory_bytes_max / 2;
    for (const auto& segment : segments_) {
        if (memory_bytes_ <= half) return;
        drop_entries(*segment);
        if (!segment->entries.empty()) return;
    }
}

void LogCore::drop_entries(Segment& segment) {
    const std::size_t half = options_.memory_bytes_max / 2;
    std::size_t bytes = 0;
    while (memory_bytes_ - bytes > half && !segment.entries.empty() &&
           segment.memory_first < taken_by_all_) {
        bytes += bytes_of(segment.entries.front());
        segment.entries.pop_front();
        ++segment.memory_first;
    }
    memory_freed(bytes);
}

void LogCore::memory_freed(std::size_t bytes) {
    const std::size_t before = memory_bytes_.fetch_sub(bytes);
    if (before < options_.memory_bytes_max || before - bytes >= options_.memory_bytes_max) return;
    const std::uint64_t one = 1;
    // It can only fail when the descriptor is readable already, which is what is wanted.
    [[maybe_unused]] const auto written = write(room_fd_, &one, sizeof one);
}

}  // namespace walpack
