#include "relation_encoder.h"

#include "protocol/format.h"

namespace walpack::plugin {
namespace {

void encode_type(PackBuffer& out, Oid type) {
    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for type %u", type);
    const FormData_pg_type* form = reinterpret_cast<FormData_pg_type*>(GETSTRUCT(tuple));
    const char* schema = get_namespace_name(form->typnamespace);
    if (schema == nullptr) elog(ERROR, "cache lookup failed for schema %u", form->typnamespace);

    out.array(3);
    out.unsigned_integer(type);
    out.text(schema);
    out.text(NameStr(form->typname));
    ReleaseSysCache(tuple);
}

void encode_type_or_nil(PackBuffer& out, Oid type) {
    if (OidIsValid(type))
        encode_type(out, type);
    else
        out.nil();
}

uint32_t flags_of(const Column& column, Form_pg_attribute attribute) {
    uint32_t flags = column.is_key ? WALPACK_COLUMN_KEY : 0;
    if (attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
        flags |= WALPACK_COLUMN_IDENTITY_ALWAYS;
    if (attribute->attidentity == ATTRIBUTE_IDENTITY_BY_DEFAULT)
        flags |= WALPACK_COLUMN_IDENTITY_DEFAULT;
    if (attribute->attnotnull) flags |= WALPACK_COLUMN_NOT_NULL;
    return flags;
}

void encode_column(PackBuffer& out, const Column& column, Form_pg_attribute attribute) {
    const TypeShape& shape = column.shape;
    out.array(8);
    out.text(column.name);
    out.unsigned_integer(shape.kind);
    out.unsigned_integer(flags_of(column, attribute));
    out.integer(attribute->atttypmod);
    encode_type(out, shape.declared);
    encode_type_or_nil(out, shape.base == shape.declared ? InvalidOid : shape.base);
    encode_type_or_nil(out, shape.element);
    if (shape.element_kind != 0)
        out.unsigned_integer(shape.element_kind);
    else
        out.nil();
}

}  // namespace

void encode_relation(PackBuffer& out, const RelationEntry& relation) {
    const char relkind = RELKIND_RELATION;
    out.array(10);
    out.unsigned_integer(WALPACK_RELATION);
    out.unsigned_integer(relation.id);
    out.unsigned_integer(relation.version);
    out.unsigned_integer(relation.oid);
    out.text(relation.schema);
    out.text(relation.name);
    out.str(&relkind, 1);
    out.str(&relation.identity, 1);
    out.nil();
    out.array(relation.column_count);
    for (int index = 0; index < relation.column_count; ++index) {
        const Column& column = relation.columns[index];
        encode_column(out, column, TupleDescAttr(relation.descriptor, column.index));
    }
}

}  // namespace walpack::plugin
