#include "cli/value_json.h"

#include <cmath>
#include <string>

#include "model/value_form.h"
#include "model/value_text.h"

namespace walpack {
namespace {

void write_text(JsonWriter& json, const Attribute& attribute, const Value& value) {
    const auto text = to_text(attribute, value);
    if (text)
        json.text(*text);
    else
        json.hex(value.bytes);
}

void write_uint8(JsonWriter& json, const Attribute& attribute, const Value& value) {
    const auto text = to_text(attribute, value);
    const bool is_lsn = text && text->find('/') != std::string::npos;
    if (is_lsn)
        json.text(*text);
    else
        json.unsigned_integer(unsigned_of(attribute, value));
}

}  // namespace

void write_value(JsonWriter& json, const Attribute& attribute, const Value& value) {
    if (value.is_null()) return json.null();
    switch (attribute.kind) {
        case ValueKind::boolean:
            return json.boolean(boolean_of(attribute, value));
        case ValueKind::int2:
        case ValueKind::int4:
        case ValueKind::int8:
        case ValueKind::money:
            return json.integer(integer_of(attribute, value));
        case ValueKind::oid:
            return json.unsigned_integer(unsigned_of(attribute, value));
        case ValueKind::uint8:
            return write_uint8(json, attribute, value);
        case ValueKind::float4:
        case ValueKind::float8:
            if (!std::isfinite(float8_of(attribute, value)))
                return write_text(json, attribute, value);
            return json.number(*to_text(attribute, value));
        default:
            write_text(json, attribute, value);
    }
}

}  // namespace walpack
