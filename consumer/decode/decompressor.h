// A message as it arrived -> the message itself: undoes Compressed records.
//
// Stands before the Decoder. Trusts nothing: the size that the record claims is held against a
// bound, against what the method could make of the bytes that are there, and against what it then
// makes of them. Memory is taken only when the first two allow it, and kept for the next message
// unless it was unusually large.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace walpack {

class Decompressor {
  public:
    // Messages have at most about twice the plugin's frame_bytes, whose maximum is 16 MiB.
    explicit Decompressor(std::size_t message_bytes_max = std::size_t{64} << 20);
    ~Decompressor();
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;

    // The message that is inside, or `message` when it is not compressed. Valid as long as
    // `message`, and until the next call. Throws Error(protocol).
    std::string_view open(std::string_view message);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace walpack
