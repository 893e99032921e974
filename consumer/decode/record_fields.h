// The fields of the records that are neither a Relation nor rows. Each function takes what follows
// the record's type and throws Error(protocol) for what is not as docs/protocol.md says.
#pragma once

#include <cstdint>
#include <string_view>

#include "decode/field_reader.h"
#include "decode/relation_map.h"
#include "model/record.h"

namespace walpack {

struct Fragment {
    bool is_first = false;
    bool is_last = false;
    bool is_abandoned = false;
    std::string_view bytes;
};

Hello read_hello(FieldReader& fields);
Begin read_begin(FieldReader& fields);
Commit read_commit(FieldReader& fields);
Truncate read_truncate(FieldReader& fields, const RelationMap& relations);
LogicalMessage read_message(FieldReader& fields);
Notice read_notice(FieldReader& fields);
Fragment read_fragment(FieldReader& fields);

}  // namespace walpack
