#include "type_kind.h"

#include "protocol/format.h"

namespace walpack::plugin {
namespace {

struct BuiltInKind {
    Oid type;
    uint8_t kind;
};

constexpr BuiltInKind kBuiltInKinds[] = {
    {BOOLOID, WALPACK_KIND_BOOL},
    {INT2OID, WALPACK_KIND_INT2},
    {INT4OID, WALPACK_KIND_INT4},
    {INT8OID, WALPACK_KIND_INT8},
    {OIDOID, WALPACK_KIND_OID},
    {XIDOID, WALPACK_KIND_OID},
    {CIDOID, WALPACK_KIND_OID},
    {XID8OID, WALPACK_KIND_UINT8},
    {PG_LSNOID, WALPACK_KIND_UINT8},
    {FLOAT4OID, WALPACK_KIND_FLOAT4},
    {FLOAT8OID, WALPACK_KIND_FLOAT8},
    {CHAROID, WALPACK_KIND_CHAR},
    {TEXTOID, WALPACK_KIND_TEXT},
    {VARCHAROID, WALPACK_KIND_TEXT},
    {BPCHAROID, WALPACK_KIND_TEXT},
    {NAMEOID, WALPACK_KIND_TEXT},
    {JSONOID, WALPACK_KIND_TEXT},
    {XMLOID, WALPACK_KIND_TEXT},
    {BYTEAOID, WALPACK_KIND_BYTEA},
    {UUIDOID, WALPACK_KIND_UUID},
    {DATEOID, WALPACK_KIND_DATE},
    {TIMEOID, WALPACK_KIND_TIME},
    {TIMESTAMPOID, WALPACK_KIND_TIMESTAMP},
    {TIMESTAMPTZOID, WALPACK_KIND_TIMESTAMPTZ},
    {TIMETZOID, WALPACK_KIND_TIMETZ},
    {INTERVALOID, WALPACK_KIND_INTERVAL},
    {MONEYOID, WALPACK_KIND_MONEY},
    {NUMERICOID, WALPACK_KIND_NUMERIC},
    {JSONBOID, WALPACK_KIND_JSONB},
    {INETOID, WALPACK_KIND_SEND},
    {CIDROID, WALPACK_KIND_SEND},
    {MACADDROID, WALPACK_KIND_SEND},
    {MACADDR8OID, WALPACK_KIND_SEND},
    {BITOID, WALPACK_KIND_SEND},
    {VARBITOID, WALPACK_KIND_SEND},
    {POINTOID, WALPACK_KIND_SEND},
    {LINEOID, WALPACK_KIND_SEND},
    {LSEGOID, WALPACK_KIND_SEND},
    {BOXOID, WALPACK_KIND_SEND},
    {PATHOID, WALPACK_KIND_SEND},
    {POLYGONOID, WALPACK_KIND_SEND},
    {CIRCLEOID, WALPACK_KIND_SEND},
    {TSVECTOROID, WALPACK_KIND_SEND},
    {JSONPATHOID, WALPACK_KIND_SEND},
    {PG_SNAPSHOTOID, WALPACK_KIND_SEND},
    {TXID_SNAPSHOTOID, WALPACK_KIND_SEND},
    /* Servers from 18.6 on refuse the send form of an empty one. */
    {TSQUERYOID, WALPACK_KIND_OUTPUT},
    /* Arrays by name only: their receive functions refuse the send form of an empty one. */
    {INT2VECTOROID, WALPACK_KIND_OUTPUT},
    {OIDVECTOROID, WALPACK_KIND_OUTPUT},
};

/* Types of extensions have no fixed oid. Their send forms are known not to contain oids. */
constexpr const char* kExtensionSendTypes[] = {
    "hstore",  "ltree",     "lquery",   "ltxtquery", "vector",
    "halfvec", "sparsevec", "geometry", "geography",
};

uint8_t kind_of_extension_type(Oid type) {
    if (type < FirstNormalObjectId) return WALPACK_KIND_OUTPUT;

    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for type %u", type);
    const FormData_pg_type* form = reinterpret_cast<FormData_pg_type*>(GETSTRUCT(tuple));
    const char* name = NameStr(form->typname);
    uint8_t kind = WALPACK_KIND_OUTPUT;
    if (form->typtype == TYPTYPE_BASE && form->typlen == -1) {
        if (strcmp(name, "citext") == 0) kind = WALPACK_KIND_TEXT;
        for (const char* known : kExtensionSendTypes)
            if (strcmp(name, known) == 0 && OidIsValid(form->typsend)) kind = WALPACK_KIND_SEND;
    }
    ReleaseSysCache(tuple);
    return kind;
}

/* A container travels in its send form unless something inside it can only travel as output. */
void set_container(TypeShape& shape, Oid element, uint8_t kind) {
    const TypeShape inner = shape_of_type(element);
    shape.element = element;
    shape.element_kind = kind == WALPACK_KIND_MULTIRANGE ? inner.element_kind : inner.kind;
    const bool is_output = inner.kind == WALPACK_KIND_OUTPUT;
    shape.kind = is_output ? static_cast<uint8_t>(WALPACK_KIND_OUTPUT) : kind;
}

}  // namespace

TypeShape shape_of_type(Oid declared) {
    TypeShape shape = {declared, getBaseType(declared), InvalidOid, WALPACK_KIND_OUTPUT, 0};

    for (const BuiltInKind& known : kBuiltInKinds) {
        if (known.type != shape.base) continue;
        shape.kind = known.kind;
        return shape;
    }

    const Oid element = get_element_type(shape.base);
    if (OidIsValid(element)) {
        set_container(shape, element, WALPACK_KIND_ARRAY);
        return shape;
    }
    switch (get_typtype(shape.base)) {
        case TYPTYPE_ENUM:
            shape.kind = WALPACK_KIND_ENUM;
            break;
        case TYPTYPE_RANGE:
            set_container(shape, get_range_subtype(shape.base), WALPACK_KIND_RANGE);
            break;
        case TYPTYPE_MULTIRANGE:
            set_container(shape, get_multirange_range(shape.base), WALPACK_KIND_MULTIRANGE);
            break;
        case TYPTYPE_BASE:
            shape.kind = kind_of_extension_type(shape.base);
            break;
        default:
            break;
    }
    return shape;
}

}  // namespace walpack::plugin
