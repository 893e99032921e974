// The fields of a Relation record. Each function throws Error(protocol) for what is not as
// docs/protocol.md says.
#pragma once

#include <cstdint>

#include "decode/field_reader.h"
#include "model/relation.h"

namespace walpack {

struct RelationHead {
    std::uint32_t id = 0;
    std::uint32_t version = 0;
};

// The fields behind the record's type.
RelationHead read_relation_head(FieldReader& fields);
// All that follow the head.
Relation read_relation(FieldReader& fields, const RelationHead& head);

}  // namespace walpack
