#include "log/log_directory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

namespace walpack {
namespace {

constexpr std::string_view kLogSuffix = ".log";
constexpr std::string_view kStateSuffix = ".state";
constexpr std::string_view kUnsyncedSuffix = ".unsynced";
constexpr std::string_view kUnfinishedSuffix = ".unfinished";
constexpr std::size_t kNumberDigits = 16;

std::optional<std::uint64_t> number_of(std::string_view name, std::string_view suffix) {
    if (name.size() != kNumberDigits + suffix.size() || !name.ends_with(suffix))
        return std::nullopt;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + kNumberDigits, number, 16);
    if (error != std::errc{} || end != name.data() + kNumberDigits) return std::nullopt;
    return number;
}

[[noreturn]] void throw_limit(std::string_view what, const std::string& path, int error) {
    throw Error(ErrorKind::limit, file_error(what, path, error));
}

// A folder is on the disk when the one that it is in is. That one may not be ours to sync.
void sync_folder(const std::filesystem::path& path) {
    const OwnedFd folder(
        ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.is_open()) (void)::fsync(folder.get());
}

// As replace_file(); `write` returns 0 or an errno.
template <typename Write>
int replace_file_by(const std::string& path, Write write) {
    const std::string unfinished = path + std::string(kUnfinishedSuffix);
    const OwnedFd file(
        ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.is_open()) return errno;
    int error = write(file.get());
    if (error == 0 && ::fsync(file.get()) != 0) error = errno;
    if (error == 0 && ::rename(unfinished.c_str(), path.c_str()) != 0) error = errno;
    if (error != 0) {
        ::unlink(unfinished.c_str());
        return error;
    }
    const std::string folder = std::filesystem::path(path).parent_path();
    const OwnedFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return opened.is_open() && ::fsync(opened.get()) == 0 ? 0 : errno;
}

// Calls `use` with each piece of the file; 0, or the errno of reading or of `use`.
template <typename Use>
int for_each_piece(int fd, Use use) {
    std::array<char, 1 << 16> piece;
    for (;;) {
        const ssize_t got = ::read(fd, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) return 0;
        if (const int error = use(std::string_view(piece.data(), static_cast<std::size_t>(got))))
            return error;
    }
}

int rewrite_file(const std::string& path) {
    const OwnedFd from(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!from.is_open()) return errno;
    return replace_file_by(path, [&from](int to) {
        std::uint64_t offset = 0;
        return for_each_piece(from.get(), [to, &offset](std::string_view bytes) {
            return write_fully(to, bytes, std::exchange(offset, offset + bytes.size()));
        });
    });
}

}  // namespace

OwnedFd::~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
}

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

int OwnedFd::release() {
    return std::exchange(fd_, -1);
}

std::string file_error(std::string_view what, const std::string& path, int error) {
    return fmt::format("could not {} \"{}\": {}", what, path,
                       std::generic_category().message(error));
}

LogDirectory::LogDirectory(std::string path) : path_(std::move(path)) {
    if (::mkdir(path_.c_str(), 0700) == 0) {
        sync_folder(std::filesystem::path(path_).parent_path());
    } else if (errno != EEXIST) {
        throw_limit("make the folder", path_, errno);
    }
    folder_ = OwnedFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder_.is_open()) throw_limit("open the folder", path_, errno);
    const std::string lock = path_ + "/lock";
    lock_ = OwnedFd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock_.is_open()) throw_limit("open", lock, errno);
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return;
    if (errno != EWOULDBLOCK) throw_limit("lock", lock, errno);
    throw Error(ErrorKind::config,
                fmt::format("the log in \"{}\" is in use by another process", path_))
        .hint("Stop the other one, or give this pipeline a log_directory of its own.");
}

std::string LogDirectory::log_path(std::uint64_t number) const {
    return fmt::format("{}/{:016x}{}", path_, number, kLogSuffix);
}

std::string LogDirectory::state_path(std::uint64_t number) const {
    return fmt::format("{}/{:016x}{}", path_, number, kStateSuffix);
}

std::string LogDirectory::unsynced_path(std::uint64_t number) const {
    return fmt::format("{}/{:016x}{}", path_, number, kUnsyncedSuffix);
}

void LogDirectory::note_unsynced(std::uint64_t number) const {
    const OwnedFd note(
        ::open(unsynced_path(number).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!note.is_open()) log::warning("{}", file_error("make", unsynced_path(number), errno));
}

bool LogDirectory::is_unsynced(std::uint64_t number) const {
    return ::access(unsynced_path(number).c_str(), F_OK) == 0;
}

void LogDirectory::rewrite_unsynced() const {
    for (const std::uint64_t number : segments()) {
        if (!is_unsynced(number)) continue;
        const std::string path = log_path(number);
        if (const int error = rewrite_file(path); error != 0) {
            log::warning("{}; until it is written anew the slot is not confirmed by it",
                         file_error("write", path, error));
            continue;
        }
        ::unlink(unsynced_path(number).c_str());
        log::info("wrote \"{}\" anew, as a fsync of it had failed", path);
    }
}

std::vector<std::uint64_t> LogDirectory::segments() const {
    std::vector<std::uint64_t> logs;
    std::vector<std::uint64_t> states;
    std::error_code error;
    auto entry = std::filesystem::directory_iterator(path_, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (const auto log = number_of(name, kLogSuffix)) logs.push_back(*log);
        if (const auto state = number_of(name, kStateSuffix)) states.push_back(*state);
        if (name.ends_with(kUnfinishedSuffix)) ::unlink(entry->path().c_str());
    }
    if (error) throw_limit("read the folder", path_, error.value());
    std::sort(logs.begin(), logs.end());
    for (const std::uint64_t state : states) {
        if (!std::binary_search(logs.begin(), logs.end(), state))
            ::unlink(state_path(state).c_str());
    }
    return logs;
}

std::uint64_t LogDirectory::free_bytes() const {
    struct statvfs disk {};
    return ::fstatvfs(folder_.get(), &disk) == 0 ? disk.f_bavail * disk.f_frsize : 0;
}

int LogDirectory::sync() const {
    return ::fsync(folder_.get()) == 0 ? 0 : errno;
}

int LogDirectory::remove(std::uint64_t number) const {
    // The state last: without it the segment's file may be one where nobody can begin.
    for (const std::string& path : {log_path(number), unsynced_path(number), state_path(number)}) {
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) return errno;
    }
    return sync();
}

int replace_file(const std::string& path, std::string_view bytes) {
    return replace_file_by(path, [bytes](int fd) { return write_fully(fd, bytes, 0); });
}

int write_fully(int fd, std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        if (written == 0) return EIO;
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return 0;
}

std::string read_whole_file(const std::string& path) {
    const OwnedFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file.is_open()) throw_limit("open", path, errno);
    std::string bytes;
    const int error = for_each_piece(file.get(), [&bytes](std::string_view piece) {
        bytes += piece;
        return 0;
    });
    if (error != 0) throw_limit("read", path, error);
    return bytes;
}

}  // namespace walpack
