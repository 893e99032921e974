#include "copy/key_order.h"

#include <cstddef>

#include <fmt/format.h>

#include "base/big_endian.h"
#include "base/error.h"
#include "model/byte_reader.h"
#include "model/numeric_form.h"
#include "model/value_binary.h"

namespace walpack {
namespace {

constexpr std::size_t kAnySize = 0;

// The bytes of the send form, for kinds where they are always as many.
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

// The order of the server's comparison (numeric.c, cmp_numerics): a NaN is equal to itself and
// greater than all others.
enum class NumericClass : char { negative_infinity, negative, zero, positive, infinity, nan };

void strip_zeros(NumericForm& form) {
    static constexpr std::string_view kZero{"\0\0", NumericForm::kDigitSize};
    while (form.digits.starts_with(kZero)) {
        form.digits.remove_prefix(kZero.size());
        --form.weight;
    }
    while (form.digits.ends_with(kZero)) form.digits.remove_suffix(kZero.size());
}

std::string key_of(NumericClass numeric_class) {
    return {static_cast<char>(numeric_class)};
}

// Of one that is neither NaN nor infinite: weight and digits, those of a negative one inverted. An
// end that is less than any digit puts the one with fewer of them first, or last then.
std::string key_of_number(NumericForm form) {
    static constexpr int kWeightOffset = 0x8000;  // weights are signed
    static constexpr std::uint16_t kEnd = 0;
    strip_zeros(form);
    if (form.digits.empty()) return key_of(NumericClass::zero);
    const bool is_negative = form.sign == NumericForm::kNegative;
    std::string key = key_of(is_negative ? NumericClass::negative : NumericClass::positive);
    append_big_endian(key, static_cast<std::uint16_t>(form.weight + kWeightOffset));
    for (ByteReader digits(form.digits); digits.left() > 0;)
        append_big_endian(key, static_cast<std::uint16_t>(digits.number<std::uint16_t>() + 1));
    append_big_endian(key, kEnd);
    if (!is_negative) return key;
    for (std::size_t i = 1; i < key.size(); ++i) key[i] = static_cast<char>(~key[i]);
    return key;
}

std::string key_of_numeric(std::string_view sent) {
    const NumericForm form = parse_numeric(sent);
    switch (form.sign) {
        case NumericForm::kNan:
            return key_of(NumericClass::nan);
        case NumericForm::kInfinity:
            return key_of(NumericClass::infinity);
        case NumericForm::kNegativeInfinity:
            return key_of(NumericClass::negative_infinity);
        default:
            return key_of_number(form);
    }
}

void turn_into_sort_key(ValueKind kind, std::string& sent) {
    constexpr char kSignBit = '\x80';
    if (kind == ValueKind::numeric) {
        sent = key_of_numeric(sent);
        return;
    }
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

bool has_sort_key(ValueKind kind, bool compares_bytes) {
    return has_sort_key_with_end(kind) || (kind == ValueKind::text && compares_bytes);
}

bool has_sort_key_with_end(ValueKind kind) {
    return kind == ValueKind::numeric || size_of(kind) != kAnySize;
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
