#include "model/value_form.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {
namespace {

[[noreturn]] void throw_misfit(const Attribute& attribute, const char* what) {
    throw Error(ErrorKind::protocol, fmt::format("value of column \"{}\" {} for kind {}",
                                                 attribute.name, what, to_string(attribute.kind)));
}

void require_form(const Attribute& attribute, const Value& value, Value::Form form) {
    if (value.form != form) throw_misfit(attribute, "has the wrong form");
}

template <typename Integer>
bool fits(std::int64_t number) {
    return number >= std::numeric_limits<Integer>::min() &&
           number <= std::numeric_limits<Integer>::max();
}

bool is_in_range(ValueKind kind, std::int64_t number) {
    switch (kind) {
        case ValueKind::int2:
            return fits<std::int16_t>(number);
        case ValueKind::int4:
        case ValueKind::date:
            return fits<std::int32_t>(number);
        default:
            return true;
    }
}

// 0: of any size.
std::size_t fixed_size(ValueKind kind) {
    switch (kind) {
        case ValueKind::character:
            return 1;
        case ValueKind::timetz:
            return 12;
        case ValueKind::uuid:
        case ValueKind::interval:
            return 16;
        default:
            return 0;
    }
}

}  // namespace

bool boolean_of(const Attribute& attribute, const Value& value) {
    require_form(attribute, value, Value::Form::boolean);
    return value.boolean;
}

std::int64_t integer_of(const Attribute& attribute, const Value& value) {
    require_form(attribute, value, Value::Form::integer);
    if (!is_in_range(attribute.kind, value.integer)) throw_misfit(attribute, "is out of range");
    return value.integer;
}

std::uint64_t unsigned_of(const Attribute& attribute, const Value& value) {
    if (value.form == Value::Form::unsigned_integer && attribute.kind == ValueKind::uint8)
        return value.unsigned_integer;
    require_form(attribute, value, Value::Form::integer);
    const bool is_wide = attribute.kind == ValueKind::uint8;
    if (value.integer < 0 || (!is_wide && !fits<std::uint32_t>(value.integer)))
        throw_misfit(attribute, "is out of range");
    return static_cast<std::uint64_t>(value.integer);
}

double float8_of(const Attribute& attribute, const Value& value) {
    require_form(attribute, value, Value::Form::real);
    return value.real;
}

float float4_of(const Attribute& attribute, const Value& value) {
    require_form(attribute, value, Value::Form::real);
    const bool is_wide = std::isfinite(value.real) &&
                         std::fabs(value.real) > double{std::numeric_limits<float>::max()};
    const float narrow = is_wide ? 0 : static_cast<float>(value.real);
    if (!std::isnan(value.real) && double{narrow} != value.real)
        throw_misfit(attribute, "has too many digits");
    return narrow;
}

std::string_view bytes_of(const Attribute& attribute, const Value& value) {
    require_form(attribute, value, Value::Form::bytes);
    const std::size_t size = fixed_size(attribute.kind);
    if (size != 0 && value.bytes.size() != size) throw_misfit(attribute, "has the wrong size");
    return value.bytes;
}

}  // namespace walpack
