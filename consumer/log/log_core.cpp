#include "log/log_core.h"

#include <algorithm>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "log/log_recovery.h"

namespace walpack {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

}  // namespace

LogCore::LogCore(OrderedLogOptions options, LogIdentity identity)
    : options_(std::move(options)), identity_(std::move(identity)), directory_(options_.directory) {
    RecoveredLog recovered = recover_log(directory_, identity_);
    segments_ = std::move(recovered.segments);
    damage_ = std::move(recovered.damage);
    for (const auto& segment : segments_) disk_bytes_ += segment->on_disk_bytes();
    if (const Segment* last = current()) {
        next_number_ = last->number + 1;
        next_ = last->next;
        total_bytes_ = last->bytes_before + last->bytes;
        durable_sequence_ = last->next;  // a slot may have been confirmed by it
    }
    room_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    WALPACK_CHECK(room_fd_ >= 0);
    writer_ = std::thread([this] { run_writer(); });
}

LogCore::~LogCore() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        work_.notify_one();
    }
    writer_.join();
    ::close(room_fd_);
}

std::deque<std::shared_ptr<Segment>>::const_iterator LogCore::at_or_behind(
    std::uint64_t number) const {
    return std::lower_bound(
        segments_.begin(), segments_.end(), number,
        [](const auto& segment, std::uint64_t wanted) { return segment->number < wanted; });
}

std::shared_ptr<Segment> LogCore::shared(std::uint64_t number) const {
    const auto found = at_or_behind(number);
    return found != segments_.end() && (*found)->number == number ? *found : nullptr;
}

Segment& LogCore::add_segment(Lsn from, bool begins_session) {
    auto segment = std::make_shared<Segment>();
    segment->number = next_number_++;
    segment->begins_session = begins_session;
    segment->from = from;
    segment->first = segment->next = segment->memory_first = next_;
    segment->whole = {from, next_, true};
    segment->bytes_before = total_bytes_;
    segments_.push_back(std::move(segment));
    return *segments_.back();
}

void LogCore::begin_session(Lsn from) {
    const std::lock_guard lock(mutex_);
    is_closed_ = false;
    error_ = nullptr;
    const Lsn before = end();
    cut_tail();
    WALPACK_CHECK(from >= before);
    if (from > before) {
        // What lies between is nowhere: fine for those who have it on their targets, and for one
        // without a position yet, which begins here or later.
        for (ReaderPlace* reader : readers_) {
            const Lsn released{reader->released};
            if (!released.is_valid())
                reader->note_bound(from);
            else if (released < from)
                reader->fault = "what lies between " + released.to_string() + " and " +
                                from.to_string() + " was not received";
        }
        forget_segments();
    }
    is_session_open_ = has_begun_ = true;
    push(add_segment(from, true), SessionStart{});
    arrived_.notify_all();
}

bool LogCore::end_session() {
    const std::lock_guard lock(mutex_);
    const bool was_cut = cut_hole();
    cut_tail();
    arrived_.notify_all();
    return was_cut;
}

// What is there behind the last whole transaction goes, and with it the end of the session.
void LogCore::cut_tail() {
    Segment* last = current();
    is_session_open_ = false;
    if (last == nullptr || last->is_closed) return;
    last->is_closed = true;
    if (last->next == last->whole.next && last->next != last->first) return;
    cut(*last, last->whole);
    if (last->next == last->first) {
        drop_file(*last);
        segments_.pop_back();
        --next_number_;
    }
}

// What is behind the files, and will come again. False when there is no hole, or nobody needs what
// is before it.
bool LogCore::cut_hole() {
    note_released();
    if (!hole_.is_there()) return false;
    while (!segments_.empty() && !segments_.back()->has_file) {
        drop_file(*segments_.back());
        for (const LogEntry& entry : segments_.back()->entries) memory_freed(bytes_of(entry));
        next_number_ = segments_.back()->number;
        segments_.pop_back();
    }
    WALPACK_CHECK(!segments_.empty());
    is_session_open_ = false;
    unwritten_up_to_ = {};
    hole_ = {};
    Segment& last = *segments_.back();
    next_number_ = last.number + 1;
    last.is_closed = true;
    cut(last, last.written.whole);
    count_taken();
    return true;
}

// The last segment, behind the end of a whole transaction of it.
void LogCore::cut(Segment& segment, const WholeEnd& end) {
    for (ReaderPlace* reader : readers_)
        reader->cut_at = std::min(reader->cut_at.value_or(kNever), end.next);
    while (segment.next > end.next && !segment.entries.empty()) {
        const std::size_t bytes = bytes_of(segment.entries.back());
        segment.entries.pop_back();
        segment.bytes -= bytes;
        --segment.next;
        memory_freed(bytes);
    }
    has_open_unwritten_ = false;
    segment.whole = end;
    segment.next = end.next;
    segment.memory_first = std::min(segment.memory_first, segment.next);
    for (FileEnd* file : {&segment.written, &segment.synced}) {
        if (file->next <= segment.next) continue;
        file->next = segment.next;
        file->whole = segment.whole;
    }
    ++generation_;
}

void LogCore::forget_segments() {
    if (segments_.empty()) return;
    for (ReaderPlace* reader : readers_) reader->cut_at = 0;
    std::size_t bytes = 0;
    for (const auto& segment : segments_) {
        drop_file(*segment);
        for (const LogEntry& entry : segment->entries) bytes += bytes_of(entry);
    }
    segments_.clear();
    memory_freed(bytes);
    durable_sequence_ = 0;
    hole_ = {};
    unwritten_up_to_ = {};
    has_open_unwritten_ = false;
    is_spilling_ = false;
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
    if (keepalive == nullptr || segment.entries.empty()) return false;
    if (segment.next <= std::max(taken_by_one_, claimed_next_)) return false;
    auto* last = std::get_if<ReceivedKeepalive>(&segment.entries.back());
    if (last == nullptr) return false;
    last->wal_end = std::max(last->wal_end, keepalive->wal_end);
    last->reply_requested = last->reply_requested || keepalive->reply_requested;
    segment.whole.take(entry, segment.next - 1);
    return true;
}

void LogCore::push(Segment& segment, LogEntry entry) {
    const std::size_t bytes = bytes_of(entry);
    segment.bytes += bytes;
    segment.whole.take(entry, segment.next++);
    const bool ends_transaction =
        segment.whole.next == segment.next && std::holds_alternative<ReceivedMessage>(entry);
    if (ends_transaction && has_open_unwritten_) {
        has_open_unwritten_ = false;
        unwritten_up_to_ = segment.whole.end;
    }
    segment.entries.push_back(std::move(entry));
    next_.store(segment.next, std::memory_order_release);
    total_bytes_ += bytes;
    memory_bytes_ += bytes;
    // At once, so that a reader knows of it before it takes what comes behind. Files begin again
    // with the next one where they do not have all of this one.
    const bool is_partly_gone = segment.memory_first > segment.end_in_file();
    const bool begins_files = is_partly_gone && is_writing() && !cannot_write();
    if (ends_transaction && (segment.bytes >= options_.segment_bytes || begins_files)) {
        segment.is_closed = true;
        add_segment(segment.whole.end, false);
    }
    trim();
    if (is_writing()) wake_writer();
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
    former_readers_.clear();
    is_session_open_ = false;
    for (ReaderPlace* reader : readers_) {
        reader->fault = "the log was emptied";
        // It was a bound by what the log had.
        if (reader->is_released_a_bound) reader->released = 0;
    }
    ++next_;  // something is to be told
    wake_writer();
    arrived_.notify_all();
}

void LogCore::set_durable(bool is_durable) {
    const std::lock_guard lock(mutex_);
    if (is_durable_ == is_durable) return;
    is_durable_ = is_durable;
    note_released();
    wake_writer();
}

// The first segment that a reader can begin at, and go on from to the end.
const Segment* LogCore::first_usable() const {
    const Segment* first = nullptr;
    for (const auto& segment : segments_) {
        if (first == nullptr && segment->can_begin_here()) first = segment.get();
        if (!segment->damage.empty()) first = nullptr;
    }
    return first;
}

// What lies behind it can be read.
Lsn LogCore::begin() const {
    const Segment* first = first_usable();
    return segments_.empty() ? Lsn{} : first != nullptr ? first->from : end();
}

OrderedLogState LogCore::state() {
    OrderedLogState state = state_in_memory();
    // No one is to wait for a disk because of the mutex.
    if (state.has_much_room)
        state.has_much_room = directory_.free_bytes() > 4 * options_.memory_bytes_max;
    return state;
}

OrderedLogState LogCore::state_in_memory() {
    const std::lock_guard lock(mutex_);
    OrderedLogState state;
    state.end = end();
    state.from = begin();
    state.durable = note_durable();
    state.memory_bytes = memory_bytes_;
    state.disk_bytes = disk_bytes_;
    state.written_bytes = written_bytes_;
    state.disk_error = disk_error_;
    state.is_out_of_budget = is_out_of_budget_;
    state.is_receiving_unwritten = has_open_unwritten_;
    state.is_applying_unwritten = !has_open_unwritten_ && some_reader_lacks(unwritten_up_to_);
    state.has_hole = hole_.is_there();
    const std::uint64_t wanted =
        disk_error_.empty() ? options_.disk_bytes_max / 2 : options_.segment_bytes;
    state.has_much_room = state.has_hole && disk_bytes_ + wanted <= options_.disk_bytes_max;
    return state;
}

}  // namespace walpack
