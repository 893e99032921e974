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

void encode_column(PackBuffer& out, const Column& column) {
    const TypeShape& shape = column.shape;
    out.array(8);
    out.text(column.name);
    out.unsigned_integer(shape.kind);
    out.unsigned_integer(column.flags);
    out.integer(column.typmod);
    encode_type(out, shape.declared);
    encode_type_or_nil(out, shape.base == shape.declared ? InvalidOid : shape.base);
    encode_type_or_nil(out, shape.element);
    if (shape.element_kind != 0)
        out.unsigned_integer(shape.element_kind);
    else
        out.nil();
}

}  // namespace

void encode_relation(PackBuffer& out, const RelationEntry& relation, uint32_t version) {
    out.array(10);
    out.unsigned_integer(WALPACK_RELATION);
    out.unsigned_integer(relation.id);
    out.unsigned_integer(version);
    out.unsigned_integer(relation.published_oid);
    out.text(relation.schema);
    out.text(relation.name);
    out.str(&relation.kind, 1);
    out.str(&relation.identity, 1);
    if (relation.leaf != nullptr)
        out.text(relation.leaf);
    else
        out.nil();
    out.array(relation.column_count);
    for (int index = 0; index < relation.column_count; ++index)
        encode_column(out, relation.columns[index]);
}

}  // namespace walpack::plugin
