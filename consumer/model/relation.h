// The source's description of a table, as its Relation record gave it. Immutable: a changed table
// is a new Relation with a higher version, shared by everything that still refers to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace walpack {

// How a column's values are encoded: the numbers of protocol/format.h (WALPACK_KIND_*), one to one.
enum class ValueKind : std::uint8_t {
    boolean = 1,
    int2,
    int4,
    int8,
    oid,
    uint8,
    float4,
    float8,
    character,
    text,
    bytea,
    uuid,
    date,
    time,
    timestamp,
    timestamptz,
    timetz,
    interval,
    money,
    numeric,
    jsonb,
    enumeration,
    array,
    range,
    multirange,
    send,
    output,
};

// The kind's name in docs/protocol.md, such as int4.
std::string_view to_string(ValueKind kind);

enum class ReplicaIdentity : char { default_key = 'd', nothing = 'n', full = 'f', index = 'i' };

struct TypeName {
    std::uint32_t oid = 0;  // at the source: means nothing on a target
    std::string schema;
    std::string name;

    // schema.name with quotes where SQL needs them: for messages.
    std::string qualified_name() const;

    friend bool operator==(const TypeName&, const TypeName&) = default;
};

struct Attribute {
    std::string name;
    ValueKind kind = ValueKind::output;
    bool is_key = false;  // part of the replica identity
    bool is_identity_always = false;
    bool is_identity_default = false;
    bool is_generated = false;
    bool is_not_null = false;
    std::int32_t typmod = -1;
    TypeName type;
    std::optional<TypeName> base;     // a domain's type below all domains
    std::optional<TypeName> element;  // array: element; range: subtype; multirange: range
    std::optional<ValueKind> element_kind;

    // The type whose representation the values have: base for a domain, else type.
    const TypeName& value_type() const { return base ? *base : type; }

    friend bool operator==(const Attribute&, const Attribute&) = default;
};

struct Relation {
    std::uint32_t id = 0;
    std::uint32_t version = 0;
    std::uint32_t oid = 0;
    std::string schema;
    std::string name;
    char relkind = 'r';
    ReplicaIdentity replica_identity = ReplicaIdentity::default_key;
    // The partition whose rows come as rows of this partitioned table: for people to read.
    std::optional<std::string> leaf;
    std::vector<Attribute> attributes;
    std::vector<std::size_t> key_attributes;  // indexes into attributes, ascending

    // schema.name with quotes where SQL needs them: for messages.
    std::string qualified_name() const;
    // The same, apart from what tells two descriptions of one table apart.
    bool describes_same(const Relation& other) const;
};

}  // namespace walpack
