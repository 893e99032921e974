/*
 * A relation -> the body of a Relation record: its name, replica identity, columns and their types.
 *
 * Types are named by schema and name as the catalogues have them, unquoted. Reads catalogues.
 */
#ifndef WALPACK_PLUGIN_RELATION_ENCODER_H
#define WALPACK_PLUGIN_RELATION_ENCODER_H

#include "server.h"

#include "pack_buffer.h"
#include "relation_entry.h"

namespace walpack::plugin {

/* Appends the whole record, with the entry's id. */
void encode_relation(PackBuffer& out, const RelationEntry& relation, uint32_t version);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_RELATION_ENCODER_H
