// LogCore: what leaves memory, and when files are written.
#include <algorithm>
#include <chrono>
#include <utility>

#include <unistd.h>

#include "log/log_core.h"

namespace walpack {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

}  // namespace

// More than half of the memory is never kept for a rewind alone.
void LogCore::trim() {
    const std::size_t half = options_.memory_bytes_max / 2;
    if (memory_bytes_ <= half) return;
    // Entries leave in their order, so those that are left are in the last segments.
    std::size_t index = segments_.empty() ? 0 : segments_.size() - 1;
    while (index > 0 && !segments_[index - 1]->entries.empty()) --index;
    for (; index < segments_.size(); ++index) {
        drop_entries(index);
        if (memory_bytes_ <= half || !segments_[index]->entries.empty()) break;
    }
    drop_emptied();
    if (memory_bytes_ <= half || is_writing()) return;
    is_spilling_ = true;
    wake_writer();
}

// Room comes with the next release, and what leaves memory unwritten is to be received again when
// it is needed. Where nobody could begin in the files they are not worth waiting for.
bool LogCore::cannot_write() const {
    if (hole_.is_there()) return true;
    if (!disk_error_.empty()) return true;
    std::uint64_t next = 0;
    return is_out_of_budget_ && (!is_durable_ || is_standing_ || !durable(next).is_valid());
}

bool LogCore::may_make_hole() const {
    return hole_.is_there() || (is_standing_ && cannot_write() && !is_file_in_use_);
}

std::uint64_t LogCore::may_leave_before(const Segment& segment) const {
    if (!is_writing()) return taken_by_all_;
    std::uint64_t in_file = 0;
    if (segment.has_file) {
        const bool needs_sync = is_durable_ && !segment.sync_is_lost;
        in_file = needs_sync ? segment.synced.next : segment.written.next;
    }
    // What is left of a segment whose beginning is nowhere is of no use in a file.
    const bool is_rest = !segment.has_file && segment.memory_first != segment.first;
    if (!cannot_write() && !is_rest) return in_file;
    if (may_make_hole()) return std::max(in_file, taken_by_moving_);
    // With nothing in the files that was called durable, the source can send all of it again.
    const std::uint64_t kept = durable_sequence_ > 0 ? released_by_all() : kNever;
    return std::max(in_file, std::min(taken_by_all_, kept));
}

void LogCore::drop_entries(std::size_t index) {
    Segment& segment = *segments_[index];
    const std::size_t half = options_.memory_bytes_max / 2;
    const std::uint64_t before = may_leave_before(segment);
    std::size_t bytes = 0;
    while (memory_bytes_ - bytes > half && !segment.entries.empty() &&
           segment.memory_first < before) {
        bytes += bytes_of(segment.entries.front());
        segment.entries.pop_front();
        ++segment.memory_first;
    }
    if (bytes == 0) return;
    if (segment.state_file_bytes > 0) segment.state = {};
    if (segment.memory_first > segment.end_in_file()) note_missing(index);
    memory_freed(bytes);
}

// Of this segment entries are in no file. Without need nobody goes on from the files before it, or
// from its own.
void LogCore::note_missing(std::size_t index) {
    Segment& segment = *segments_[index];
    const bool is_needed = durable_sequence_ > released_by_all();
    if (!is_needed) durable_sequence_ = 0;
    if (is_needed && segment.memory_first > durable_sequence_) {
        if (!hole_.is_there())
            hole_.from = segment.has_file ? segment.written.next : segments_.at(index - 1)->next;
        hole_.to = segment.memory_first;
    } else {
        const std::uint64_t before = disk_bytes_;
        drop_files_up_to(segment);
        end_hole();
        if (disk_bytes_ != before) ++generation_;  // somebody may be reading them
    }
    if (is_writing() && cannot_write()) note_unwritten(segment);
}

// The files before it are gone.
void LogCore::end_hole() {
    gone_before_ = std::max(gone_before_, hole_.to);
    hole_ = {};
}

void LogCore::note_unwritten(const Segment& segment) {
    has_open_unwritten_ = has_open_unwritten_ || segment.memory_first > segment.whole.next;
    unwritten_up_to_ = std::max(unwritten_up_to_, segment.whole.end);
}

// What of a transaction left memory may be released before that one ends, so it goes by its end.
bool LogCore::some_reader_lacks(Lsn end) const {
    return std::ranges::any_of(readers_,
                               [end](const auto* reader) { return Lsn{reader->released} < end; }) ||
           std::ranges::any_of(former_readers_,
                               [end](const auto& reader) { return reader.released < end; });
}

// Nothing of them is anywhere; the last one says where the log ends.
void LogCore::drop_emptied() {
    const auto is_emptied = [](const auto& segment) {
        return segment->is_closed && segment->entries.empty() && !segment->has_file;
    };
    while (segments_.size() > 1 && is_emptied(segments_.front())) pop_first_segment();
    if (!hole_.is_there()) return;
    for (std::size_t i = segments_.size() - 1; i > 0 && !segments_[i]->has_file; --i) {
        if (i < segments_.size() - 1 && is_emptied(segments_[i]))
            segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void LogCore::pop_first_segment() {
    gone_before_ = std::max(gone_before_, segments_.front()->next);
    segments_.pop_front();
}

void LogCore::memory_freed(std::size_t bytes) {
    const std::size_t before = memory_bytes_.fetch_sub(bytes);
    if (before < options_.memory_bytes_max || before - bytes >= options_.memory_bytes_max) return;
    const std::uint64_t one = 1;
    // It can only fail when the descriptor is readable already, which is what is wanted.
    [[maybe_unused]] const auto written = write(room_fd_, &one, sizeof one);
}

// A quarter, so that it does not begin again at once.
void LogCore::decide_spilling() {
    if (!is_spilling_) return;
    for (const ReaderPlace* reader : readers_) {
        if (total_bytes_ - reader->bytes > options_.memory_bytes_max / 4) return;
        const Segment* segment = find(reader->segment);
        if (segment != nullptr && reader->next < segment->memory_first) return;
    }
    is_spilling_ = false;
    note_released();
}

std::uint64_t LogCore::released_by_all() const {
    // Before a session began there may be readers that are not there yet.
    if (!has_begun_ || (readers_.empty() && former_readers_.empty())) return 0;
    std::uint64_t released = kNever;
    for (const ReaderPlace* reader : readers_)
        released = std::min(released, reader->released_sequence.load());
    for (const FormerReader& reader : former_readers_)
        released = std::min(released, reader.released_sequence);
    return released;
}

void LogCore::remove_released() {
    const std::lock_guard lock(mutex_);
    remove_released_segments();
    note_released();
    decide_spilling();
    trim();
}

void LogCore::note_standstill() {
    note_left_behind();
    const std::uint64_t released = released_by_all();
    const auto now = std::chrono::steady_clock::now();
    const bool can_write = !is_out_of_budget_ && disk_error_.empty();
    if (can_write || !standing_since_ || released != standing_released_) {
        standing_since_ = can_write ? std::nullopt : std::optional(now);
        standing_released_ = released;
        is_standing_ = false;
    } else if (now - *standing_since_ >= options_.standstill && !is_standing_) {
        is_standing_ = true;
        trim();
    }
}

// Targets that take nothing for long, as they are away, stopped or blocked: when there is no room,
// the others do not wait for them.
void LogCore::note_left_behind() {
    const auto now = std::chrono::steady_clock::now();
    for (ReaderPlace* reader : readers_) {
        const std::uint64_t handed_out = reader->handed_out;
        if (handed_out != std::exchange(reader->seen, handed_out)) reader->moved_at = now;
        const Lsn released{reader->released};
        if (released != std::exchange(reader->seen_released, released)) reader->patience = 1;
        reader->is_left_behind = reader->next < taken_by_one_ &&
                                 now - reader->moved_at >= options_.left_behind * reader->patience;
    }
    count_taken();
    if (may_make_hole()) trim();
}

// A reader has to begin where nothing is held, so more may stay than is not released. Where the
// beginning is missing nobody can.
void LogCore::remove_released_segments() {
    const std::uint64_t released = released_by_all();
    for (const auto& segment : segments_)
        if (segment->is_closed && segment->next <= released && segment->is_fragment())
            drop_file(*segment);
    std::size_t count = 0;
    for (std::size_t i = 1; i < segments_.size() && segments_[i]->first <= released; ++i) {
        const Segment& segment = *segments_[i];
        const bool keeps_files = segments_.front()->has_file && (is_writing() || hole_.is_there());
        if (keeps_files ? segment.is_startable_in_file() : segment.can_begin_here()) count = i;
    }
    std::size_t bytes = 0;
    for (; count > 0; --count) {
        for (const LogEntry& entry : segments_.front()->entries) bytes += bytes_of(entry);
        drop_file(*segments_.front());
        pop_first_segment();
    }
    memory_freed(bytes);
}

// Files go altogether when nothing of them will be asked for.
void LogCore::note_released() {
    const std::uint64_t released = released_by_all();
    if (released >= durable_sequence_) durable_sequence_ = 0;
    waits_for_release_ = disk_bytes_ > 0;
    if (is_writing() && !hole_.is_there()) return;
    std::uint64_t written = 0;
    for (const auto& segment : segments_)
        if (segment->has_file) written = segment->written.next;
    const bool has_files = written > 0;
    if (has_files ? released < written : !hole_.is_there()) return;
    if (has_files) {
        drop_files_up_to(*segments_.back());
        ++generation_;  // somebody who goes back may be reading them
    }
    end_hole();
    drop_emptied();
}

}  // namespace walpack
