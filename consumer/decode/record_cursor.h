// Where decoding stands, for errors that say at which byte.
//
// The byte is found only when an error is thrown, by walking over the record once more: while
// decoding goes well nothing but a count of values is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace walpack {

class RecordCursor {
  public:
    // `bytes` start at the record's first byte and may go on behind it; they must outlive the
    // reading of the record. `offset` is that byte's place in the message, or in the record made of
    // fragments when `is_reassembled`.
    void open(std::string_view bytes, std::size_t offset, bool is_reassembled);

    // A value, an array or a map was met: now it is the current one.
    void advance() { ++values_; }

    std::size_t bytes_left() const { return bytes_.size(); }
    std::size_t offset() const { return offset_; }
    bool is_reassembled() const { return is_reassembled_; }

    // Throws Error(protocol) at the current value.
    [[noreturn]] void fail(const std::string& what) const;
    // At a value of the record by its number; the record's own array is number 0.
    [[noreturn]] void fail_at_value(const std::string& what, std::uint64_t number) const;
    // At a byte of the record.
    [[noreturn]] void fail_at_byte(const std::string& what, std::size_t byte) const;

  private:
    std::string_view bytes_;
    std::size_t offset_ = 0;
    std::uint64_t values_ = 0;
    bool is_reassembled_ = false;
};

}  // namespace walpack
