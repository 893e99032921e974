// LogCore: the log's own thread, which writes files and removes them.
#include <algorithm>
#include <chrono>
#include <utility>

#include "log/log_core.h"
#include "log/segment_format.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kRetry{1};
// What is written at a time, and what may wait for a fsync while more comes.
constexpr std::size_t kWriteBytes = 1 << 20;
constexpr std::uint64_t kUnsyncedBytes = 4 << 20;
constexpr std::chrono::milliseconds kUnsynced{20};

}  // namespace

void LogCore::wake_writer() {
    if (writer_waits_) work_.notify_one();
}

void LogCore::run_writer() {
    Lock lock(mutex_);
    while (!is_stopping_) {
        must_rest_ = false;
        if (remove_one(lock) || write_one_state(lock) || sync_when_due(lock) || write_some(lock) ||
            sync_rest(lock))
            continue;
        note_standstill();
        decide_spilling();
        note_released();  // everything may have been while something was written
        if (!removals_.empty() && !must_rest_) continue;
        writer_waits_ = !must_rest_;
        work_.wait_for(lock, std::min<std::chrono::milliseconds>(kRetry, options_.standstill));
        writer_waits_ = false;
    }
    while (remove_one(lock)) continue;
}

void LogCore::failed(const char* what, const std::string& path, int error) {
    disk_error_ = file_error(what, path, error);
    must_rest_ = true;
    trim();
}

void LogCore::drop_file(Segment& segment) {
    if (segment.has_file || segment.state_file_bytes > 0) {
        removals_.push_back(segment.number);
        disk_bytes_ -= segment.on_disk_bytes();
    }
    ++segment.file_generation;
    segment.has_file = false;
    segment.state_file_bytes = 0;
    segment.marks.clear();
    segment.written = segment.synced = {};
    segment.sync_is_lost = false;
    if (segment.state.empty()) segment.has_state = false;
    wake_writer();
}

void LogCore::drop_files_up_to(const Segment& last) {
    for (const auto& segment : segments_) {
        if (segment->has_file) drop_file(*segment);
        if (segment.get() == &last) return;
    }
}

bool LogCore::remove_one(Lock& lock) {
    if (removals_.empty()) return false;
    const std::uint64_t number = removals_.front();
    if (file_.is_open_for(number)) file_.close();
    lock.unlock();
    const int error = directory_.remove(number);
    lock.lock();
    if (error != 0) {
        failed("remove", directory_.log_path(number), error);
        return false;
    }
    removals_.pop_front();
    is_out_of_budget_ = false;
    return true;
}

bool LogCore::write_one_state(Lock& lock) {
    const auto found = std::find_if(segments_.begin(), segments_.end(), [](const auto& segment) {
        return segment->has_file && segment->file_first == segment->first &&
               !segment->begins_session && segment->is_startable() &&
               segment->state_file_bytes == 0;
    });
    if (found == segments_.end()) return false;
    const std::shared_ptr<Segment> segment = *found;
    const std::uint64_t generation = segment->file_generation;
    const SegmentState state{segment->number, segment->first, segment->from, segment->state};
    const std::string path = directory_.state_path(state.number);
    lock.unlock();
    const std::string bytes = encode_state(state);
    const int error = replace_file(path, bytes);
    lock.lock();
    if (segment->file_generation != generation) {
        removals_.push_back(state.number);
        return true;
    }
    if (error != 0) {
        failed("write", path, error);
        return false;
    }
    segment->state_file_bytes = bytes.size();
    disk_bytes_ += bytes.size();
    written_bytes_ += bytes.size();
    if (segment->memory_first != segment->first) segment->state = {};
    remove_released_segments();
    return true;
}

// More than may wait in memory for a reader.
bool LogCore::is_much_untaken() const {
    return std::ranges::any_of(readers_, [this](const ReaderPlace* reader) {
        return total_bytes_ - reader->bytes > options_.memory_bytes_max / 2;
    });
}

// Files begin where a reader can begin, or with what some reader has not taken; then none is left
// out. The rest of a transaction that went through memory so far does so as well.
std::shared_ptr<Segment> LogCore::segment_to_write() const {
    if (!is_writing() || hole_.is_there()) return nullptr;
    bool has_begun = false;
    for (const auto& segment : segments_) {
        if (segment->has_file) {
            has_begun = true;
            if (segment->written.next < segment->next) return segment;
        } else if (!segment->entries.empty()) {
            // One that is closed gets its file before what is behind it, or never.
            const bool is_untaken =
                segment->is_closed ? segment->next > taken_by_all_ : is_much_untaken();
            const bool is_wanted = segment->is_whole_in_memory() || is_untaken;
            const bool is_passing = has_open_unwritten_ && segment == segments_.back();
            if (has_begun || (is_wanted && !is_passing)) return segment;
        }
    }
    return nullptr;
}

bool LogCore::fits_budget(std::uint64_t bytes) {
    is_out_of_budget_ = disk_bytes_ + bytes > options_.disk_bytes_max;
    if (is_out_of_budget_) trim();
    return !is_out_of_budget_;
}

bool LogCore::create_file(Segment& segment, Lock& lock) {
    // A number may come again, and its old file could not be removed yet.
    if (!removals_.empty()) return false;
    // What was written before survives a crash before something behind it is written.
    if (Segment* before = find(segment.number - 1); before != nullptr && before->has_file &&
                                                    before->synced.next < before->written.next &&
                                                    !before->sync_is_lost)
        return sync_segment(*before, lock);
    SegmentHeader header;
    header.number = segment.number;
    header.from = segment.from;
    header.first = segment.memory_first;
    header.is_fragment = segment.memory_first != segment.first;
    header.begins_session = segment.begins_session && !header.is_fragment;
    header.identity = identity_;
    const std::uint64_t bytes = encode_header(header).size();
    if (!fits_budget(bytes)) return false;
    const std::uint64_t generation = segment.file_generation;
    is_file_in_use_ = true;
    lock.unlock();
    const int error = file_.create(directory_, header);
    lock.lock();
    is_file_in_use_ = false;
    if (error != 0) {
        failed("make", directory_.log_path(header.number), error);
        return false;
    }
    if (segment.file_generation != generation || segment.memory_first != header.first) {
        removals_.push_back(header.number);
        return true;
    }
    segment.has_file = true;
    segment.file_first = header.first;
    const std::uint64_t next = header.first + (header.begins_session ? 1 : 0);
    segment.written = {next, bytes, {segment.from, next, true}};
    segment.synced = segment.written;
    segment.marks.assign({{next, bytes}});
    disk_bytes_ += bytes;
    written_bytes_ += bytes;
    waits_for_release_ = true;
    return true;
}

bool LogCore::write_some(Lock& lock) {
    const std::shared_ptr<Segment> segment = segment_to_write();
    if (segment == nullptr) return false;
    if (!segment->has_file) return create_file(*segment, lock);

    const std::uint64_t generation = segment->file_generation;
    FileEnd end = segment->written;
    const std::uint64_t first = end.next;
    std::vector<LogEntry> entries;
    std::size_t size = 0;
    while (end.next < segment->next && size < kWriteBytes) {
        entries.push_back(segment->entries[end.next++ - segment->memory_first]);
        const auto* message = std::get_if<ReceivedMessage>(&entries.back());
        size += kEntryHeadBytes + (message == nullptr ? 0 : message->payload.size());
    }
    if (!fits_budget(size)) return false;
    claimed_next_ = std::max(claimed_next_, end.next);
    is_file_in_use_ = true;
    lock.unlock();
    std::string bytes;
    bytes.reserve(size);
    std::vector<Segment::Mark> marks;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const std::uint64_t offset = end.bytes + bytes.size();
        marks.push_back({first + i, offset});
        encode_entry(entries[i], first + i, {segment->number, offset}, bytes);
        end.whole.take(entries[i], first + i);
    }
    int error = file_.is_open_for(segment->number) ? 0 : file_.open(directory_, segment->number);
    if (error == 0) error = file_.write(bytes, end.bytes);
    lock.lock();
    is_file_in_use_ = false;
    if (segment->file_generation != generation) {
        removals_.push_back(segment->number);
        return true;
    }
    if (error != 0) {
        failed("write", directory_.log_path(segment->number), error);
        return false;
    }
    if (segment->synced.next == segment->written.next) unsynced_since_ = Clock::now();
    end.bytes += bytes.size();
    disk_bytes_ += bytes.size();
    written_bytes_ += bytes.size();
    // What was cut off in the meantime stays in the file, and is none of the segment's.
    if (end.next > segment->next) {
        end.next = segment->next;
        end.whole = segment->whole;
    }
    for (const Segment::Mark& mark : marks)
        if (mark.sequence < end.next) segment->add_mark(mark.sequence, mark.offset);
    segment->written = end;
    disk_error_.clear();
    trim();
    return true;
}

// The first one: nothing behind it counts as durable without it.
Segment* LogCore::segment_to_sync() const {
    if (!is_durable_) return nullptr;
    const auto found = std::ranges::find_if(segments_, [](const auto& segment) {
        return segment->has_file && !segment->sync_is_lost &&
               segment->written.next != segment->synced.next;
    });
    return found == segments_.end() ? nullptr : found->get();
}

bool LogCore::sync_when_due(Lock& lock) {
    Segment* segment = segment_to_sync();
    if (segment == nullptr) return false;
    const bool is_due = segment->written.bytes - segment->synced.bytes >= kUnsyncedBytes ||
                        Clock::now() - unsynced_since_ >= kUnsynced;
    return is_due && sync_segment(*segment, lock);
}

// When there is nothing to write.
bool LogCore::sync_rest(Lock& lock) {
    Segment* segment = must_rest_ ? nullptr : segment_to_sync();
    return segment != nullptr && sync_segment(*segment, lock);
}

// A fsync that failed may have dropped what it could not write, and the next one would succeed all
// the same. So what is not known to be durable is written again; when memory does not have it any
// more, it counts as durable only after the file is written anew, which the next start does.
bool LogCore::sync_segment(Segment& in, Lock& lock) {
    const std::shared_ptr<Segment> segment = shared(in.number);
    const std::uint64_t generation = segment->file_generation;
    const FileEnd written = segment->written;
    const FileEnd synced = segment->synced;
    lock.unlock();
    int error = file_.is_open_for(segment->number) ? 0 : file_.open(directory_, segment->number);
    if (error == 0) error = file_.sync();
    lock.lock();
    if (segment->file_generation != generation) return true;
    if (error == 0) {
        segment->synced = written;
        if (segment->synced.next > segment->next) {
            segment->synced.next = segment->next;
            segment->synced.whole = segment->whole;
        }
        disk_error_.clear();
        trim();
        remove_released_segments();
        return true;
    }
    if (segment->memory_first <= synced.next && file_.cut(synced.bytes) == 0) {
        disk_bytes_ -= segment->written.bytes - synced.bytes;
        segment->written = synced;
        while (segment->marks.size() > 1 && segment->marks.back().sequence >= synced.next)
            segment->marks.pop_back();
    } else {
        segment->sync_is_lost = true;
        directory_.note_unsynced(segment->number);
    }
    failed("sync", directory_.log_path(segment->number), error);
    return false;
}

// Only what every reader, also one that begins again after a crash, finds in files.
Lsn LogCore::durable(std::uint64_t& next) const {
    auto segment = std::find_if(segments_.begin(), segments_.end(), [](const auto& candidate) {
        return candidate->is_startable_in_file();
    });
    if (segment == segments_.end()) return {};
    const Lsn from = (*segment)->from;
    for (const ReaderPlace* reader : readers_)
        if (Lsn{reader->released} < from) return {};
    for (const FormerReader& reader : former_readers_)
        if (reader.released < from) return {};
    Lsn durable = (*segment)->from;
    for (; segment != segments_.end() && (*segment)->has_file; ++segment) {
        const FileEnd& synced = (*segment)->synced;
        durable = synced.whole.end;
        next = synced.whole.next;
        const bool is_whole = (*segment)->is_closed && synced.next >= (*segment)->whole.next;
        if (!is_whole || !(*segment)->damage.empty()) break;
    }
    return durable;
}

Lsn LogCore::note_durable() {
    std::uint64_t next = 0;
    const Lsn lsn = durable(next);
    if (lsn.is_valid() && next > released_by_all())
        durable_sequence_ = std::max(durable_sequence_, next);
    return lsn;
}

}  // namespace walpack
