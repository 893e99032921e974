#include "compact_value.h"

#include "protocol/format.h"

namespace walpack::plugin {
namespace {

constexpr size_t kVarintBytesMax = 10;

char* store_varint(char* at, uint64_t number) {
    while (number >= 0x80) {
        *at++ = static_cast<char>(number | 0x80);
        number >>= 7;
    }
    *at++ = static_cast<char>(number);
    return at;
}

void append_varint(StringInfo out, uint64_t number) {
    enlargeStringInfo(out, kVarintBytesMax);
    out->len = static_cast<int>(store_varint(out->data + out->len, number) - out->data);
}

/* Small numbers of either sign become small unsigned ones: 0, -1, 1, -2, ... */
uint64_t zigzag(int64_t number) {
    return (static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63);
}

void append_counted(StringInfo out, const char* bytes, size_t count) {
    append_varint(out, count);
    appendBinaryStringInfo(out, bytes, static_cast<int>(count));
}

/*
 * The stored form of a numeric, which pg_upgrade keeps as it is: a head of 16 bits, or of twice
 * that for large weights and scales (numeric.c, NumericShort and NumericLong).
 */
constexpr uint16_t kHeadClass = 0xC000;
constexpr uint16_t kHeadNegative = 0x4000;
constexpr uint16_t kHeadShort = 0x8000;
constexpr uint16_t kHeadSpecial = 0xC000;
constexpr uint16_t kHeadSpecialMask = 0xF000;
constexpr uint16_t kHeadInfinity = 0xD000;
constexpr uint16_t kHeadNegativeInfinity = 0xF000;

struct NumericHead {
    uint8_t sign; /* WALPACK_NUMERIC_... */
    int weight;
    unsigned scale;
    size_t bytes;
};

uint16_t load_uint16(const char* at) {
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

uint8_t special_of(uint16_t head) {
    switch (head & kHeadSpecialMask) {
        case kHeadInfinity:
            return WALPACK_NUMERIC_INFINITY;
        case kHeadNegativeInfinity:
            return WALPACK_NUMERIC_NEGATIVE_INFINITY;
        default:
            return WALPACK_NUMERIC_NAN;
    }
}

NumericHead read_numeric_head(const char* data) {
    const uint16_t head = load_uint16(data);
    if ((head & kHeadClass) == kHeadSpecial) return {special_of(head), 0, 0, 2};
    if ((head & kHeadClass) == kHeadShort) {
        const bool is_negative = (head & 0x2000) != 0;
        const int weight = (head & 0x003F) - ((head & 0x0040) != 0 ? 64 : 0);
        return {
            static_cast<uint8_t>(is_negative ? WALPACK_NUMERIC_NEGATIVE : WALPACK_NUMERIC_POSITIVE),
            weight, static_cast<unsigned>(head & 0x1F80) >> 7, 2};
    }
    const bool is_negative = (head & kHeadClass) == kHeadNegative;
    return {static_cast<uint8_t>(is_negative ? WALPACK_NUMERIC_NEGATIVE : WALPACK_NUMERIC_POSITIVE),
            static_cast<int16_t>(load_uint16(data + 2)), head & 0x3FFFU, 4};
}

/* Lower bounds are 1 unless they were chosen. */
bool has_own_bounds(const int* bounds, int dimensions) {
    for (int dimension = 0; dimension < dimensions; ++dimension)
        if (bounds[dimension] != 1) return true;
    return false;
}

void append_array_head(StringInfo out, ArrayType* array, bool has_null) {
    const int dimensions = ARR_NDIM(array);
    const bool has_bounds = has_own_bounds(ARR_LBOUND(array), dimensions);
    appendStringInfoChar(out,
                         static_cast<char>(dimensions | (has_null ? WALPACK_ARRAY_HAS_NULL : 0) |
                                           (has_bounds ? WALPACK_ARRAY_HAS_BOUNDS : 0)));
    for (int dimension = 0; dimension < dimensions; ++dimension) {
        append_varint(out, static_cast<uint64_t>(ARR_DIMS(array)[dimension]));
        if (has_bounds) append_varint(out, zigzag(ARR_LBOUND(array)[dimension]));
    }
}

void append_element(StringInfo out, ArrayElements& elements, Datum value) {
    switch (elements.kind) {
        case WALPACK_KIND_BOOL:
            return appendStringInfoChar(out, DatumGetBool(value) ? 1 : 0);
        case WALPACK_KIND_INT2:
            return append_varint(out, zigzag(DatumGetInt16(value)));
        case WALPACK_KIND_INT4:
        case WALPACK_KIND_DATE:
            return append_varint(out, zigzag(DatumGetInt32(value)));
        case WALPACK_KIND_INT8:
        case WALPACK_KIND_TIME:
        case WALPACK_KIND_TIMESTAMP:
        case WALPACK_KIND_TIMESTAMPTZ:
        case WALPACK_KIND_MONEY:
            return append_varint(out, zigzag(DatumGetInt64(value)));
        default:
            break;
    }
    if (is_plain_element(elements.kind, elements.length)) {
        const struct varlena* plain = PG_DETOAST_DATUM_PACKED(value);
        return append_counted(out, VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain));
    }
    const bytea* sent = SendFunctionCall(&elements.send, value);
    append_counted(out, VARDATA(sent), VARSIZE(sent) - VARHDRSZ);
}

/* Closes the gaps that the output function leaves behind commas and colons. */
void drop_json_blanks(StringInfo text) {
    char* to = text->data;
    bool is_in_string = false;
    const char* end = text->data + text->len;
    for (const char* from = text->data; from < end; ++from) {
        const char c = *from;
        if (c == ' ' && !is_in_string) continue;
        *to++ = c;
        if (c == '"') is_in_string = !is_in_string;
        if (c == '\\') *to++ = *++from;
    }
    text->len = static_cast<int>(to - text->data);
}

}  // namespace

bool is_plain_element(uint8_t kind, int16 length) {
    switch (kind) {
        case WALPACK_KIND_BOOL:
        case WALPACK_KIND_INT2:
        case WALPACK_KIND_INT4:
        case WALPACK_KIND_DATE:
        case WALPACK_KIND_INT8:
        case WALPACK_KIND_TIME:
        case WALPACK_KIND_TIMESTAMP:
        case WALPACK_KIND_TIMESTAMPTZ:
        case WALPACK_KIND_MONEY:
            return true;
        /* A name has a length; a text of a type that is sent with a version in front has not this
         * kind. */
        case WALPACK_KIND_TEXT:
        case WALPACK_KIND_BYTEA:
            return length == -1;
        default:
            return false;
    }
}

void write_compact_numeric(StringInfo out, const struct varlena* numeric) {
    const char* data = VARDATA_ANY(numeric);
    const size_t count = VARSIZE_ANY_EXHDR(numeric);
    const NumericHead head = read_numeric_head(data);
    const size_t digits = (count - head.bytes) / sizeof(uint16_t);

    resetStringInfo(out);
    enlargeStringInfo(out, static_cast<int>(count + 2 * kVarintBytesMax));
    char* at = out->data;
    *at++ = static_cast<char>(head.sign);
    if (head.sign == WALPACK_NUMERIC_POSITIVE || head.sign == WALPACK_NUMERIC_NEGATIVE) {
        at = store_varint(at, zigzag(head.weight));
        at = store_varint(at, head.scale);
        for (size_t digit = 0; digit < digits; ++digit) {
            const uint16_t value = load_uint16(data + head.bytes + digit * sizeof(uint16_t));
            *at++ = static_cast<char>(value >> 8);
            *at++ = static_cast<char>(value);
        }
    }
    out->len = static_cast<int>(at - out->data);
}

void write_compact_array(StringInfo out, ArrayElements& elements, struct varlena* stored) {
    ArrayType* array = DatumGetArrayTypeP(PointerGetDatum(stored));
    const int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    const uint8* bitmap = ARR_NULLBITMAP(array);
    const char* element = ARR_DATA_PTR(array);

    resetStringInfo(out);
    append_array_head(out, array, bitmap != nullptr);
    for (int index = 0; index < count; ++index) {
        const bool is_null = bitmap != nullptr && (bitmap[index / 8] & (1 << (index % 8))) == 0;
        if (bitmap != nullptr) appendStringInfoChar(out, is_null ? 0 : 1);
        if (is_null) continue;
        append_element(out, elements, fetch_att(element, elements.is_by_value, elements.length));
        element = att_addlength_pointer(element, elements.length, element);
        element = reinterpret_cast<const char*>(
            att_align_nominal(reinterpret_cast<uintptr_t>(element), elements.alignment));
    }
}

void write_compact_jsonb(StringInfo out, struct varlena* stored) {
    Jsonb* document = DatumGetJsonbP(PointerGetDatum(stored));
    resetStringInfo(out);
    JsonbToCString(out, &document->root, VARSIZE(document));
    drop_json_blanks(out);
}

}  // namespace walpack::plugin
