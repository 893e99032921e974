#include "model/relation.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "protocol/format.h"

namespace walpack {
namespace {

constexpr std::string_view kKindNames[] = {
    "bool",  "int2",    "int4",  "int8", "oid",   "uint8",     "float4",      "float8", "char",
    "text",  "bytea",   "uuid",  "date", "time",  "timestamp", "timestamptz", "timetz", "interval",
    "money", "numeric", "jsonb", "enum", "array", "range",     "multirange",  "send",   "output",
};
static_assert(std::size(kKindNames) == WALPACK_KIND_OUTPUT);

bool is_plain_start(char c) {
    return (c >= 'a' && c <= 'z') || c == '_';
}

bool is_plain(char c) {
    return is_plain_start(c) || (c >= '0' && c <= '9') || c == '$';
}

std::string quoted_if_needed(const std::string& name) {
    const bool is_bare = !name.empty() && is_plain_start(name.front()) &&
                         std::all_of(name.begin(), name.end(), is_plain);
    return is_bare ? name : quote_identifier(name);
}

}  // namespace

std::string_view to_string(ValueKind kind) {
    return kKindNames[static_cast<std::size_t>(kind) - 1];
}

std::string TypeName::qualified_name() const {
    return quoted_if_needed(schema) + '.' + quoted_if_needed(name);
}

std::string Relation::qualified_name() const {
    return quoted_if_needed(schema) + '.' + quoted_if_needed(name);
}

bool Relation::describes_same(const Relation& other) const {
    return oid == other.oid && schema == other.schema && name == other.name &&
           relkind == other.relkind && replica_identity == other.replica_identity &&
           key_attributes == other.key_attributes && attributes == other.attributes;
}

}  // namespace walpack
