// The head of one MessagePack value: how many bytes it takes, and what follows it.
//
// Enough to walk over values without looking at their content: to find where a record ends before
// all of it has arrived, and where the n-th value of a record stands for an error's offset.
// Decoding itself is msgpack's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace walpack {

struct ValueHead {
    std::size_t head_bytes = 0;       // the first byte and a length, if any
    std::uint64_t payload_bytes = 0;  // behind the head
    std::uint64_t children = 0;       // values behind the head: elements, or keys and values
};

// Length of a head by its first byte; 0 for the one byte that starts no value.
std::size_t head_bytes_of(char first);

// `bytes` must hold the whole head and start with a byte that starts a value.
ValueHead read_head(std::string_view bytes);

bool is_array_head(char first);

// Offset of the value that is number `index` (the first is 0, an array comes before its elements)
// in the values that start at the front of `bytes`; at most the length of `bytes`.
std::size_t offset_of_value(std::string_view bytes, std::uint64_t index);

}  // namespace walpack
