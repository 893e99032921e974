#include "value_encoder.h"

#include "protocol/format.h"

namespace walpack::plugin {
namespace {

constexpr uint32_t kEnumLabels = 64;
constexpr int kScratchBytesMax = 1024 * 1024;

const EnumLabel& label_of(ValueEncoder& encoder, Oid oid) {
    EnumLabel& slot = encoder.labels[oid % kEnumLabels];
    if (slot.oid == oid) return slot;

    HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for enum value %u", oid);
    const FormData_pg_enum* form = reinterpret_cast<FormData_pg_enum*>(GETSTRUCT(tuple));
    slot.oid = oid;
    slot.bytes = static_cast<uint32_t>(strlen(NameStr(form->enumlabel)));
    memcpy(slot.text, NameStr(form->enumlabel), slot.bytes);
    ReleaseSysCache(tuple);
    return slot;
}

/*
 * The value in line and not compressed, with whatever header it has. A value that was reassembled
 * from its TOAST chunks is pointed to by an indirect datum; going through that pointer by hand
 * avoids the copy that detoasting it would make.
 */
struct varlena* plain_varlena(Datum value) {
    struct varlena* pointer = reinterpret_cast<struct varlena*>(DatumGetPointer(value));
    if (VARATT_IS_EXTERNAL_INDIRECT(pointer)) {
        struct varatt_indirect redirect;
        VARATT_EXTERNAL_GET_POINTER(redirect, pointer);
        pointer = redirect.pointer;
    }
    return pg_detoast_datum_packed(pointer);
}

void encode_text(PackBuffer& out, const ValueEncoder& encoder, Datum value) {
    if (encoder.length > 0) {
        out.text(NameStr(*DatumGetName(value)));
        return;
    }
    const struct varlena* plain = plain_varlena(value);
    out.text(VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain));
}

void encode_bytea(PackBuffer& out, Datum value) {
    const struct varlena* plain = plain_varlena(value);
    out.bin(VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain));
}

void give_back(StringInfo scratch) {
    if (scratch->maxlen <= kScratchBytesMax) return;
    scratch->data = static_cast<char*>(repalloc(scratch->data, kScratchBytesMax));
    scratch->maxlen = kScratchBytesMax;
    resetStringInfo(scratch);
}

void encode_numeric(PackBuffer& out, const ValueEncoder& encoder, Datum value) {
    write_compact_numeric(encoder.scratch, plain_varlena(value));
    out.bin(encoder.scratch->data, encoder.scratch->len);
}

void encode_array(PackBuffer& out, const ValueEncoder& encoder, Datum value) {
    write_compact_array(encoder.scratch, *encoder.elements, plain_varlena(value));
    out.bin(encoder.scratch->data, encoder.scratch->len);
    give_back(encoder.scratch);
}

void encode_jsonb(PackBuffer& out, const ValueEncoder& encoder, Datum value) {
    write_compact_jsonb(encoder.scratch, plain_varlena(value));
    out.text(encoder.scratch->data, encoder.scratch->len);
    give_back(encoder.scratch);
}

ArrayElements* make_array_elements(const TypeShape& shape, MemoryContext keep) {
    auto* elements =
        static_cast<ArrayElements*>(MemoryContextAllocZero(keep, sizeof(ArrayElements)));
    elements->kind = shape.element_kind;
    get_typlenbyvalalign(shape.element, &elements->length, &elements->is_by_value,
                         &elements->alignment);
    if (is_plain_element(elements->kind, elements->length)) return elements;
    Oid function = InvalidOid;
    bool is_varlena;
    getTypeBinaryOutputInfo(shape.element, &function, &is_varlena);
    fmgr_info_cxt(function, &elements->send, keep);
    return elements;
}

template <typename Number>
char* store_big_endian(char* at, Number number) {
    for (size_t byte = sizeof(Number); byte-- > 0;)
        *at++ = static_cast<char>(static_cast<std::make_unsigned_t<Number>>(number) >> (8 * byte));
    return at;
}

void encode_timetz(PackBuffer& out, Datum value) {
    const TimeTzADT* time = DatumGetTimeTzADTP(value);
    char bytes[12];
    store_big_endian(store_big_endian(bytes, time->time), time->zone);
    out.bin(bytes, sizeof(bytes));
}

void encode_interval(PackBuffer& out, Datum value) {
    const Interval* interval = DatumGetIntervalP(value);
    char bytes[16];
    char* at = store_big_endian(bytes, interval->time);
    store_big_endian(store_big_endian(at, interval->day), interval->month);
    out.bin(bytes, sizeof(bytes));
}

void encode_char(PackBuffer& out, Datum value) {
    const char byte = DatumGetChar(value);
    out.bin(&byte, 1);
}

/* The send and output functions detoast what they need themselves. */
void encode_by_send(PackBuffer& out, ValueEncoder& encoder, Datum value) {
    const bytea* sent = SendFunctionCall(&encoder.function, value);
    out.bin(VARDATA(sent), VARSIZE(sent) - VARHDRSZ);
}

void encode_by_output(PackBuffer& out, ValueEncoder& encoder, Datum value) {
    out.text(OutputFunctionCall(&encoder.function, value));
}

}  // namespace

ValueEncoder make_value_encoder(const TypeShape& shape, StringInfo scratch, MemoryContext keep) {
    ValueEncoder encoder = {};
    encoder.kind = shape.kind;
    encoder.length = get_typlen(shape.base);
    encoder.scratch = scratch;

    Oid function = InvalidOid;
    bool is_varlena;
    switch (shape.kind) {
        case WALPACK_KIND_ENUM:
            encoder.labels = static_cast<EnumLabel*>(
                MemoryContextAllocZero(keep, kEnumLabels * sizeof(EnumLabel)));
            break;
        case WALPACK_KIND_ARRAY:
            encoder.elements = make_array_elements(shape, keep);
            break;
        case WALPACK_KIND_RANGE:
        case WALPACK_KIND_MULTIRANGE:
        case WALPACK_KIND_SEND:
            getTypeBinaryOutputInfo(shape.base, &function, &is_varlena);
            break;
        case WALPACK_KIND_OUTPUT:
            getTypeOutputInfo(shape.base, &function, &is_varlena);
            break;
        default:
            break;
    }
    if (OidIsValid(function)) fmgr_info_cxt(function, &encoder.function, keep);
    return encoder;
}

void encode_value(PackBuffer& out, ValueEncoder& encoder, Datum value) {
    switch (encoder.kind) {
        case WALPACK_KIND_BOOL:
            return out.boolean(DatumGetBool(value));
        case WALPACK_KIND_INT2:
            return out.integer(DatumGetInt16(value));
        case WALPACK_KIND_INT4:
        case WALPACK_KIND_DATE:
            return out.integer(DatumGetInt32(value));
        case WALPACK_KIND_INT8:
        case WALPACK_KIND_TIME:
        case WALPACK_KIND_TIMESTAMP:
        case WALPACK_KIND_TIMESTAMPTZ:
        case WALPACK_KIND_MONEY:
            return out.integer(DatumGetInt64(value));
        case WALPACK_KIND_OID:
            return out.unsigned_integer(DatumGetUInt32(value));
        case WALPACK_KIND_UINT8:
            return out.unsigned_integer(static_cast<uint64_t>(DatumGetInt64(value)));
        case WALPACK_KIND_FLOAT4:
            return out.float32(DatumGetFloat4(value));
        case WALPACK_KIND_FLOAT8:
            return out.float64(DatumGetFloat8(value));
        case WALPACK_KIND_CHAR:
            return encode_char(out, value);
        case WALPACK_KIND_TEXT:
            return encode_text(out, encoder, value);
        case WALPACK_KIND_BYTEA:
            return encode_bytea(out, value);
        case WALPACK_KIND_UUID:
            return out.bin(DatumGetUUIDP(value), UUID_LEN);
        case WALPACK_KIND_TIMETZ:
            return encode_timetz(out, value);
        case WALPACK_KIND_INTERVAL:
            return encode_interval(out, value);
        case WALPACK_KIND_NUMERIC:
            return encode_numeric(out, encoder, value);
        case WALPACK_KIND_ARRAY:
            return encode_array(out, encoder, value);
        case WALPACK_KIND_JSONB:
            return encode_jsonb(out, encoder, value);
        case WALPACK_KIND_ENUM: {
            const EnumLabel& label = label_of(encoder, DatumGetObjectId(value));
            return out.text(label.text, label.bytes);
        }
        case WALPACK_KIND_OUTPUT:
            return encode_by_output(out, encoder, value);
        default:
            return encode_by_send(out, encoder, value);
    }
}

}  // namespace walpack::plugin
