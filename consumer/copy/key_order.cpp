#include "copy/key_order.h"

#include <cstddef>

#include <fmt/format.h>

#include "base/error.h"
#include "model/value_binary.h"

namespace walpack {
namespace {

constexpr std::size_t kAnySize = 0;

// The bytes of the send form, for kinds with byte order.
std::size_t size_of(ValueKind kind) {
    switch (kind) {
        case ValueKind::int2:
            return 2;
        case ValueKind::int4:
        case ValueKind::date:
        case ValueKind::oid:
            return 4;
        case ValueKind::int8:
        case ValueKind::timestamp:
        case ValueKind::timestamptz:
            return 8;
        case ValueKind::uuid:
            return 16;
        default:
            return kAnySize;
    }
}

// Infinite dates and timestamps are the type's least and greatest number, so they need no care.
bool is_signed(ValueKind kind) {
    switch (kind) {
        case ValueKind::int2:
        case ValueKind::int4:
        case ValueKind::int8:
        case ValueKind::date:
        case ValueKind::timestamp:
        case ValueKind::timestamptz:
            return true;
        default:
            return false;
    }
}

void turn_into_sort_key(ValueKind kind, std::string& sent) {
    constexpr char kSignBit = '\x80';
    const std::size_t size = size_of(kind);
    const bool is_of_size = size == kAnySize ? kind == ValueKind::text : sent.size() == size;
    if (!is_of_size) {
        throw Error(ErrorKind::protocol,
                    fmt::format("value of kind {} has {} bytes, which cannot be put in order",
                                to_string(kind), sent.size()));
    }
    if (is_signed(kind)) sent.front() = static_cast<char>(sent.front() ^ kSignBit);
}

}  // namespace

bool has_byte_order(ValueKind kind, bool compares_bytes) {
    return has_fixed_size(kind) || (kind == ValueKind::text && compares_bytes);
}

bool has_fixed_size(ValueKind kind) {
    return size_of(kind) != kAnySize;
}

std::string sort_key_of(const Attribute& attribute, const Value& value) {
    std::string key;
    append_binary(attribute, value, key);
    turn_into_sort_key(attribute.kind, key);
    return key;
}

std::string sort_key_of_sent(ValueKind kind, std::string_view sent) {
    std::string key(sent);
    turn_into_sort_key(kind, key);
    return key;
}

}  // namespace walpack
