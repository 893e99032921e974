#include "model/value_text.h"

#include <bit>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "model/byte_reader.h"
#include "model/container_text.h"
#include "model/lsn.h"
#include "model/number_text.h"
#include "model/time_text.h"
#include "model/value_form.h"

namespace walpack {
namespace {

constexpr std::uint8_t kJsonbVersion = 1;

bool is_pg_catalog(const TypeName& type, std::string_view name) {
    return type.schema == "pg_catalog" && type.name == name;
}

std::string boolean_text(bool value) {
    return value ? "t" : "f";
}

// As servers of version 16 and later write "char": other bytes than ASCII in octal.
std::string character_text(char value) {
    const auto byte = static_cast<unsigned char>(value);
    if (byte == 0) return "";
    return byte < 0x80 ? std::string(1, value) : fmt::format("\\{:03o}", byte);
}

std::string uuid_text(std::string_view bytes) {
    std::string text = to_hex(bytes);
    for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
    return text;
}

std::string bytea_text(std::string_view bytes) {
    return "\\x" + to_hex(bytes);
}

// The server cannot hold a zero byte in text, and as a text parameter the value would end there.
std::string checked_text(std::string_view bytes) {
    if (bytes.find('\0') != std::string_view::npos)
        throw Error(ErrorKind::protocol, "text holds a zero byte");
    return std::string(bytes);
}

template <typename Number>
Number number_of(std::string_view send_form) {
    ByteReader reader(send_form);
    const auto number = reader.number<Number>();
    reader.expect_end();
    return number;
}

std::string_view of_size(std::string_view bytes, std::size_t size) {
    if (bytes.size() != size)
        throw Error(ErrorKind::protocol, "send form of a value has the wrong size");
    return bytes;
}

std::string jsonb_text(std::string_view send_form) {
    ByteReader reader(send_form);
    if (reader.number<std::uint8_t>() != kJsonbVersion)
        throw Error(ErrorKind::protocol, "send form of a jsonb has an unknown version");
    return checked_text(reader.take(reader.left()));
}

std::string integer_text(ValueKind kind, std::int64_t number) {
    switch (kind) {
        case ValueKind::date:
            return date_text(number);
        case ValueKind::time:
            return time_text(number);
        case ValueKind::timestamp:
            return timestamp_text(number);
        case ValueKind::timestamptz:
            return timestamptz_text(number);
        default:
            return std::to_string(number);
    }
}

// Two types of kind uint8 look different as text, so the type has to be known.
std::optional<std::string> uint8_text(const TypeName& type, std::uint64_t number) {
    if (is_pg_catalog(type, "pg_lsn")) return Lsn{number}.to_string();
    if (is_pg_catalog(type, "xid8")) return std::to_string(number);
    return std::nullopt;
}

// The kind of a built-in range's bounds, for ranges inside of arrays: there the relation gives the
// element's kind only.
std::optional<ValueKind> bound_kind_of_built_in(const TypeName& range) {
    if (is_pg_catalog(range, "int4range") || is_pg_catalog(range, "int4multirange"))
        return ValueKind::int4;
    if (is_pg_catalog(range, "int8range") || is_pg_catalog(range, "int8multirange"))
        return ValueKind::int8;
    if (is_pg_catalog(range, "numrange") || is_pg_catalog(range, "nummultirange"))
        return ValueKind::numeric;
    if (is_pg_catalog(range, "daterange") || is_pg_catalog(range, "datemultirange"))
        return ValueKind::date;
    if (is_pg_catalog(range, "tsrange") || is_pg_catalog(range, "tsmultirange"))
        return ValueKind::timestamp;
    if (is_pg_catalog(range, "tstzrange") || is_pg_catalog(range, "tstzmultirange"))
        return ValueKind::timestamptz;
    return std::nullopt;
}

// The send form of a value of kind range or multirange.
std::optional<std::string> range_like_text(ValueKind kind, ValueKind bound_kind,
                                           std::string_view bytes) {
    const ElementText bound_text = [bound_kind](std::string_view bound) {
        return send_form_to_text(bound_kind, bound);
    };
    return kind == ValueKind::range ? range_text(bytes, bound_text)
                                    : multirange_text(bytes, bound_text);
}

std::optional<std::string> element_to_text(const Attribute& array, std::string_view bytes) {
    const TypeName& type = *array.element;
    switch (*array.element_kind) {
        case ValueKind::uint8:
            return uint8_text(type, number_of<std::uint64_t>(bytes));
        case ValueKind::range:
        case ValueKind::multirange: {
            const auto bound_kind = bound_kind_of_built_in(type);
            if (!bound_kind) return std::nullopt;
            return range_like_text(*array.element_kind, *bound_kind, bytes);
        }
        default:
            return send_form_to_text(*array.element_kind, bytes);
    }
}

std::optional<std::string> container_to_text(const Attribute& attribute, std::string_view bytes) {
    if (!attribute.element || !attribute.element_kind) return std::nullopt;
    if (attribute.kind != ValueKind::array)
        return range_like_text(attribute.kind, *attribute.element_kind, bytes);
    return array_text(bytes, [&attribute](std::string_view element) {
        return element_to_text(attribute, element);
    });
}

std::optional<std::string> bytes_to_text(const Attribute& attribute, std::string_view bytes) {
    switch (attribute.kind) {
        case ValueKind::text:
        case ValueKind::jsonb:
        case ValueKind::enumeration:
        case ValueKind::output:
            return checked_text(bytes);
        case ValueKind::array:
        case ValueKind::range:
        case ValueKind::multirange:
            return container_to_text(attribute, bytes);
        default:
            return send_form_to_text(attribute.kind, bytes);
    }
}

}  // namespace

std::optional<std::string> to_text(const Attribute& attribute, const Value& value) {
    WALPACK_CHECK(!value.is_null() && !value.is_unchanged_toast());
    switch (attribute.kind) {
        case ValueKind::boolean:
            return boolean_text(boolean_of(attribute, value));
        case ValueKind::int2:
        case ValueKind::int4:
        case ValueKind::int8:
        case ValueKind::date:
        case ValueKind::time:
        case ValueKind::timestamp:
        case ValueKind::timestamptz:
        case ValueKind::money:
            return integer_text(attribute.kind, integer_of(attribute, value));
        case ValueKind::oid:
            return std::to_string(unsigned_of(attribute, value));
        case ValueKind::uint8:
            return uint8_text(attribute.value_type(), unsigned_of(attribute, value));
        case ValueKind::float4:
            return float4_text(float4_of(attribute, value));
        case ValueKind::float8:
            return float8_text(float8_of(attribute, value));
        default:
            return bytes_to_text(attribute, bytes_of(attribute, value));
    }
}

std::optional<std::string> send_form_to_text(ValueKind kind, std::string_view bytes) {
    switch (kind) {
        case ValueKind::boolean:
            return boolean_text(number_of<std::uint8_t>(bytes) != 0);
        case ValueKind::int2:
            return std::to_string(number_of<std::int16_t>(bytes));
        case ValueKind::int4:
        case ValueKind::date:
            return integer_text(kind, number_of<std::int32_t>(bytes));
        case ValueKind::int8:
        case ValueKind::time:
        case ValueKind::timestamp:
        case ValueKind::timestamptz:
        case ValueKind::money:
            return integer_text(kind, number_of<std::int64_t>(bytes));
        case ValueKind::oid:
            return std::to_string(number_of<std::uint32_t>(bytes));
        case ValueKind::float4:
            return float4_text(std::bit_cast<float>(number_of<std::uint32_t>(bytes)));
        case ValueKind::float8:
            return float8_text(std::bit_cast<double>(number_of<std::uint64_t>(bytes)));
        case ValueKind::character:
            return character_text(of_size(bytes, 1).front());
        case ValueKind::text:
        case ValueKind::enumeration:
            return checked_text(bytes);
        case ValueKind::bytea:
            return bytea_text(bytes);
        case ValueKind::uuid:
            return uuid_text(of_size(bytes, 16));
        case ValueKind::timetz:
            return timetz_text(bytes);
        case ValueKind::interval:
            return interval_text(bytes);
        case ValueKind::numeric:
            return numeric_text(bytes);
        case ValueKind::jsonb:
            return jsonb_text(bytes);
        default:
            return std::nullopt;
    }
}

}  // namespace walpack
