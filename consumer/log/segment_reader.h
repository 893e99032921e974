// Reads a segment's file, entry by entry, with one buffer of bounded size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "log/log_directory.h"
#include "log/ordered_log.h"
#include "log/segment_format.h"

namespace walpack {

class SegmentReader {
  public:
    // Throws Error(limit) when the file cannot be opened.
    SegmentReader(std::string path, std::uint64_t number);

    struct Entry {
        LogEntry entry;
        std::uint64_t sequence;
    };

    // nullopt when it is no header, or that of another segment. Throws Error(config) when it is of
    // another version.
    std::optional<SegmentHeader> read_header();
    // From an offset where an entry begins.
    void seek(std::uint64_t offset) { offset_ = offset; }
    // nullopt where no whole entry stands any more; offset() is then the place. Throws Error(limit)
    // when the file cannot be read.
    std::optional<Entry> next();
    std::uint64_t offset() const { return offset_; }
    // Whether one with a number behind `sequence` stands anywhere behind the offset: looks at every
    // byte.
    bool finds_whole_entry(std::uint64_t sequence);

    std::uint64_t number() const { return number_; }
    const std::string& path() const { return path_; }

  private:
    // The bytes at the offset, as many as asked for, or fewer at the end of the file.
    std::string_view look(std::size_t bytes);

    std::string path_;
    std::uint64_t number_;
    OwnedFd file_;
    std::uint64_t offset_ = 0;
    std::string buffer_;
    std::uint64_t buffer_offset_ = 0;
};

}  // namespace walpack
