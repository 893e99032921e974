// The readers' side of LogCore.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "log/log_core.h"

namespace walpack {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
// What a reader fetches at a time.
constexpr std::size_t kFetchEntries = 64;
constexpr std::size_t kFetchBytes = 256 << 10;

}  // namespace

void LogCore::add(ReaderPlace& place, Lsn position) {
    const std::lock_guard lock(mutex_);
    place.released = position.value;
    place.segment = next_number_;
    place.next = next_;
    readers_.push_back(&place);
    count_taken();
}

void LogCore::remove(const ReaderPlace& place) {
    {
        const std::lock_guard lock(mutex_);
        std::erase(readers_, &place);
        count_taken();
    }
    remove_released();
}

void LogCore::count_taken() {
    taken_by_all_ = kNever;
    taken_by_one_ = 0;
    for (const ReaderPlace* reader : readers_) {
        taken_by_all_ = std::min(taken_by_all_, reader->next);
        taken_by_one_ = std::max(taken_by_one_, reader->next);
    }
}

bool LogCore::rewind(ReaderPlace& place, Lsn position, Fetched& fetched) {
    const std::lock_guard lock(mutex_);
    fetched = {};
    fetched.generation = generation_;
    fetched.bytes_before = total_bytes_;
    place.cut_at.reset();
    place.fault.clear();
    if (segments_.empty() || (!is_session_open_ && position >= end())) {
        place.segment = next_number_;
        place.next = next_;
        place.released = std::max(place.released.load(), position.value);
        place.released_sequence = place.next;
        count_taken();
        return true;
    }
    const auto start =
        std::find_if(segments_.rbegin(), segments_.rend(), [position](const auto& segment) {
            return segment->is_startable() && segment->is_whole_in_memory() &&
                   *segment->settled <= position;
        });
    if (start == segments_.rend()) {
        place.fault = "the log does not have what lies behind " + position.to_string();
        return false;
    }
    const Segment& segment = **start;
    place.segment = segment.number;
    place.next = segment.first;
    place.released = position.value;
    place.released_sequence = segment.first;
    fetched.settled = *segment.settled;
    fetched.bytes_before = segment.bytes_before;
    if (!segment.begins_session) {
        fetched.items.push_back({SessionStart{}, segment.first - 1});
        fetched.items.push_back({ReceivedMessage{Lsn{}, segment.state}, segment.first - 1});
    }
    count_taken();
    return true;
}

// The place of what has this number, or of what comes behind when that is gone.
void LogCore::locate(ReaderPlace& place, std::uint64_t sequence) const {
    place.segment = next_number_;
    place.next = next_;
    for (const auto& segment : segments_) {
        if (sequence >= segment->next && segment->is_closed) continue;
        place.segment = segment->number;
        place.next = std::max(sequence, segment->first);
        return;
    }
}

void LogCore::step_over_ends(ReaderPlace& place) const {
    for (const Segment* segment = find(place.segment);
         segment != nullptr && segment->is_closed && place.next >= segment->next;) {
        ++place.segment;
        segment = find(place.segment);
        if (segment != nullptr) place.next = segment->first;
    }
}

void LogCore::check_faults(ReaderPlace& place, std::uint64_t handed, std::uint64_t message) {
    if (!place.fault.empty()) throw Error(ErrorKind::connection, place.fault);
    if (!place.cut_at) return;
    if (message > *place.cut_at) {
        place.fault = "the transaction that was being read was cut off, as the source went away";
        throw Error(ErrorKind::connection, place.fault);
    }
    place.cut_at.reset();
    locate(place, handed);
}

void LogCore::fetch(ReaderPlace& place, Fetched& fetched, std::uint64_t handed,
                    std::uint64_t message, std::chrono::nanoseconds timeout) {
    fetched.items.clear();
    fetched.boundary.reset();
    std::unique_lock lock(mutex_);
    const auto is_there = [&] {
        if (!place.fault.empty() || place.cut_at || is_closed_) return true;
        step_over_ends(place);
        const Segment* segment = find(place.segment);
        return segment != nullptr && place.next < segment->next;
    };
    if (!is_there()) {
        ++waiting_;
        arrived_.wait_for(lock, timeout, is_there);
        --waiting_;
    }
    check_faults(place, handed, message);
    fetched.generation = generation_;
    step_over_ends(place);
    const Segment* segment = find(place.segment);
    if (segment != nullptr && place.next < segment->next) {
        copy_entries(place, *segment, fetched);
    } else if (is_closed_ && error_) {
        std::rethrow_exception(error_);
    }
}

void LogCore::copy_entries(ReaderPlace& place, const Segment& segment, Fetched& fetched) {
    WALPACK_CHECK(place.next >= segment.memory_first);
    if (place.next == segment.first) fetched.bytes_before = segment.bytes_before;
    std::size_t bytes = 0;
    std::uint64_t index = place.next - segment.memory_first;
    while (place.next < segment.next && fetched.items.size() < kFetchEntries &&
           bytes < kFetchBytes) {
        const LogEntry& entry = segment.entries[index++];
        bytes += bytes_of(entry);
        fetched.items.push_back({entry, place.next++});
    }
    step_over_ends(place);
    if (place.segment != segment.number) {
        if (const Segment* behind = find(place.segment); behind && !behind->begins_session)
            fetched.boundary = segments_[place.segment - segments_.front()->number];
    }
    count_taken();
    trim();
}

void LogCore::note_state(std::uint64_t number, std::string state) {
    const std::lock_guard lock(mutex_);
    Segment* segment = find(number);
    if (segment == nullptr || segment->has_state || segment->begins_session) return;
    segment->state = std::move(state);
    segment->has_state = true;
}

void LogCore::note_settled(std::uint64_t sequence, Lsn lsn) {
    const std::lock_guard lock(mutex_);
    for (const auto& segment : segments_) {
        if (segment->first > sequence) break;
        // Nothing is known of what ended before its own beginning.
        const Lsn settled = std::max(lsn, segment->from);
        segment->settled = std::min(segment->settled.value_or(settled), settled);
    }
}

// A segment that every reader has released goes, when it is possible to begin behind it.
void LogCore::remove_released() {
    std::vector<std::shared_ptr<Segment>> removed;  // freed without the mutex
    const std::lock_guard lock(mutex_);
    std::uint64_t released = kNever;
    for (const ReaderPlace* reader : readers_)
        released = std::min(released, reader->released_sequence.load());
    while (segments_.size() > 1 && segments_[0]->is_closed && segments_[0]->next <= released &&
           segments_[1]->is_startable()) {
        std::size_t bytes = 0;
        for (const LogEntry& entry : segments_[0]->entries) bytes += bytes_of(entry);
        removed.push_back(std::move(segments_.front()));
        segments_.pop_front();
        memory_freed(bytes);
    }
}

}  // namespace walpack
