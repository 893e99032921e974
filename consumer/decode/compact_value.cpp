#include "decode/compact_value.h"

#include <cstdint>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/error.h"
#include "protocol/format.h"

namespace walpack {
namespace {

constexpr unsigned kDimensionsMax = 6;
constexpr std::int32_t kNullElement = -1;

[[noreturn]] void fail(const char* what) {
    throw Error(ErrorKind::protocol, what);
}

class CompactReader {
  public:
    explicit CompactReader(std::string_view bytes) : rest_(bytes) {}

    std::size_t left() const { return rest_.size(); }

    std::string_view take(std::size_t count) {
        if (count > rest_.size()) fail("compact form of a value is cut");
        const std::string_view piece = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return piece;
    }

    std::uint8_t byte() { return static_cast<std::uint8_t>(take(1).front()); }

    std::uint64_t varint() {
        std::uint64_t number = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint64_t bits = byte();
            number |= (bits & 0x7F) << shift;
            if (bits < 0x80) return number;
        }
        fail("compact form of a value has too long an integer");
    }

    std::int64_t zigzag() {
        const std::uint64_t number = varint();
        return static_cast<std::int64_t>((number >> 1) ^ (~(number & 1) + 1));
    }

    // A zigzag that fits the type.
    template <typename Number>
    Number number() {
        const std::int64_t wide = zigzag();
        if (static_cast<Number>(wide) != wide) fail("compact form has an integer out of range");
        return static_cast<Number>(wide);
    }

  private:
    std::string_view rest_;
};

// A number behind its length, as elements stand in a send form.
template <typename Number>
void append_element(std::string& out, Number number) {
    append_big_endian(out, static_cast<std::int32_t>(sizeof(Number)));
    append_big_endian(out, number);
}

// What the server's numeric_send writes as sign and display scale of what is no number.
void append_special(std::string& out, std::uint8_t sign) {
    static constexpr std::uint16_t kSigns[] = {0, 0, 0xC000, 0xD000, 0xF000};
    append_big_endian<std::uint16_t>(out, 0);
    append_big_endian<std::uint16_t>(out, 0);
    append_big_endian<std::uint16_t>(out, kSigns[sign]);
    append_big_endian<std::uint16_t>(out, sign == WALPACK_NUMERIC_NAN ? 0 : 0x20);
}

void expand_numeric(CompactReader& reader, std::string& out) {
    const std::uint8_t sign = reader.byte();
    if (sign > WALPACK_NUMERIC_NEGATIVE_INFINITY) fail("numeric has an unknown sign");
    if (sign >= WALPACK_NUMERIC_NAN) {
        append_special(out, sign);
    } else {
        const auto weight = reader.number<std::int16_t>();
        const std::uint64_t scale = reader.varint();
        if (scale > 0x3FFF) fail("numeric has a display scale out of range");
        const std::size_t digits = reader.left() / 2;
        if (digits > 0x7FFF) fail("numeric has too many digits");
        append_big_endian(out, static_cast<std::uint16_t>(digits));
        append_big_endian(out, weight);
        append_big_endian<std::uint16_t>(out, sign == WALPACK_NUMERIC_NEGATIVE ? 0x4000 : 0);
        append_big_endian(out, static_cast<std::uint16_t>(scale));
        out += reader.take(2 * digits);
    }
}

struct ArrayHead {
    std::uint64_t elements = 0;
    bool has_null = false;
};

ArrayHead expand_array_head(CompactReader& reader, std::uint32_t element_oid, std::string& out) {
    const std::uint8_t flags = reader.byte();
    const unsigned dimensions = flags & WALPACK_ARRAY_DIMENSIONS;
    const unsigned known =
        WALPACK_ARRAY_DIMENSIONS | WALPACK_ARRAY_HAS_NULL | WALPACK_ARRAY_HAS_BOUNDS;
    if ((flags & ~known) != 0 || dimensions > kDimensionsMax) fail("array has an unknown head");

    ArrayHead head{dimensions == 0 ? 0U : 1U, (flags & WALPACK_ARRAY_HAS_NULL) != 0};
    append_big_endian(out, static_cast<std::int32_t>(dimensions));
    append_big_endian<std::int32_t>(out, head.has_null ? 1 : 0);
    append_big_endian(out, element_oid);
    for (unsigned dimension = 0; dimension < dimensions; ++dimension) {
        const std::uint64_t length = reader.varint();
        const bool has_bounds = (flags & WALPACK_ARRAY_HAS_BOUNDS) != 0;
        const std::int32_t bound = has_bounds ? reader.number<std::int32_t>() : 1;
        // Every element takes at least a byte, so this also keeps the product small.
        if (length > reader.left()) fail("array is cut");
        head.elements *= length;
        if (head.elements > reader.left()) fail("array is cut");
        append_big_endian(out, static_cast<std::int32_t>(length));
        append_big_endian(out, bound);
    }
    return head;
}

void expand_element(CompactReader& reader, ValueKind kind, std::string& out) {
    switch (kind) {
        case ValueKind::boolean:
            return append_element(out, reader.byte());
        case ValueKind::int2:
            return append_element(out, reader.number<std::int16_t>());
        case ValueKind::int4:
        case ValueKind::date:
            return append_element(out, reader.number<std::int32_t>());
        case ValueKind::int8:
        case ValueKind::time:
        case ValueKind::timestamp:
        case ValueKind::timestamptz:
        case ValueKind::money:
            return append_element(out, reader.zigzag());
        default: {
            const std::uint64_t length = reader.varint();
            const std::string_view bytes = reader.take(length);
            append_big_endian(out, static_cast<std::int32_t>(length));
            out += bytes;
        }
    }
}

void expand_array(CompactReader& reader, const Attribute& attribute, std::string& out) {
    if (!attribute.element || !attribute.element_kind) fail("array has no element type");
    const ArrayHead head = expand_array_head(reader, attribute.element->oid, out);
    for (std::uint64_t element = 0; element < head.elements; ++element) {
        if (head.has_null && reader.byte() == 0)
            append_big_endian(out, kNullElement);
        else
            expand_element(reader, *attribute.element_kind, out);
    }
}

// The server writes a blank behind each comma and colon outside of strings.
void expand_jsonb(std::string_view text, std::string& out) {
    out.resize(2 * text.size());
    char* end = out.data();
    bool is_in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        *end++ = c;
        if (c == '\\' && at + 1 < text.size()) *end++ = text[++at];
        if (c == '"') is_in_string = !is_in_string;
        if (!is_in_string && (c == ',' || c == ':')) *end++ = ' ';
    }
    out.resize(static_cast<std::size_t>(end - out.data()));
}

}  // namespace

void expand_compact(const Attribute& attribute, std::string_view bytes, std::string& out) {
    out.clear();
    if (attribute.kind == ValueKind::jsonb) return expand_jsonb(bytes, out);
    CompactReader reader(bytes);
    if (attribute.kind == ValueKind::numeric) {
        expand_numeric(reader, out);
    } else {
        WALPACK_CHECK(attribute.kind == ValueKind::array);
        expand_array(reader, attribute, out);
    }
    if (reader.left() != 0) fail("compact form of a value has bytes behind its end");
}

}  // namespace walpack
