#include "log/segment_file.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace walpack {

int SegmentFile::create(const LogDirectory& directory, const SegmentHeader& header) {
    const std::string path = directory.log_path(header.number);
    number_ = header.number;
    file_ =
        OwnedFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_.is_open()) return errno;
    int error = write_fully(file_.get(), encode_header(header), 0);
    if (error == 0) error = sync();
    if (error == 0) error = directory.sync();
    if (error != 0) {
        close();
        ::unlink(path.c_str());
    }
    return error;
}

int SegmentFile::open(const LogDirectory& directory, std::uint64_t number) {
    number_ = number;
    file_ = OwnedFd(::open(directory.log_path(number).c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    return file_.is_open() ? 0 : errno;
}

int SegmentFile::write(std::string_view bytes, std::uint64_t offset) {
    const int error = write_fully(file_.get(), bytes, offset);
    // Should this fail too, the rest is no whole entry, and is overwritten next.
    if (error != 0) [[maybe_unused]]
        const int ignored = cut(offset);
    return error;
}

int SegmentFile::sync() {
    return ::fdatasync(file_.get()) == 0 ? 0 : errno;
}

int SegmentFile::cut(std::uint64_t offset) {
    return ::ftruncate(file_.get(), static_cast<off_t>(offset)) == 0 ? 0 : errno;
}

}  // namespace walpack
