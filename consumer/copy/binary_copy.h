// Whether a table can be copied in COPY's binary format.
//
// There the target's receive function takes what the source's send function gave. (Binding tells
// how a value of the stream is bound, which is another question: there the consumer makes the
// bytes.) So both types must be the same or have the same form, and nothing in the bytes may be an
// oid that the target knows by another number.
#pragma once

#include <string>

#include "schema/target_table.h"

namespace walpack {

// Its output function leaves out the encoding that a value declares, its binary form is in that.
bool is_xml(const TypeName& type);

// One phrase that names the first column which only fits as text; empty when binary will do.
std::string reason_against_binary(const RelationMapping& mapping, int source_version);

}  // namespace walpack
