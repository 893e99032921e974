// LogCore: the readers' side.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "log/log_core.h"

namespace walpack {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr int kPatienceMax = 8;
constexpr const char* kGone = "what was to be read next is not in the log any more";
constexpr const char* kMissing =
    "what is to be read next did not fit into the log and has to come from the source again";

}  // namespace

void LogCore::add(ReaderPlace& place, Lsn position) {
    const std::lock_guard lock(mutex_);
    const auto former = std::ranges::find(former_readers_, place.target, &FormerReader::target);
    if (former != former_readers_.end()) {
        place.released_sequence = former->released_sequence;
        if (former->released.is_valid()) position = former->released;
        place.is_released_a_bound = former->is_released_a_bound;
        former_readers_.erase(former);
    }
    place.released = position.value;
    place.moved_at = std::chrono::steady_clock::now();
    place.segment = next_number_;
    place.next = next_;
    place.bytes = total_bytes_;
    readers_.push_back(&place);
    count_taken();
}

void LogCore::remove(const ReaderPlace& place, bool is_for_good) {
    const std::lock_guard lock(mutex_);
    if (!is_for_good)
        former_readers_.push_back({place.target, Lsn{place.released}, place.is_released_a_bound,
                                   place.released_sequence});
    std::erase(readers_, &place);
    count_taken();
    decide_spilling();
    trim();
    if (!is_for_good) return;
    remove_released_segments();
    note_released();
}

// Files were removed once every target had what is before them, and only what files have was
// confirmed: so no target lies before both.
void LogCore::note_confirmed(Lsn confirmed) {
    const std::lock_guard lock(mutex_);
    const Lsn from = begin();
    if (!from.is_valid()) return;
    for (ReaderPlace* reader : readers_)
        if (reader->released == 0) reader->note_bound(std::min(from, confirmed));
}

void LogCore::count_taken() {
    taken_by_all_ = kNever;
    taken_by_one_ = 0;
    std::uint64_t moving = kNever;
    for (const ReaderPlace* reader : readers_) {
        taken_by_all_ = std::min(taken_by_all_, reader->next);
        taken_by_one_ = std::max(taken_by_one_, reader->next);
        const bool is_before_hole = hole_.is_there() && reader->next < hole_.to;
        if (!reader->is_left_behind && !is_before_hole) moving = std::min(moving, reader->next);
    }
    taken_by_moving_ = moving == kNever ? taken_by_all_ : moving;
}

void LogCore::throw_if_damaged(std::uint64_t from_number) const {
    for (const auto& segment : segments_) {
        if (segment->number >= from_number && !segment->damage.empty())
            throw Error(ErrorKind::config, segment->damage)
                .hint(
                    "Nothing behind it was applied. Move the folder away; when the slot was "
                    "confirmed past it, the tables have to be copied again.");
    }
}

bool LogCore::rewind(ReaderPlace& place, Lsn position, Fetched& fetched) {
    const std::lock_guard lock(mutex_);
    fetched = {};
    fetched.generation = generation_;
    place.cut_at.reset();
    place.fault.clear();
    place.was_before_hole = false;
    const bool was_released = position.value <= place.released;
    if (segments_.empty() || (!is_session_open_ && position >= end())) {
        place.segment = next_number_;
        place.next = next_;
        place.bytes = total_bytes_;
        if (was_released) place.released_sequence = place.next;
    } else {
        const auto start =
            std::find_if(segments_.rbegin(), segments_.rend(), [position](const auto& segment) {
                return segment->can_begin_here() && segment->from <= position;
            });
        if (start == segments_.rend()) {
            place.fault = "the log does not have what lies behind " + position.to_string();
            return false;
        }
        const Segment& segment = **start;
        throw_if_damaged(segment.number);
        // Others go on behind the hole while it reads what is before, if there are others.
        const bool is_before_hole = hole_.is_there() && segment.first < hole_.to;
        if (is_before_hole && (place.has_met_hole || !is_another_behind_hole(place))) {
            place.was_before_hole = true;
            place.fault = kMissing;
            return false;
        }
        place.segment = segment.number;
        place.next = segment.first;
        place.bytes = segment.bytes_before;
        if (was_released) place.released_sequence = segment.first;
        fetched.from = segment.from;
        if (!segment.begins_session) {
            fetched.items.push_back({SessionStart{}, segment.first - 1});
            fetched.items.push_back({ReceivedMessage{Lsn{}, segment.state}, segment.first - 1});
            if (segment.state.empty()) fetched.state_path = directory_.state_path(segment.number);
        }
        // What is only in files has to be followed by what is written from now on.
        if (segment.memory_first != segment.first) is_spilling_ = true;
    }
    place.has_met_hole = place.is_left_behind = false;
    place.moved_at = std::chrono::steady_clock::now();
    const bool is_first_position = place.released == 0;
    if (was_released || is_first_position) place.released = position.value;
    place.is_released_a_bound = false;
    fetched.bytes_before = place.bytes;
    count_taken();
    wake_writer();
    return true;
}

// The place of what has this number, or of what comes behind when that is gone.
void LogCore::locate(ReaderPlace& place, std::uint64_t sequence) const {
    // It stands at the end of the segment before, so that stepping on tells what is missing.
    place.segment = segments_.empty() ? next_number_ : segments_.front()->number - 1;
    place.next = sequence;
    for (const auto& segment : segments_) {
        if (sequence < segment->next || !segment->is_closed) break;
        place.segment = segment->number;
    }
    if (!segments_.empty() && segments_.front()->first <= sequence &&
        place.segment < segments_.front()->number)
        place.segment = segments_.front()->number;
}

void LogCore::step_over_ends(ReaderPlace& place) const {
    // What was at its end when another one was added may have gone since.
    if (!segments_.empty() && place.segment < segments_.front()->number) {
        if (place.next < gone_before_) {
            place.fault = kGone;
            return;
        }
        place.segment = segments_.front()->number;
    }
    auto at = at_or_behind(place.segment);
    while (at != segments_.end() && !hole_.has(place.next) && (*at)->is_closed &&
           place.next >= (*at)->next && (*at)->damage.empty()) {
        const std::uint64_t number = (*at++)->number;
        const bool are_between = at != segments_.end() && (*at)->number > number + 1;
        if (are_between && place.next < gone_before_) {
            place.fault = kGone;
            return;
        }
    }
    place.segment = at != segments_.end() ? (*at)->number : next_number_;
    if (hole_.has(place.next)) return;
    // Sequence numbers are left out behind what was cut off.
    place.next = std::max(place.next, at != segments_.end() ? (*at)->first : next_.load());
}

bool LogCore::is_another_behind_hole(const ReaderPlace& place) const {
    return std::ranges::any_of(readers_, [&](const ReaderPlace* reader) {
        return reader != &place && reader->next >= hole_.to;
    });
}

void LogCore::throw_missing(ReaderPlace& place) {
    place.has_met_hole = true;
    place.patience = std::min(2 * place.patience, kPatienceMax);
    place.fault = kMissing;
    throw Error(ErrorKind::connection, place.fault);
}

void LogCore::check_faults(ReaderPlace& place, Fetched& fetched, std::uint64_t message) {
    if (!place.fault.empty()) throw Error(ErrorKind::connection, place.fault);
    fetched.generation = generation_;
    if (!place.cut_at) return;
    const std::uint64_t cut = *place.cut_at;
    if (message > cut) {
        place.fault = "the transaction that was being read was cut off, as its session ended";
        throw Error(ErrorKind::connection, place.fault);
    }
    place.cut_at.reset();
    // What lies before may have left the log since it was fetched, and is not fetched again.
    std::erase_if(fetched.items, [cut](const auto& item) { return item.sequence >= cut; });
    if (place.next > cut) locate(place, cut);
    if (fetched.boundary && find(fetched.boundary->number) != fetched.boundary.get())
        fetched.boundary.reset();
    count_taken();
}

void LogCore::check(ReaderPlace& place, Fetched& fetched, std::uint64_t message) {
    const std::lock_guard lock(mutex_);
    check_faults(place, fetched, message);
}

void LogCore::fetch(ReaderPlace& place, Fetched& fetched, std::uint64_t message,
                    std::chrono::nanoseconds timeout) {
    fetched.items.clear();
    fetched.in_file.reset();
    fetched.boundary.reset();
    Lock lock(mutex_);
    const auto is_there = [&] {
        if (!place.fault.empty() || place.cut_at || is_closed_) return true;
        step_over_ends(place);
        if (hole_.has(place.next)) return true;
        const Segment* segment = find(place.segment);
        return segment != nullptr && (place.next < segment->next || !segment->damage.empty());
    };
    if (!is_there()) {
        ++waiting_;
        arrived_.wait_for(lock, timeout, is_there);
        --waiting_;
    }
    check_faults(place, fetched, message);
    step_over_ends(place);
    if (!place.fault.empty()) throw Error(ErrorKind::connection, place.fault);
    if (hole_.has(place.next)) throw_missing(place);
    const Segment* segment = find(place.segment);
    if (segment == nullptr || place.next >= segment->next) {
        if (segment != nullptr && !segment->damage.empty()) throw_if_damaged(segment->number);
        if (is_closed_ && error_) std::rethrow_exception(error_);
        return;
    }
    if (place.next == segment->first) place.bytes = segment->bytes_before;
    fetched.bytes_before = place.bytes;
    copy_entries(place, *segment, fetched);
}

void LogCore::copy_entries(ReaderPlace& place, const Segment& segment, Fetched& fetched) {
    if (place.next < segment.memory_first) {
        if (segment.begins_session && place.next == segment.first) {
            fetched.items.push_back({SessionStart{}, segment.first});
        } else if (segment.has_file && place.next >= segment.file_first) {
            fetched.in_file = InFile{segment.number, directory_.log_path(segment.number),
                                     segment.offset_before(place.next), place.next,
                                     std::min(segment.written.next, segment.memory_first)};
            return;
        } else {
            place.fault = kGone;
            throw Error(ErrorKind::connection, place.fault);
        }
    }
    std::size_t bytes = 0;
    std::uint64_t next = place.next + fetched.items.size();
    while (next < segment.next && next >= segment.memory_first &&
           fetched.items.size() < kFetchEntries && bytes < kFetchBytes) {
        const LogEntry& entry = segment.entries[next - segment.memory_first];
        bytes += bytes_of(entry);
        fetched.items.push_back({entry, next++});
    }
    finish_fetch(place, segment, fetched);
}

bool LogCore::accept(ReaderPlace& place, Fetched& fetched) {
    const std::lock_guard lock(mutex_);
    if (fetched.generation != generation_) return false;
    const Segment* segment = find(place.segment);
    if (segment == nullptr) return false;
    finish_fetch(place, *segment, fetched);
    return true;
}

void LogCore::finish_fetch(ReaderPlace& place, const Segment& segment, Fetched& fetched) {
    for (const Fetched::Item& item : fetched.items) place.bytes += bytes_of(item.entry);
    place.next += fetched.items.size();
    step_over_ends(place);
    if (place.segment != segment.number) {
        if (const auto behind = shared(place.segment); behind && !behind->begins_session)
            fetched.boundary = behind;
    }
    count_taken();
    decide_spilling();
    trim();
}

void LogCore::note_state(const Segment& of, std::string state) {
    const std::lock_guard lock(mutex_);
    Segment* segment = find(of.number);
    if (segment != &of || segment->has_state || segment->begins_session) return;
    segment->state = std::move(state);
    segment->has_state = true;
    wake_writer();
}

}  // namespace walpack
