// One value of a row as JSON.
#pragma once

#include "cli/json_writer.h"
#include "model/relation.h"
#include "model/value.h"

namespace walpack {

// Numbers and booleans as such, everything else as its text form, in hex where it has none. Not for
// unchanged TOAST. Throws Error(protocol) when the value does not fit the attribute's kind.
void write_value(JsonWriter& json, const Attribute& attribute, const Value& value);

}  // namespace walpack
