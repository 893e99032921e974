// The pieces of a record in fragments, put together.
//
// Grows by the bytes that have arrived, never by a length that the wire claims, and not beyond a
// bound. After a large record the memory is given back.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "decode/record_fields.h"

namespace walpack {

class FragmentBuffer {
  public:
    explicit FragmentBuffer(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    bool is_open() const { return is_open_; }

    // True when this was the last piece: record() then is whole until clear(). Reports a piece out
    // of place, or one too many bytes, through `fields`, which the fragment was read from.
    bool add(const Fragment& fragment, const FieldReader& fields);
    std::string_view record() const { return bytes_; }
    void clear();

  private:
    std::size_t bytes_max_;
    std::string bytes_;
    bool is_open_ = false;
};

}  // namespace walpack
