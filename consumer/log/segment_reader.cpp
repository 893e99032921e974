#include "log/segment_reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

namespace walpack {
namespace {

constexpr std::size_t kReadAheadBytes = 512 << 10;

}  // namespace

SegmentReader::SegmentReader(std::string path, std::uint64_t number)
    : path_(std::move(path)),
      number_(number),
      file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {
    if (!file_.is_open()) throw Error(ErrorKind::limit, file_error("open", path_, errno));
}

// A length field says nothing before its bytes are there: no more is allocated than the file has.
std::string_view SegmentReader::look(std::size_t bytes) {
    const std::uint64_t buffer_end = buffer_offset_ + buffer_.size();
    if (offset_ < buffer_offset_ || offset_ + bytes > buffer_end) {
        struct stat file {};
        if (::fstat(file_.get(), &file) != 0)
            throw Error(ErrorKind::limit, file_error("read", path_, errno));
        const auto file_bytes = static_cast<std::uint64_t>(file.st_size);
        const std::uint64_t left = file_bytes > offset_ ? file_bytes - offset_ : 0;
        buffer_.resize(std::min<std::uint64_t>(left, std::max(bytes, kReadAheadBytes)));
        if (buffer_.capacity() > 2 * kReadAheadBytes && buffer_.size() <= kReadAheadBytes)
            buffer_.shrink_to_fit();
        buffer_offset_ = offset_;
        std::size_t filled = 0;
        while (filled < buffer_.size()) {
            const ssize_t got =
                ::pread(file_.get(), buffer_.data() + filled, buffer_.size() - filled,
                        static_cast<off_t>(offset_ + filled));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw Error(ErrorKind::limit, file_error("read", path_, errno));
            if (got == 0) break;
            filled += static_cast<std::size_t>(got);
        }
        buffer_.resize(filled);
    }
    const std::string_view all(buffer_);
    return all.substr(offset_ - buffer_offset_, bytes);
}

std::optional<SegmentHeader> SegmentReader::read_header() {
    offset_ = 0;
    const auto bytes = header_bytes(look(16));
    if (!bytes && is_of_other_version(look(16)))
        throw Error(ErrorKind::config,
                    "the log's file \"" + path_ + "\" is of another version of this program")
            .hint("Let the version that wrote it apply what is in it, or move the folder away.");
    if (!bytes) return std::nullopt;
    auto header = decode_header(look(*bytes));
    if (!header || header->number != number_) return std::nullopt;
    offset_ = *bytes;
    return header;
}

std::optional<SegmentReader::Entry> SegmentReader::next() {
    const std::string_view head_bytes = look(kEntryHeadBytes);
    if (head_bytes.size() < kEntryHeadBytes) return std::nullopt;
    const EntryHead head = decode_head(head_bytes);
    const std::string_view whole = look(kEntryHeadBytes + head.payload_bytes);
    if (whole.size() < kEntryHeadBytes + head.payload_bytes) return std::nullopt;
    auto entry = decode_entry(head, whole.substr(kEntryHeadBytes), {number_, offset_});
    if (!entry) return std::nullopt;
    offset_ += whole.size();
    return Entry{std::move(*entry), head.sequence};
}

bool SegmentReader::finds_whole_entry(std::uint64_t sequence) {
    for (++offset_;; ++offset_) {
        const std::string_view bytes = look(kEntryHeadBytes);
        if (bytes.size() < kEntryHeadBytes) return false;
        const EntryHead head = decode_head(bytes);
        // Others are not worth a checksum, which may be of the whole rest.
        const bool is_likely = head.sequence > sequence && head.sequence - sequence < offset_;
        if (is_likely && next()) return true;
    }
}

}  // namespace walpack
