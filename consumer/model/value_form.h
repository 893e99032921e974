// Takes the content out of a Value, checked against the kind of its attribute.
//
// Each throws Error(protocol) naming the attribute when the value has another form, or lies outside
// the range given. The value itself never enters the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/relation.h"
#include "model/value.h"

namespace walpack {

bool boolean_of(const Attribute& attribute, const Value& value);
// Of a kind that is a signed integer: within the range of int2, int4, int8, date, time, ...
std::int64_t integer_of(const Attribute& attribute, const Value& value);
// Of a kind oid or uint8.
std::uint64_t unsigned_of(const Attribute& attribute, const Value& value);
double float8_of(const Attribute& attribute, const Value& value);
float float4_of(const Attribute& attribute, const Value& value);
// For kinds of a fixed size also of that size.
std::string_view bytes_of(const Attribute& attribute, const Value& value);

}  // namespace walpack
