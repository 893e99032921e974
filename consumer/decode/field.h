// One MessagePack value of a record, as the wire has it. A view: bytes point into the message.
#pragma once

#include <cstdint>
#include <string_view>

namespace walpack {

enum class WireType : std::uint8_t {
    nil,
    boolean,
    integer,           // fits int64
    unsigned_integer,  // above int64's maximum
    float32,
    float64,
    str,
    bin,
    ext,
    array,
    map,
};

// With article, such as "an array": for messages.
std::string_view name_of(WireType type);

struct Field {
    WireType type = WireType::nil;
    union {
        bool boolean;
        std::int64_t integer = 0;
        std::uint64_t unsigned_integer;
        double real;
        std::uint64_t count;  // elements of an array, pairs of a map
    };
    std::string_view bytes;  // of an ext: its type's byte, then its data
};

}  // namespace walpack
