#include "log/log_recovery.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "log/segment_format.h"
#include "log/segment_reader.h"

namespace walpack {
namespace {

std::uint64_t file_bytes(const std::string& path) {
    struct stat file {};
    if (::stat(path.c_str(), &file) == 0) return static_cast<std::uint64_t>(file.st_size);
    if (errno == ENOENT) return 0;
    throw Error(ErrorKind::limit, file_error("read", path, errno));
}

std::string damage_at(const std::string& path, std::uint64_t offset) {
    return fmt::format("the log's file \"{}\" is damaged at offset {}", path, offset);
}

void check_identity(const LogIdentity& found, const LogIdentity& expected,
                    const std::string& path) {
    const bool is_same = found.pipeline == expected.pipeline && found.slot == expected.slot &&
                         found.source_system_identifier == expected.source_system_identifier;
    if (is_same) return;
    throw Error(ErrorKind::config, fmt::format("\"{}\" belongs to another log", path))
        .detail(fmt::format("It is of pipeline \"{}\", slot \"{}\" and system {}; this is pipeline "
                            "\"{}\", slot \"{}\" and system {}.",
                            found.pipeline, found.slot, found.source_system_identifier,
                            expected.pipeline, expected.slot, expected.source_system_identifier))
        .hint(
            "Give each pipeline a log_directory of its own, or remove what is left of one that "
            "was dropped.");
}

std::size_t header_bytes_of(const LogIdentity& identity) {
    SegmentHeader header;
    header.identity = identity;
    return encode_header(header).size();
}

class Recovery {
  public:
    Recovery(const LogDirectory& directory, const LogIdentity& identity)
        : directory_(directory), identity_(identity) {}

    RecoveredLog run() {
        directory_.rewrite_unsynced();
        const auto numbers = directory_.segments();
        for (const std::uint64_t number : numbers) add(number, number == numbers.back());
        drop_what_nobody_can_begin_at();
        if (!segments_.empty()) cut_last();
        return {std::move(segments_), std::move(damage_)};
    }

  private:
    void add(std::uint64_t number, bool is_last) {
        SegmentReader reader(directory_.log_path(number), number);
        const auto header = reader.read_header();
        if (!header) {
            // The header is durable before the first entry is written.
            const bool is_unfinished =
                is_last && file_bytes(reader.path()) <= header_bytes_of(identity_);
            if (!is_unfinished)
                throw Error(ErrorKind::config, damage_at(reader.path(), 0)).hint(kDamageHint);
            if (const int error = directory_.remove(number); error != 0)
                throw Error(ErrorKind::limit, file_error("remove", reader.path(), error));
            return;
        }
        check_identity(header->identity, identity_, reader.path());
        if (!segments_.empty()) close_chain(*header);
        auto segment = segment_of(*header, reader.offset());
        read_entries(reader, *segment);
        stopped_at_ = reader.offset();
        read_state(*segment);
        segments_.push_back(std::move(segment));
    }

    // What the segment before should have reached.
    void close_chain(const SegmentHeader& header) {
        Segment& before = *segments_.back();
        const bool follows = header.number == before.number + 1;
        if (follows && header.from == before.whole.end) return;
        before.damage = damage_at(directory_.log_path(before.number), stopped_at_);
        note_damage(before.damage);
        if (follows) return;
        // Numbers have to follow one another in what is returned.
        throw Error(ErrorKind::config, fmt::format("the log's file \"{}\" is missing",
                                                   directory_.log_path(before.number + 1)))
            .hint(kDamageHint);
    }

    void note_damage(const std::string& damage) {
        damage_ += (damage_.empty() ? "" : "; ") + damage;
    }

    std::shared_ptr<Segment> segment_of(const SegmentHeader& header, std::uint64_t offset) {
        auto segment = std::make_shared<Segment>();
        segment->number = header.number;
        segment->begins_session = header.begins_session;
        segment->from = segment->whole.end = header.from;
        segment->first = segment->file_first = header.first;
        segment->whole.next = header.first + (header.begins_session ? 1 : 0);
        if (header.is_fragment) ++segment->file_first;  // it never begins at its first entry
        segment->has_file = segment->is_closed = true;
        segment->bytes_before = bytes_;
        segment->marks.push_back({segment->whole.next, offset});
        whole_offset_ = offset;
        return segment;
    }

    void read_entries(SegmentReader& reader, Segment& segment) {
        const FileEnd begun{segment.whole.next, reader.offset(), segment.whole};
        std::uint64_t expected = segment.whole.next;
        std::uint64_t bytes = segment.begins_session ? bytes_of(SessionStart{}) : 0;
        segment.bytes = bytes;
        for (;;) {
            const std::uint64_t offset = reader.offset();
            const auto entry = reader.next();
            if (!entry || entry->sequence != expected) {
                reader.seek(offset);
                break;
            }
            segment.add_mark(expected, offset);
            segment.whole.take(entry->entry, expected);
            bytes += bytes_of(entry->entry);
            ++expected;
            if (segment.whole.next != expected) continue;
            segment.bytes = bytes;
            whole_offset_ = reader.offset();
        }
        bytes_ += segment.bytes;
        segment.next = segment.memory_first = segment.whole.next;
        segment.whole.is_between = true;
        while (segment.marks.size() > 1 && segment.marks.back().sequence > segment.next)
            segment.marks.pop_back();
        segment.written = {segment.next, file_bytes(reader.path()), segment.whole};
        segment.synced = segment.written;
        if (!directory_.is_unsynced(segment.number)) return;
        segment.sync_is_lost = true;
        segment.synced = begun;
    }

    void read_state(Segment& segment) {
        const std::string path = directory_.state_path(segment.number);
        if (segment.begins_session || file_bytes(path) == 0) return;
        const auto state = decode_state(read_whole_file(path));
        if (!state || state->number != segment.number || state->first != segment.first ||
            state->from != segment.from) {
            damaged_state_ = path;
            return;
        }
        segment.has_state = true;
        segment.state_file_bytes = kStateHeadBytes + state->state.size();
    }

    void drop_what_nobody_can_begin_at() {
        while (!segments_.empty() && !segments_.front()->can_begin_here()) {
            if (!damaged_state_.empty())
                throw Error(ErrorKind::config, damage_at(damaged_state_, 0)).hint(kDamageHint);
            const std::uint64_t number = segments_.front()->number;
            if (const int error = directory_.remove(number); error != 0)
                throw Error(ErrorKind::limit,
                            file_error("remove", directory_.log_path(number), error));
            segments_.pop_front();
        }
    }

    // Those before it were made durable before the next was begun.
    void cut_last() {
        Segment& last = *segments_.back();
        const std::string path = directory_.log_path(last.number);
        const OwnedFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
        if (!file.is_open()) throw Error(ErrorKind::limit, file_error("open", path, errno));
        if (last.written.bytes > whole_offset_) {
            note_cut(last, path);
            if (::ftruncate(file.get(), static_cast<off_t>(whole_offset_)) != 0)
                throw Error(ErrorKind::limit, file_error("cut", path, errno));
        }
        if (::fsync(file.get()) != 0 || directory_.sync() != 0) {
            const int error = errno;
            directory_.note_unsynced(last.number);
            throw Error(ErrorKind::limit, file_error("sync", path, error));
        }
        last.written.bytes = whole_offset_;
        if (!last.sync_is_lost) last.synced.bytes = whole_offset_;
    }

    // A crash leaves the beginning of an entry; what is whole behind a broken one was damaged.
    void note_cut(const Segment& last, const std::string& path) {
        const std::string cut = fmt::format(
            "{} bytes behind offset {} of \"{}\" were cut off, which are no whole "
            "transaction",
            last.written.bytes - whole_offset_, whole_offset_, path);
        SegmentReader reader(path, last.number);
        reader.seek(stopped_at_);
        if (!reader.finds_whole_entry(last.next)) {
            log::info("{}", cut);
            return note_damage(cut);
        }
        log::warning("{}: {}", damage_at(path, stopped_at_), cut);
        note_damage(damage_at(path, stopped_at_));
    }

    static constexpr const char* kDamageHint =
        "Nothing behind it was applied. Stop the pipeline's other processes, check the disk, move "
        "the folder away, and copy the tables again if the slot was confirmed past it.";

    const LogDirectory& directory_;
    const LogIdentity& identity_;
    std::deque<std::shared_ptr<Segment>> segments_;
    std::uint64_t bytes_ = 0;
    std::uint64_t stopped_at_ = 0;    // in the file read last
    std::uint64_t whole_offset_ = 0;  // behind its last whole transaction
    std::string damaged_state_;
    std::string damage_;
};

}  // namespace

RecoveredLog recover_log(const LogDirectory& directory, const LogIdentity& identity) {
    return Recovery(directory, identity).run();
}

}  // namespace walpack
