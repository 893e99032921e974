/*
 * Steps over MessagePack values and varints, as far as column_order.h needs them.
 *
 * Nothing is allocated, nothing thrown; every step is checked against the bytes that are there.
 */
#ifndef WALPACK_PROTOCOL_BYTE_WALK_H
#define WALPACK_PROTOCOL_BYTE_WALK_H

#include <cstddef>
#include <cstdint>

namespace walpack::column_order {

inline constexpr int kIsLong = -1;
inline constexpr int kIsNoValue = -2;

/*
 * Bytes behind the first one of a value that the first one fixes (numbers, nil, bool, the marker of
 * unchanged TOAST), kIsLong for str and bin, kIsNoValue for what no row holds.
 */
inline int short_rest(uint8_t first) {
    if (first < 0x80 || first >= 0xe0) return 0;
    if (first < 0xa0) return kIsNoValue;
    if (first < 0xc0) return kIsLong;
    switch (first) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
            return 0;
        case 0xcc:
        case 0xd0:
            return 1;
        case 0xcd:
        case 0xd1:
        case 0xd4:
            return 2;
        case 0xca:
        case 0xce:
        case 0xd2:
            return 4;
        case 0xcb:
        case 0xcf:
        case 0xd3:
            return 8;
        case 0xc4:
        case 0xc5:
        case 0xc6:
        case 0xd9:
        case 0xda:
        case 0xdb:
            return kIsLong;
        default:
            return kIsNoValue;
    }
}

/* Bytes of the length that follows the first byte of a str or bin. */
inline size_t length_bytes(uint8_t first) {
    if (first < 0xc0) return 0;
    const int step = first >= 0xd9 ? first - 0xd9 : first - 0xc4;
    return static_cast<size_t>(1) << step;
}

inline uint64_t load_number(const uint8_t* at, size_t count) {
    uint64_t number = 0;
    for (size_t index = 0; index < count; ++index) number = (number << 8) | at[index];
    return number;
}

/* Bytes behind the first one of a str or bin, its length included; false when `room` is too small.
 */
inline bool long_rest(uint8_t first, const uint8_t* rest, size_t room, size_t* count) {
    const size_t head = length_bytes(first);
    if (head > room) return false;
    const uint64_t length = head == 0 ? first & 0x1F : load_number(rest, head);
    if (length > room - head) return false;
    *count = head + static_cast<size_t>(length);
    return true;
}

struct Span {
    const uint8_t* at;
    size_t left;

    const uint8_t* take(uint64_t count) {
        if (count > left) return nullptr;
        const uint8_t* taken = at;
        at += count;
        left -= static_cast<size_t>(count);
        return taken;
    }
};

inline bool take_array_head(Span& from, uint64_t* elements) {
    const uint8_t* first = from.take(1);
    if (first == nullptr) return false;
    if ((*first & 0xf0) == 0x90) {
        *elements = *first & 0x0f;
        return true;
    }
    if (*first != 0xdc && *first != 0xdd) return false;
    const size_t width = *first == 0xdc ? 2 : 4;
    const uint8_t* number = from.take(width);
    if (number == nullptr) return false;
    *elements = load_number(number, width);
    return true;
}

/* Walks over `values` whole values. */
inline bool skip_values(Span& from, uint64_t values) {
    while (values > 0) {
        --values;
        const uint8_t* first = from.take(1);
        if (first == nullptr) return false;
        size_t rest = 0;
        const int fixed = short_rest(*first);
        if (fixed >= 0) {
            rest = static_cast<size_t>(fixed);
        } else if (fixed == kIsLong) {
            if (!long_rest(*first, from.at, from.left, &rest)) return false;
        } else if ((*first & 0xe0) == 0x80) {
            /* An array, or a map of twice as many values. */
            const uint64_t count = *first & 0x0f;
            values += *first < 0x90 ? 2 * count : count;
        } else if (*first >= 0xdc && *first <= 0xdf) {
            const size_t width = (*first & 1) == 0 ? 2 : 4;
            const uint8_t* number = from.take(width);
            if (number == nullptr) return false;
            const uint64_t count = load_number(number, width);
            values += *first >= 0xde ? 2 * count : count;
        } else {
            return false;
        }
        if (from.take(rest) == nullptr) return false;
    }
    return true;
}

inline uint8_t* store_varint(uint8_t* at, uint64_t number) {
    while (number >= 0x80) {
        *at++ = static_cast<uint8_t>(number | 0x80);
        number >>= 7;
    }
    *at++ = static_cast<uint8_t>(number);
    return at;
}

inline bool take_varint(Span& from, uint64_t* number) {
    *number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t* byte = from.take(1);
        if (byte == nullptr) return false;
        *number |= static_cast<uint64_t>(*byte & 0x7F) << shift;
        if (*byte < 0x80) return true;
    }
    return false;
}

}  // namespace walpack::column_order

#endif  // WALPACK_PROTOCOL_BYTE_WALK_H
