// The messages of one streamed transaction, kept until it is known how it ended.
//
// In memory up to a bound, so that a small one never touches the disk; beyond it in a temporary
// file that has no name, so that nothing is left behind however the process ends. Written and read
// in large pieces, front to back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace walpack {

class StreamSpool {
  public:
    static constexpr std::size_t kMemoryBytesMax = std::size_t{256} << 10;

    // The file, if there is need of one, lies in `directory`.
    explicit StreamSpool(std::string directory, std::size_t memory_bytes_max = kMemoryBytesMax);
    ~StreamSpool();
    StreamSpool(const StreamSpool&) = delete;
    StreamSpool& operator=(const StreamSpool&) = delete;

    // Throws Error(limit) when the disk is full or fails, Error(config) when no file can be made in
    // the directory.
    void append(std::string_view message);

    // Hands out the messages in their order; each is valid during the call. Throws Error(limit)
    // when the file cannot be read.
    void read(const std::function<void(std::string_view)>& take);

    std::uint64_t bytes() const { return file_bytes_ + buffer_.size(); }
    bool is_on_disk() const { return fd_ >= 0; }

  private:
    void flush();
    void open_file();
    void read_file(const std::function<void(std::string_view)>& take);
    std::size_t read_at(std::uint64_t offset, char* out, std::size_t count) const;

    std::string directory_;
    std::size_t memory_bytes_max_;
    std::string buffer_;  // all of it, or what follows the file's content
    int fd_ = -1;
    std::uint64_t file_bytes_ = 0;
};

// Throws Error(config) when no file can be made there: to be told at the start and not when the
// first large transaction comes.
void check_spool_directory(const std::string& directory);

}  // namespace walpack
