// The relations that a session has described, by the id that row records name them with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "decode/field.h"
#include "decode/field_reader.h"
#include "model/relation.h"

namespace walpack {

// A set of WireType, a bit each.
using WireTypes = std::uint16_t;

constexpr WireTypes bit_of(WireType type) {
    return static_cast<WireTypes>(1U << static_cast<unsigned>(type));
}

// In a set: the value has a compact form, which has to be expanded.
constexpr WireTypes kCompactForm = WireTypes{1} << 15;

// A relation with what its tuples may hold, one entry per value of a tuple. nil is NULL; an
// extension is unchanged TOAST, which only a new tuple may hold.
struct KnownRelation {
    std::shared_ptr<const Relation> relation;
    std::vector<WireTypes> new_tuple;
    std::vector<WireTypes> old_tuple;
    std::vector<WireTypes> key_tuple;
};

class RelationMap {
  public:
    explicit RelationMap(std::size_t relations_max) : relations_max_(relations_max) {}

    // Reads a Relation record's fields behind its type and keeps what it describes. Throws
    // Error(protocol), also when the version is not the one that has to come; a relation that was
    // not described before may have any when it `is_from_state`.
    std::shared_ptr<const Relation> describe(FieldReader& fields, bool is_from_state = false);

    // nullptr for an id that was not described. Valid until the next describe().
    const KnownRelation* find(std::uint32_t id) const;

  private:
    std::size_t relations_max_;
    std::unordered_map<std::uint32_t, KnownRelation> relations_;
};

}  // namespace walpack
