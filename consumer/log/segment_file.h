// The file of one segment while it is written. Functions return an errno, 0 when they succeeded.
#pragma once

#include <cstdint>
#include <string_view>

#include "log/log_directory.h"
#include "log/segment_format.h"

namespace walpack {

class SegmentFile {
  public:
    // Makes the file anew, with a header that survives a crash, and nothing else. On failure there
    // is no file.
    [[nodiscard]] int create(const LogDirectory& directory, const SegmentHeader& header);
    // Of a segment whose file is there.
    [[nodiscard]] int open(const LogDirectory& directory, std::uint64_t number);
    void close() { file_ = OwnedFd(); }

    // When not all of it could be written, none of it is counted, and it is taken back if possible:
    // what is written next goes to the same place.
    [[nodiscard]] int write(std::string_view bytes, std::uint64_t offset);
    [[nodiscard]] int sync();
    // Gives up what was written behind the offset.
    [[nodiscard]] int cut(std::uint64_t offset);

    bool is_open_for(std::uint64_t number) const { return file_.is_open() && number_ == number; }

  private:
    OwnedFd file_;
    std::uint64_t number_ = 0;
};

}  // namespace walpack
