// Values in the binary format of a libpq parameter: what the receive function of the same type
// takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "model/relation.h"
#include "model/value.h"

namespace walpack {

// Appends the binary form of a value that is neither NULL nor unchanged TOAST to `out`; big-endian
// as on the wire of libpq. Throws Error(protocol) when the value's form does not fit the
// attribute's kind or lies outside the type's range. An array keeps the source's element type oid:
// set_array_element_oid() puts the target's there. Kind output has no binary form:
// has_binary_form() says so, and calling this for it breaks an invariant.
void append_binary(const Attribute& attribute, const Value& value, std::string& out);

bool has_binary_form(ValueKind kind);

// Overwrites the element type oid in the array's send form that is the string from `start` on.
// Throws Error(protocol) when the bytes are too short to be one.
void set_array_element_oid(std::string& array_send_form, std::uint32_t oid, std::size_t start = 0);

}  // namespace walpack
