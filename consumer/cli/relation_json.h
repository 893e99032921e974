// A relation's description as members of a JSON object.
#pragma once

#include "cli/json_writer.h"
#include "model/relation.h"

namespace walpack {

// Into an object that is open.
void write_relation(JsonWriter& json, const Relation& relation);

}  // namespace walpack
