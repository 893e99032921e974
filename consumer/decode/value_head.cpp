#include "decode/value_head.h"

#include <algorithm>

#include "base/check.h"

namespace walpack {
namespace {

// First bytes of the MessagePack specification.
constexpr unsigned kFixMap = 0x80;
constexpr unsigned kFixArray = 0x90;
constexpr unsigned kFixStr = 0xa0;
constexpr unsigned kNil = 0xc0;
constexpr unsigned kUnused = 0xc1;
constexpr unsigned kNegativeFixInt = 0xe0;
constexpr unsigned kArray16 = 0xdc;
constexpr unsigned kArray32 = 0xdd;

// Of 0xc0 to 0xdf: bytes of the length, bytes behind the head without one (a type is one of them),
// values behind the head per unit of the length.
struct Shape {
    std::uint8_t length_bytes;
    std::uint8_t payload_bytes;
    std::uint8_t children;
};

constexpr Shape kShapes[] = {
    {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0},              // nil, unused, false, true
    {1, 0, 0}, {2, 0, 0}, {4, 0, 0},                         // bin 8, 16, 32
    {1, 1, 0}, {2, 1, 0}, {4, 1, 0},                         // ext 8, 16, 32
    {0, 4, 0}, {0, 8, 0},                                    // float 32, 64
    {0, 1, 0}, {0, 2, 0}, {0, 4, 0}, {0, 8, 0},              // uint 8 to 64
    {0, 1, 0}, {0, 2, 0}, {0, 4, 0}, {0, 8, 0},              // int 8 to 64
    {0, 2, 0}, {0, 3, 0}, {0, 5, 0}, {0, 9, 0}, {0, 17, 0},  // fixext 1 to 16
    {1, 0, 0}, {2, 0, 0}, {4, 0, 0},                         // str 8, 16, 32
    {2, 0, 1}, {4, 0, 1},                                    // array 16, 32
    {2, 0, 2}, {4, 0, 2},                                    // map 16, 32
};
static_assert(sizeof kShapes / sizeof *kShapes == kNegativeFixInt - kNil);

unsigned byte_of(char c) {
    return static_cast<unsigned char>(c);
}

bool has_shape(unsigned first) {
    return first >= kNil && first < kNegativeFixInt;
}

ValueHead read_short_head(unsigned first) {
    if (first < kFixMap || first >= kNegativeFixInt) return {1, 0, 0};
    if (first < kFixArray) return {1, 0, 2 * (first - kFixMap)};
    if (first < kFixStr) return {1, 0, first - kFixArray};
    return {1, first - kFixStr, 0};
}

}  // namespace

std::size_t head_bytes_of(char first) {
    const unsigned byte = byte_of(first);
    if (byte == kUnused) return 0;
    return has_shape(byte) ? std::size_t{1} + kShapes[byte - kNil].length_bytes : 1;
}

ValueHead read_head(std::string_view bytes) {
    const unsigned first = byte_of(bytes.front());
    WALPACK_CHECK(first != kUnused);
    if (!has_shape(first)) return read_short_head(first);

    const Shape& shape = kShapes[first - kNil];
    const std::size_t head_bytes = std::size_t{1} + shape.length_bytes;
    WALPACK_CHECK(bytes.size() >= head_bytes);
    std::uint64_t length = 0;
    for (const char byte : bytes.substr(1, shape.length_bytes))
        length = length << 8 | byte_of(byte);
    if (shape.children > 0) return {head_bytes, 0, length * shape.children};
    return {head_bytes, length + shape.payload_bytes, 0};
}

bool is_array_head(char first) {
    const unsigned byte = byte_of(first);
    return (byte >= kFixArray && byte < kFixStr) || byte == kArray16 || byte == kArray32;
}

std::size_t offset_of_value(std::string_view bytes, std::uint64_t index) {
    std::size_t at = 0;
    for (; index > 0 && at < bytes.size(); --index) {
        const std::size_t head_bytes = head_bytes_of(bytes[at]);
        if (head_bytes == 0 || head_bytes > bytes.size() - at) break;
        const ValueHead head = read_head(bytes.substr(at));
        at += head.head_bytes;
        at += static_cast<std::size_t>(
            std::min<std::uint64_t>(head.payload_bytes, bytes.size() - at));
    }
    return at;
}

}  // namespace walpack
