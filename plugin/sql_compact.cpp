#include "sql_compact.h"

#include "protocol/format.h"

namespace walpack::sql {

namespace {

// Reads a value's bytes from front to back; errors name the column and the value's place.
class CompactReader {
  public:
    CompactReader(const Column& column, const Item& item) : column_(column), item_(item) {}

    [[nodiscard]] size_t left() const { return item_.bytes.size() - at_; }

    const uint8_t* take(uint64_t count) {
        if (count > left()) {
            fail("is cut");
        }
        const uint8_t* bytes = item_.bytes.data() + at_;
        at_ += count;
        return bytes;
    }

    uint8_t byte() { return *take(1); }

    uint64_t varint() {
        uint64_t number = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const uint64_t bits = byte();
            number |= (bits & 0x7F) << shift;
            if (bits < 0x80) {
                return number;
            }
        }
        fail("has too long an integer");
    }

    int64_t zigzag(int64_t min, int64_t max) {
        const uint64_t number = varint();
        const auto value = static_cast<int64_t>((number >> 1) ^ (~(number & 1) + 1));
        if (value < min || value > max) {
            fail("has an integer out of range");
        }
        return value;
    }

    [[noreturn]] void fail(const char* what) const {
        report_invalid(item_.offset, psprintf("value of column \"%s\" %s", column_.name, what));
    }

  private:
    const Column& column_;
    const Item& item_;
    size_t at_ = 0;
};

void append_number(StringInfo out, uint64_t number, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) {
        appendStringInfoChar(out, static_cast<char>(number >> shift));
    }
}

void append_element(StringInfo out, int64_t number, int width) {
    append_number(out, static_cast<uint64_t>(width), 4);
    append_number(out, static_cast<uint64_t>(number), width);
}

void append_numeric_head(StringInfo out, size_t digits, int64_t weight, uint64_t sign,
                         uint64_t scale) {
    append_number(out, digits, 2);
    append_number(out, static_cast<uint64_t>(weight), 2);
    append_number(out, sign, 2);
    append_number(out, scale, 2);
}

void expand_numeric(CompactReader& reader, StringInfo out) {
    constexpr uint64_t kSpecialSigns[] = {0xC000, 0xD000, 0xF000};
    const uint8_t sign = reader.byte();
    if (sign > WALPACK_NUMERIC_NEGATIVE_INFINITY) {
        reader.fail("has an unknown sign");
    }
    if (sign >= WALPACK_NUMERIC_NAN) {
        append_numeric_head(out, 0, 0, kSpecialSigns[sign - WALPACK_NUMERIC_NAN],
                            sign == WALPACK_NUMERIC_NAN ? 0 : 0x20);
        return;
    }
    const int64_t weight = reader.zigzag(PG_INT16_MIN, PG_INT16_MAX);
    const uint64_t scale = reader.varint();
    const size_t digits = reader.left() / 2;
    if (scale > 0x3FFF || digits > 0x7FFF) {
        reader.fail("has too many digits");
    }
    append_numeric_head(out, digits, weight, sign == WALPACK_NUMERIC_NEGATIVE ? 0x4000 : 0, scale);
    appendBinaryStringInfo(out, reinterpret_cast<const char*>(reader.take(2 * digits)),
                           static_cast<int>(2 * digits));
}

void expand_element(CompactReader& reader, uint32_t kind, StringInfo out) {
    switch (kind) {
        case WALPACK_KIND_BOOL:
            append_element(out, reader.byte(), 1);
            break;
        case WALPACK_KIND_INT2:
            append_element(out, reader.zigzag(PG_INT16_MIN, PG_INT16_MAX), 2);
            break;
        case WALPACK_KIND_INT4:
        case WALPACK_KIND_DATE:
            append_element(out, reader.zigzag(PG_INT32_MIN, PG_INT32_MAX), 4);
            break;
        case WALPACK_KIND_INT8:
        case WALPACK_KIND_TIME:
        case WALPACK_KIND_TIMESTAMP:
        case WALPACK_KIND_TIMESTAMPTZ:
        case WALPACK_KIND_MONEY:
            append_element(out, reader.zigzag(PG_INT64_MIN, PG_INT64_MAX), 8);
            break;
        default: {
            const uint64_t length = reader.varint();
            const uint8_t* bytes = reader.take(length);
            append_number(out, length, 4);
            appendBinaryStringInfo(out, reinterpret_cast<const char*>(bytes),
                                   static_cast<int>(length));
        }
    }
}

// Returns the number of elements, each of which takes at least one byte.
uint64_t expand_dimensions(CompactReader& reader, uint8_t flags, StringInfo out) {
    const unsigned dimensions = flags & WALPACK_ARRAY_DIMENSIONS;
    uint64_t elements = dimensions == 0 ? 0 : 1;
    for (unsigned dimension = 0; dimension < dimensions; dimension++) {
        const uint64_t length = reader.varint();
        const bool has_bounds = (flags & WALPACK_ARRAY_HAS_BOUNDS) != 0;
        const int64_t bound = has_bounds ? reader.zigzag(PG_INT32_MIN, PG_INT32_MAX) : 1;
        if (length > reader.left() || elements * length > reader.left()) {
            reader.fail("is cut");
        }
        elements *= length;
        append_number(out, length, 4);
        append_number(out, static_cast<uint64_t>(bound), 4);
    }
    return elements;
}

void expand_array(CompactReader& reader, const Column& column, StringInfo out) {
    const uint8_t flags = reader.byte();
    const bool has_null = (flags & WALPACK_ARRAY_HAS_NULL) != 0;
    const unsigned dimensions = flags & WALPACK_ARRAY_DIMENSIONS;
    if (flags >= 2 * WALPACK_ARRAY_HAS_BOUNDS || dimensions > MAXDIM) {
        reader.fail("has an unknown head");
    }
    append_number(out, dimensions, 4);
    append_number(out, has_null ? 1 : 0, 4);
    append_number(out, column.element.oid, 4);
    const uint64_t elements = expand_dimensions(reader, flags, out);
    for (uint64_t element = 0; element < elements; element++) {
        if (has_null && reader.byte() == 0) {
            append_number(out, UINT32_MAX, 4);
        } else {
            expand_element(reader, column.element_kind, out);
        }
    }
}

}  // namespace

Bytes expand_compact(const Column& column, const Item& item) {
    if (column.kind != WALPACK_KIND_NUMERIC && column.kind != WALPACK_KIND_ARRAY) {
        return item.bytes;
    }
    StringInfoData out;
    initStringInfo(&out);
    CompactReader reader(column, item);
    if (column.kind == WALPACK_KIND_NUMERIC) {
        expand_numeric(reader, &out);
    } else {
        expand_array(reader, column, &out);
    }
    if (reader.left() != 0) {
        reader.fail("is too long");
    }
    return {reinterpret_cast<const uint8_t*>(out.data), static_cast<size_t>(out.len)};
}

char* expand_json(const char* text) {
    StringInfoData out;
    initStringInfo(&out);
    bool is_in_string = false;
    for (const char* at = text; *at != '\0'; at++) {
        appendStringInfoChar(&out, *at);
        if (*at == '\\' && at[1] != '\0') {
            appendStringInfoChar(&out, *++at);
        } else if (*at == '"') {
            is_in_string = !is_in_string;
        } else if (!is_in_string && (*at == ',' || *at == ':')) {
            appendStringInfoChar(&out, ' ');
        }
    }
    return out.data;
}

}  // namespace walpack::sql
