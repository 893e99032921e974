#include "model/value_binary.h"

#include <bit>
#include <cstddef>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/error.h"
#include "model/time_text.h"
#include "model/value_form.h"

namespace walpack {
namespace {

constexpr char kJsonbVersion = 1;
// Behind the dimensions and the flags of an array's send form.
constexpr std::size_t kElementOidOffset = 8;

// So that text and binary refuse the same values; the target would refuse these as well.
void check_range(ValueKind kind, std::int64_t number) {
    if (kind == ValueKind::date) check_date(number);
    if (kind == ValueKind::time) check_time(number);
    if (kind == ValueKind::timestamp || kind == ValueKind::timestamptz) check_timestamp(number);
}

void append_integer(ValueKind kind, std::int64_t number, std::string& out) {
    check_range(kind, number);
    if (kind == ValueKind::int2) return append_big_endian(out, static_cast<std::int16_t>(number));
    if (kind == ValueKind::int4 || kind == ValueKind::date)
        return append_big_endian(out, static_cast<std::int32_t>(number));
    append_big_endian(out, number);
}

}  // namespace

void append_binary(const Attribute& attribute, const Value& value, std::string& out) {
    WALPACK_CHECK(!value.is_null() && !value.is_unchanged_toast());
    WALPACK_CHECK(has_binary_form(attribute.kind));
    switch (attribute.kind) {
        case ValueKind::boolean:
            return out.push_back(boolean_of(attribute, value) ? 1 : 0);
        case ValueKind::int2:
        case ValueKind::int4:
        case ValueKind::int8:
        case ValueKind::date:
        case ValueKind::time:
        case ValueKind::timestamp:
        case ValueKind::timestamptz:
        case ValueKind::money:
            return append_integer(attribute.kind, integer_of(attribute, value), out);
        case ValueKind::oid:
            return append_big_endian(out,
                                     static_cast<std::uint32_t>(unsigned_of(attribute, value)));
        case ValueKind::uint8:
            return append_big_endian(out, unsigned_of(attribute, value));
        case ValueKind::float4:
            return append_big_endian(out,
                                     std::bit_cast<std::uint32_t>(float4_of(attribute, value)));
        case ValueKind::float8:
            return append_big_endian(out,
                                     std::bit_cast<std::uint64_t>(float8_of(attribute, value)));
        case ValueKind::jsonb:
            out.push_back(kJsonbVersion);
            [[fallthrough]];
        default:
            out += bytes_of(attribute, value);
    }
}

bool has_binary_form(ValueKind kind) {
    return kind != ValueKind::output;
}

void set_array_element_oid(std::string& array_send_form, std::uint32_t oid, std::size_t start) {
    if (array_send_form.size() - start < kElementOidOffset + sizeof oid)
        throw Error(ErrorKind::protocol, "array is cut");
    store_big_endian(array_send_form.data() + start + kElementOidOffset, oid);
}

}  // namespace walpack
