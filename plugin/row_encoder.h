/*
 * A deformed tuple of WAL -> a row: one MessagePack array.
 *
 * A new or old row has one value per published column; a key row one per column of the replica
 * identity, as the other columns of an old key tuple are NULL without meaning it. An unchanged
 * TOAST value can only stand in a new row. Nothing is ever fetched from a TOAST table.
 */
#ifndef WALPACK_PLUGIN_ROW_ENCODER_H
#define WALPACK_PLUGIN_ROW_ENCODER_H

#include "server.h"

#include "pack_buffer.h"
#include "relation_entry.h"

namespace walpack::plugin {

enum class RowRole : uint8_t { kNew, kOld, kKey };

/* Where encoding is; read by the error context callback, so it is kept up to date throughout. */
struct EncodingPosition {
    XLogRecPtr lsn;
    const char* met_name;          /* of the relation being looked up; null afterwards */
    const RelationEntry* relation; /* the one being encoded; null before */
    const Column* column;          /* null between columns */
};

void encode_row(PackBuffer& out, RelationEntry& relation, const RowValues& row, RowRole role,
                EncodingPosition& position);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_ROW_ENCODER_H
