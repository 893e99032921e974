#include "decode/relation_map.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "decode/relation_fields.h"

namespace walpack {
namespace {

constexpr WireTypes kNil = bit_of(WireType::nil);
constexpr WireTypes kUnchangedToast = bit_of(WireType::ext);
constexpr WireTypes kText = bit_of(WireType::str) | bit_of(WireType::bin);

WireTypes types_of_value(ValueKind kind) {
    switch (kind) {
        case ValueKind::boolean:
            return bit_of(WireType::boolean);
        case ValueKind::int2:
        case ValueKind::int4:
        case ValueKind::int8:
        case ValueKind::oid:
        case ValueKind::date:
        case ValueKind::time:
        case ValueKind::timestamp:
        case ValueKind::timestamptz:
        case ValueKind::money:
            return bit_of(WireType::integer);
        case ValueKind::uint8:
            return bit_of(WireType::integer) | bit_of(WireType::unsigned_integer);
        case ValueKind::float4:
            return bit_of(WireType::float32);
        case ValueKind::float8:
            return bit_of(WireType::float64);
        case ValueKind::text:
        case ValueKind::enumeration:
        case ValueKind::output:
            return kText;
        case ValueKind::jsonb:
            return kText | kCompactForm;
        case ValueKind::numeric:
        case ValueKind::array:
            return bit_of(WireType::bin) | kCompactForm;
        default:
            return bit_of(WireType::bin);
    }
}

KnownRelation with_wire_types(std::shared_ptr<const Relation> relation) {
    KnownRelation known;
    for (const Attribute& attribute : relation->attributes) {
        const WireTypes types = types_of_value(attribute.kind) | kNil;
        known.new_tuple.push_back(types | kUnchangedToast);
        known.old_tuple.push_back(types);
        if (attribute.is_key) known.key_tuple.push_back(types);
    }
    known.relation = std::move(relation);
    return known;
}

}  // namespace

std::shared_ptr<const Relation> RelationMap::describe(FieldReader& fields, bool is_from_state) {
    RelationHead head = read_relation_head(fields);
    const KnownRelation* known = find(head.id);
    if (known == nullptr && relations_.size() >= relations_max_)
        fields.fail(fmt::format("session describes more than {} relations", relations_max_));
    const std::uint32_t expected = known == nullptr ? 1 : known->relation->version + 1;
    const bool is_later = known == nullptr && head.version > expected;
    if (head.version != expected && !(is_later && is_from_state))
        fields.fail(fmt::format("relation {} has version {} instead of {}", head.id, head.version,
                                expected));

    auto relation = std::make_shared<const Relation>(read_relation(fields, head));
    relations_.insert_or_assign(head.id, with_wire_types(relation));
    return relation;
}

const KnownRelation* RelationMap::find(std::uint32_t id) const {
    const auto found = relations_.find(id);
    return found == relations_.end() ? nullptr : &found->second;
}

}  // namespace walpack
