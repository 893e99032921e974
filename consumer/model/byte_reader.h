// Reads a send form from front to back: big-endian numbers and counted pieces.
//
// What a send form holds came over the wire, so every step is checked against the bytes that are
// there; a form that ends too early throws Error(protocol). Nothing is copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace walpack {

class ByteReader {
  public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    std::size_t left() const { return rest_.size(); }

    std::string_view take(std::size_t count) {
        if (count > rest_.size()) throw Error(ErrorKind::protocol, "send form of a value is cut");
        const std::string_view piece = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return piece;
    }

    template <typename Number>
    Number number() {
        using Bits = std::make_unsigned_t<Number>;
        Bits bits = 0;
        for (const char byte : take(sizeof(Number)))
            bits = static_cast<Bits>((bits << 8) | static_cast<unsigned char>(byte));
        return static_cast<Number>(bits);
    }

    void expect_end() const {
        if (rest_.empty()) return;
        throw Error(ErrorKind::protocol, "send form of a value has bytes behind its end");
    }

  private:
    std::string_view rest_;
};

}  // namespace walpack
