#include "assemble/stream_spool.h"

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

namespace walpack {
namespace {

// Before each message: the number of its bytes.
using Length = std::uint32_t;
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

[[noreturn]] void throw_failed(const char* doing, const std::string& directory, int error) {
    const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    const bool is_of_files = error == EMFILE || error == ENFILE;
    throw Error(ErrorKind::limit,
                fmt::format("could not {} the spool of a streamed transaction in \"{}\": {}", doing,
                            directory, std::strerror(error)))
        .hint(is_full ? "Make room there, or set spool_directory to a place with more."
              : is_of_files
                  ? "Allow the program more open files (ulimit -n, LimitNOFILE of the unit): each "
                    "streamed transaction that is too large for memory has one."
                  : "Look at the system's log for what is wrong with that file system.");
}

[[noreturn]] void throw_not_opened(const std::string& directory, int error) {
    const bool is_exhausted =
        error == EMFILE || error == ENFILE || error == ENOSPC || error == EDQUOT;
    if (is_exhausted) throw_failed("open", directory, error);
    throw Error(ErrorKind::config,
                fmt::format("could not make a file in the spool directory \"{}\": {}", directory,
                            std::strerror(error)))
        .hint("Set spool_directory to a folder that this program may write to.");
}

int open_unnamed(const std::string& directory) {
    const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0) return fd;
    const bool may_be_unsupported = errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL;
    if (!may_be_unsupported) throw_not_opened(directory, errno);
    std::string path = directory + "/walpack_spool_XXXXXX";
    const int named = ::mkostemp(path.data(), O_CLOEXEC);
    if (named < 0) throw_not_opened(directory, errno);
    ::unlink(path.c_str());
    return named;
}

}  // namespace

StreamSpool::StreamSpool(std::string directory, std::size_t memory_bytes_max)
    : directory_(std::move(directory)), memory_bytes_max_(memory_bytes_max) {}

StreamSpool::~StreamSpool() {
    if (fd_ >= 0) ::close(fd_);
}

void StreamSpool::append(std::string_view message) {
    WALPACK_CHECK(message.size() <= std::numeric_limits<Length>::max());
    const auto length = static_cast<Length>(message.size());
    buffer_.append(reinterpret_cast<const char*>(&length), sizeof length);
    buffer_ += message;
    if (buffer_.size() > memory_bytes_max_) flush();
}

void StreamSpool::flush() {
    if (fd_ < 0) fd_ = open_unnamed(directory_);
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        const ssize_t written =
            ::pwrite(fd_, rest.data(), rest.size(), static_cast<off_t>(file_bytes_));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw_failed("write", directory_, errno);
        file_bytes_ += static_cast<std::uint64_t>(written);
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    buffer_.clear();
    // After an unusually large message.
    if (buffer_.capacity() > 4 * memory_bytes_max_) buffer_.shrink_to_fit();
}

void StreamSpool::read(const std::function<void(std::string_view)>& take) {
    if (fd_ >= 0) {
        flush();
        return read_file(take);
    }
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        Length length = 0;
        std::memcpy(&length, rest.data(), sizeof length);
        take(rest.substr(sizeof length, length));
        rest.remove_prefix(sizeof length + length);
    }
}

void StreamSpool::read_file(const std::function<void(std::string_view)>& take) {
    std::string piece(kReadBytes, '\0');
    std::uint64_t at = 0;
    while (at < file_bytes_) {
        const std::size_t count = read_at(at, piece.data(), piece.size());
        std::string_view rest(piece.data(), count);
        std::uint64_t needed = sizeof(Length);  // for the next message
        while (rest.size() >= sizeof(Length)) {
            Length length = 0;
            std::memcpy(&length, rest.data(), sizeof length);
            needed = sizeof length + std::uint64_t{length};
            if (rest.size() < needed) break;
            take(rest.substr(sizeof length, length));
            rest.remove_prefix(static_cast<std::size_t>(needed));
            needed = sizeof(Length);
        }
        at += count - rest.size();
        // Nobody else can write to the file: only a failing disk makes this differ.
        if (needed > file_bytes_ - at && at < file_bytes_) throw_failed("read", directory_, EIO);
        if (needed > piece.size()) piece.resize(static_cast<std::size_t>(needed));
    }
}

// At least one byte.
std::size_t StreamSpool::read_at(std::uint64_t offset, char* out, std::size_t count) const {
    std::size_t got = 0;
    while (got < count && offset + got < file_bytes_) {
        const ssize_t bytes =
            ::pread(fd_, out + got, count - got, static_cast<off_t>(offset + got));
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes <= 0) throw_failed("read", directory_, bytes < 0 ? errno : EIO);
        got += static_cast<std::size_t>(bytes);
    }
    return got;
}

void check_spool_directory(const std::string& directory) {
    ::close(open_unnamed(directory));
}

}  // namespace walpack
