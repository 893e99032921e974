// The folder of a log: its names, its lock, and changes of it that survive a crash.
//
// Functions that the log's thread calls while it runs return an errno, 0 when they succeeded: a
// full disk is an expected outcome there. Opening throws Error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace walpack {

// A file descriptor that is closed with its owner; -1 for none.
class OwnedFd {
  public:
    OwnedFd() = default;
    explicit OwnedFd(int fd) : fd_(fd) {}
    ~OwnedFd();
    OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept;
    OwnedFd(const OwnedFd&) = delete;
    OwnedFd& operator=(const OwnedFd&) = delete;

    int get() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }
    int release();

  private:
    int fd_ = -1;
};

class LogDirectory {
  public:
    // Makes the folder when it is missing and locks it for as long as this object lives. Throws
    // Error(config) when another process has it, Error(limit) when it cannot be made or locked.
    explicit LogDirectory(std::string path);

    std::string log_path(std::uint64_t number) const;
    std::string state_path(std::uint64_t number) const;

    // The numbers of the segments that have a file, in order. Removes what no segment has and what
    // was not finished. Throws Error(limit).
    std::vector<std::uint64_t> segments() const;

    // Of its file system, for this process; 0 when that cannot be known.
    std::uint64_t free_bytes() const;

    // Makes names that were made or removed survive a crash.
    [[nodiscard]] int sync() const;
    // A segment's files, if they are there, so that no crash brings them back.
    [[nodiscard]] int remove(std::uint64_t number) const;

    // Notes that a fsync of the segment's file failed: one that succeeds later says nothing of what
    // was written before. The note need not survive a crash of the machine, as checksums tell then
    // what is not there.
    void note_unsynced(std::uint64_t number) const;
    bool is_unsynced(std::uint64_t number) const;
    // Writes the files anew of which that was noted, so that all in them survives a crash. One that
    // cannot be written stays as it was, with the note.
    void rewrite_unsynced() const;

  private:
    std::string unsynced_path(std::uint64_t number) const;

    std::string path_;
    OwnedFd folder_;
    OwnedFd lock_;
};

// The file is there whole or as it was, also after a crash; mode 0600. 0, or an errno.
[[nodiscard]] int replace_file(const std::string& path, std::string_view bytes);

// All of the bytes; 0, or the errno of what did not fit.
[[nodiscard]] int write_fully(int fd, std::string_view bytes, std::uint64_t offset);

// The whole of a small file. Throws Error(limit).
std::string read_whole_file(const std::string& path);

// "could not <what> "path": <errno's text>", for Error and for OrderedLogState::disk_error.
std::string file_error(std::string_view what, const std::string& path, int error);

}  // namespace walpack
