#include "decode/relation_fields.h"

#include <string_view>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "protocol/format.h"

namespace walpack {
namespace {

// What a tuple of the server can have.
constexpr std::uint64_t kAttributesMax = 1664;
constexpr std::uint32_t kColumnFlags = WALPACK_COLUMN_KEY | WALPACK_COLUMN_IDENTITY_ALWAYS |
                                       WALPACK_COLUMN_IDENTITY_DEFAULT | WALPACK_COLUMN_GENERATED |
                                       WALPACK_COLUMN_NOT_NULL;

ValueKind read_kind(FieldReader& fields, std::string_view what) {
    const std::uint32_t kind = fields.uint32(what);
    if (kind < WALPACK_KIND_BOOL || kind > WALPACK_KIND_OUTPUT)
        fields.fail(fmt::format("{} {} is unknown", what, kind));
    return static_cast<ValueKind>(kind);
}

std::optional<TypeName> read_type(FieldReader& fields, std::string_view what) {
    if (fields.skip_nil()) return std::nullopt;
    fields.array_of(what, 3);
    TypeName type;
    type.oid = fields.uint32("type oid");
    type.schema = fields.name("type schema");
    type.name = fields.name("type name");
    return type;
}

bool is_container(ValueKind kind) {
    return kind == ValueKind::array || kind == ValueKind::range || kind == ValueKind::multirange;
}

// A container in send form has elements that have one too, and says which.
void check_element(FieldReader& fields, const Attribute& attribute) {
    if (!is_container(attribute.kind)) return;
    const bool has_send_form =
        attribute.element && attribute.element_kind && attribute.element_kind != ValueKind::output;
    if (!has_send_form)
        fields.fail(
            fmt::format("column of kind {} has no element kind", to_string(attribute.kind)));
}

Attribute read_attribute(FieldReader& fields) {
    fields.array_of("column", 8);
    Attribute attribute;
    attribute.name = fields.name("column name");
    attribute.kind = read_kind(fields, "value kind");
    const std::uint32_t flags = fields.flags("column flags", kColumnFlags);
    attribute.is_key = (flags & WALPACK_COLUMN_KEY) != 0;
    attribute.is_identity_always = (flags & WALPACK_COLUMN_IDENTITY_ALWAYS) != 0;
    attribute.is_identity_default = (flags & WALPACK_COLUMN_IDENTITY_DEFAULT) != 0;
    attribute.is_generated = (flags & WALPACK_COLUMN_GENERATED) != 0;
    attribute.is_not_null = (flags & WALPACK_COLUMN_NOT_NULL) != 0;
    attribute.typmod = fields.int32("type modifier");

    auto type = read_type(fields, "column type");
    if (!type) fields.fail("column type is nil");
    attribute.type = std::move(*type);
    attribute.base = read_type(fields, "base type");
    attribute.element = read_type(fields, "element type");
    if (!fields.skip_nil()) attribute.element_kind = read_kind(fields, "element kind");
    check_element(fields, attribute);
    return attribute;
}

void read_attributes(FieldReader& fields, Relation& relation) {
    const std::uint64_t count = fields.array("columns");
    if (count > kAttributesMax) fields.fail(fmt::format("relation has {} columns", count));
    for (std::uint64_t i = 0; i < count; ++i) {
        relation.attributes.push_back(read_attribute(fields));
        if (relation.attributes.back().is_key) relation.key_attributes.push_back(i);
    }

    std::unordered_set<std::string_view> names;
    for (const Attribute& attribute : relation.attributes)
        if (!names.insert(attribute.name).second)
            fields.fail(fmt::format("relation has two columns \"{}\"", attribute.name));
}

void check_identity(FieldReader& fields, const Relation& relation) {
    const std::size_t keys = relation.key_attributes.size();
    if (relation.replica_identity == ReplicaIdentity::nothing && keys > 0)
        fields.fail("relation without replica identity has key columns");
    if (relation.replica_identity == ReplicaIdentity::full && keys != relation.attributes.size())
        fields.fail("relation with full replica identity has columns outside of it");
}

}  // namespace

RelationHead read_relation_head(FieldReader& fields) {
    fields.expect_elements(10);
    RelationHead head;
    head.id = fields.uint32("relation id");
    head.version = fields.uint32("relation version");
    return head;
}

Relation read_relation(FieldReader& fields, const RelationHead& head) {
    Relation relation;
    relation.id = head.id;
    relation.version = head.version;
    relation.oid = fields.uint32("relation oid");
    relation.schema = fields.name("relation schema");
    relation.name = fields.name("relation name");
    relation.relkind = fields.letter("relkind", "rp");
    relation.replica_identity =
        static_cast<ReplicaIdentity>(fields.letter("replica identity", "dnfi"));
    if (!fields.skip_nil()) {
        relation.leaf = fields.name("leaf partition");
        if (relation.relkind != 'p')
            fields.fail("leaf partition of a table that is not partitioned");
    }
    read_attributes(fields, relation);
    check_identity(fields, relation);
    return relation;
}

}  // namespace walpack
