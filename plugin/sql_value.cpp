#include "sql_value.h"

#include "protocol/format.h"
#include "sql_compact.h"

namespace walpack::sql {

namespace {

constexpr const char* kKindNames[] = {
    nullptr,  "bool",      "int2",        "int4",   "int8",       "oid",   "uint8",
    "float4", "float8",    "char",        "text",   "bytea",      "uuid",  "date",
    "time",   "timestamp", "timestamptz", "timetz", "interval",   "money", "numeric",
    "jsonb",  "enum",      "array",       "range",  "multirange", "send",  "output"};

static_assert(lengthof(kKindNames) == WALPACK_KIND_OUTPUT + 1);

// The type whose receive function reads a kind that belongs to one type; InvalidOid for others.
Oid type_of_kind(uint32_t kind) {
    switch (kind) {
        case WALPACK_KIND_UUID:
            return UUIDOID;
        case WALPACK_KIND_DATE:
            return DATEOID;
        case WALPACK_KIND_TIME:
            return TIMEOID;
        case WALPACK_KIND_TIMESTAMP:
            return TIMESTAMPOID;
        case WALPACK_KIND_TIMESTAMPTZ:
            return TIMESTAMPTZOID;
        case WALPACK_KIND_TIMETZ:
            return TIMETZOID;
        case WALPACK_KIND_INTERVAL:
            return INTERVALOID;
        case WALPACK_KIND_NUMERIC:
            return NUMERICOID;
        default:
            return InvalidOid;
    }
}

bool is_send_form(uint32_t kind) {
    return kind == WALPACK_KIND_ARRAY || kind == WALPACK_KIND_RANGE ||
           kind == WALPACK_KIND_MULTIRANGE || kind == WALPACK_KIND_SEND;
}

// A type may have been dropped since, and its oid given to another; names decide. A composite or
// pseudo-type never has such a kind; a forged one is not worth calling its functions.
Oid find_named_type(const TypeName& type) {
    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type.oid));
    if (!HeapTupleIsValid(tuple)) {
        return InvalidOid;
    }
    auto* form = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
    const char* schema = get_namespace_name(form->typnamespace);
    const bool has_own_form = form->typtype == TYPTYPE_BASE || form->typtype == TYPTYPE_RANGE ||
                              form->typtype == TYPTYPE_MULTIRANGE;
    const bool matches = has_own_form && form->typisdefined && OidIsValid(form->typreceive) &&
                         schema != nullptr && strcmp(schema, type.schema) == 0 &&
                         strcmp(NameStr(form->typname), type.name) == 0;
    ReleaseSysCache(tuple);
    return matches ? type.oid : InvalidOid;
}

// Says where the value stands when a type's own function reports an error.
void add_value_context(void* offset) {
    errcontext("value at byte %zu of a walpack message", *static_cast<const size_t*>(offset));
}

// The text of a value in send form, made by the type's receive and output functions.
const char* text_of_send_form(const Column& column, const Item& item, Bytes bytes) {
    auto* input = const_cast<TypeInput*>(&column.input);
    ErrorContextCallback callback = {};
    callback.callback = add_value_context;
    callback.arg = const_cast<size_t*>(&item.offset);
    callback.previous = error_context_stack;
    error_context_stack = &callback;

    StringInfoData buffer;
    initStringInfo(&buffer);
    appendBinaryStringInfo(&buffer, reinterpret_cast<const char*>(bytes.data()),
                           static_cast<int>(bytes.size()));
    const Datum value = ReceiveFunctionCall(&input->receive, &buffer, input->parameter, -1);
    if (buffer.cursor != buffer.len) {
        error_context_stack = callback.previous;
        report_invalid(item.offset, psprintf("value of column \"%s\" is too long", column.name));
    }
    const char* text = OutputFunctionCall(&input->output, value);
    error_context_stack = callback.previous;
    return text;
}

// A date or time in the big-endian form that its receive function checks.
const char* text_of_integer(const Column& column, const Item& item, int64_t value, size_t width) {
    uint8_t bytes[8];
    for (size_t i = 0; i < width; i++) {
        bytes[i] = static_cast<uint8_t>(value >> 8 * (width - 1 - i));
    }
    return text_of_send_form(column, item, Bytes(bytes, width));
}

int64_t expect_integer(const Column& column, const Item& item, int64_t min, int64_t max) {
    int64_t value = 0;
    if (!integer_of(item, min, max, &value)) {
        report_unexpected(item, psprintf("value of column \"%s\"", column.name),
                          psprintf("an integer for kind %s", kind_name(column.kind)));
    }
    return value;
}

void expect_type(const Column& column, const Item& item, ItemType type) {
    if (item.type != type) {
        report_unexpected(item, psprintf("value of column \"%s\"", column.name),
                          psprintf("%s for kind %s", item_type_name(type), kind_name(column.kind)));
    }
}

uint64_t expect_unsigned(const Column& column, const Item& item, uint64_t max) {
    if (item.type != ItemType::kUnsigned || item.unsigned_value > max) {
        report_unexpected(item, psprintf("value of column \"%s\"", column.name),
                          psprintf("an unsigned integer for kind %s", kind_name(column.kind)));
    }
    return item.unsigned_value;
}

// "char" as its output function writes it in 16 and later: other bytes than ASCII in octal.
void write_char(JsonWriter& json, const Column& column, const Item& item) {
    expect_type(column, item, ItemType::kBin);
    if (item.bytes.size() != 1) {
        report_invalid(item.offset,
                       psprintf("value of column \"%s\" is not one byte", column.name));
    }
    const uint8_t byte = item.bytes[0];
    const char plain[] = {static_cast<char>(byte), '\0'};
    json.text(byte < 0x80 ? plain : psprintf("\\%03o", byte));
}

void write_uint8(JsonWriter& json, const Column& column, const Item& item) {
    const uint64_t value = expect_unsigned(column, item, UINT64_MAX);
    const TypeName& type = column.value_type();
    if (strcmp(type.schema, "pg_catalog") == 0 && strcmp(type.name, "pg_lsn") == 0) {
        json.lsn(value);
    } else {
        json.unsigned_integer(value);
    }
}

void write_bytes(JsonWriter& json, const Column& column, const Item& item) {
    expect_type(column, item, ItemType::kBin);
    const Bytes bytes = expand_compact(column, item);
    if (!column.input.is_usable) {
        json.hex(bytes);
        return;
    }
    const char* text = text_of_send_form(column, item, bytes);
    if (column.kind == WALPACK_KIND_NUMERIC) {
        json.number(text);
    } else {
        json.text(text);
    }
}

// The kinds that are integers on the wire and in JSON.
void write_integer(JsonWriter& json, const Column& column, const Item& item) {
    switch (column.kind) {
        case WALPACK_KIND_INT2:
            json.integer(expect_integer(column, item, PG_INT16_MIN, PG_INT16_MAX));
            break;
        case WALPACK_KIND_INT4:
            json.integer(expect_integer(column, item, PG_INT32_MIN, PG_INT32_MAX));
            break;
        default:
            json.integer(expect_integer(column, item, PG_INT64_MIN, PG_INT64_MAX));
    }
}

}  // namespace

const char* kind_name(uint32_t kind) {
    return kind < lengthof(kKindNames) ? kKindNames[kind] : nullptr;
}

void prepare_input(const Column& column, bool send_form_is_own, TypeInput* input) {
    Oid type = type_of_kind(column.kind);
    if (is_send_form(column.kind) && send_form_is_own) {
        type = find_named_type(column.value_type());
    }
    input->is_usable = OidIsValid(type);
    if (!input->is_usable) {
        return;
    }
    Oid receive = InvalidOid;
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeBinaryInputInfo(type, &receive, &input->parameter);
    getTypeOutputInfo(type, &output, &is_varlena);
    fmgr_info(receive, &input->receive);
    fmgr_info(output, &input->output);
}

bool is_unchanged_toast(const Item& item) {
    if (item.type != ItemType::kExtension) {
        return false;
    }
    const bool is_marker = item.extension_type == WALPACK_EXT_UNCHANGED_TOAST &&
                           item.bytes.size() == 1 && item.bytes[0] == 0;
    if (!is_marker) {
        report_invalid(item.offset, psprintf("extension of type %d and %zu bytes is unknown",
                                             item.extension_type, item.bytes.size()));
    }
    return true;
}

void write_value(JsonWriter& json, const RecordReader& reader, const Column& column,
                 const Item& item) {
    if (item.type == ItemType::kNil) {
        json.null();
        return;
    }
    switch (column.kind) {
        case WALPACK_KIND_BOOL:
            expect_type(column, item, ItemType::kBool);
            json.boolean(item.bool_value);
            break;
        case WALPACK_KIND_INT2:
        case WALPACK_KIND_INT4:
        case WALPACK_KIND_INT8:
        case WALPACK_KIND_MONEY:
            write_integer(json, column, item);
            break;
        case WALPACK_KIND_OID:
            json.unsigned_integer(expect_unsigned(column, item, UINT32_MAX));
            break;
        case WALPACK_KIND_UINT8:
            write_uint8(json, column, item);
            break;
        case WALPACK_KIND_FLOAT4:
            expect_type(column, item, ItemType::kFloat32);
            json.float32(static_cast<float>(item.float_value));
            break;
        case WALPACK_KIND_FLOAT8:
            expect_type(column, item, ItemType::kFloat64);
            json.float64(item.float_value);
            break;
        case WALPACK_KIND_CHAR:
            write_char(json, column, item);
            break;
        case WALPACK_KIND_JSONB:
            json.text(expand_json(reader.text_of(item, "value")));
            break;
        case WALPACK_KIND_TEXT:
        case WALPACK_KIND_ENUM:
        case WALPACK_KIND_OUTPUT:
            json.text(reader.text_of(item, "value"));
            break;
        case WALPACK_KIND_BYTEA:
            expect_type(column, item, ItemType::kBin);
            json.hex(item.bytes);
            break;
        case WALPACK_KIND_DATE:
            json.text(text_of_integer(column, item,
                                      expect_integer(column, item, PG_INT32_MIN, PG_INT32_MAX), 4));
            break;
        case WALPACK_KIND_TIME:
        case WALPACK_KIND_TIMESTAMP:
        case WALPACK_KIND_TIMESTAMPTZ:
            json.text(text_of_integer(column, item,
                                      expect_integer(column, item, PG_INT64_MIN, PG_INT64_MAX), 8));
            break;
        default:
            write_bytes(json, column, item);
    }
}

void write_raw_value(JsonWriter& json, const RecordReader& reader, const Item& item) {
    switch (item.type) {
        case ItemType::kNil:
            json.null();
            break;
        case ItemType::kBool:
            json.boolean(item.bool_value);
            break;
        case ItemType::kUnsigned:
            json.unsigned_integer(item.unsigned_value);
            break;
        case ItemType::kNegative:
            json.integer(item.negative_value);
            break;
        case ItemType::kFloat32:
            json.float32(static_cast<float>(item.float_value));
            break;
        case ItemType::kFloat64:
            json.float64(item.float_value);
            break;
        case ItemType::kStr:
            json.text(reader.text_of(item, "value"));
            break;
        case ItemType::kBin:
            json.hex(item.bytes);
            break;
        default:
            report_unexpected(item, "value", "a scalar");
    }
}

}  // namespace walpack::sql
