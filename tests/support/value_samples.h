// Values and attributes for tests of their text and binary form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/relation.h"
#include "model/value.h"

namespace walpack {

inline Value integer_value(std::int64_t integer) {
    Value value;
    value.form = Value::Form::integer;
    value.integer = integer;
    return value;
}

inline Value unsigned_value(std::uint64_t integer) {
    Value value;
    value.form = Value::Form::unsigned_integer;
    value.unsigned_integer = integer;
    return value;
}

inline Value boolean_value(bool boolean) {
    Value value;
    value.form = Value::Form::boolean;
    value.boolean = boolean;
    return value;
}

inline Value real_value(double real) {
    Value value;
    value.form = Value::Form::real;
    value.real = real;
    return value;
}

// The bytes must outlive the value.
inline Value bytes_value(std::string_view bytes) {
    Value value;
    value.form = Value::Form::bytes;
    value.bytes = bytes;
    return value;
}

inline Attribute attribute_of(ValueKind kind, const std::string& type_name = "some_type") {
    Attribute attribute;
    attribute.name = "a";
    attribute.kind = kind;
    attribute.type = {.oid = 1, .schema = "pg_catalog", .name = type_name};
    return attribute;
}

// An array, range or multirange.
inline Attribute container_of(ValueKind kind, ValueKind element_kind,
                              const std::string& element_name = "some_type") {
    Attribute attribute = attribute_of(kind);
    attribute.element_kind = element_kind;
    attribute.element = TypeName{.oid = 2, .schema = "pg_catalog", .name = element_name};
    return attribute;
}

// "00ff" -> two bytes.
inline std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    return bytes;
}

}  // namespace walpack
