/*
 * What the plugin knows about one relation: what is published of it, as which relation, and how
 * each of its columns is encoded.
 *
 * A partition may be published as a partitioned ancestor: then columns come in the ancestor's order
 * and under its names, but their values and the replica identity are the partition's own.
 */
#ifndef WALPACK_PLUGIN_RELATION_ENTRY_H
#define WALPACK_PLUGIN_RELATION_ENTRY_H

#include "server.h"

#include "publication_filter.h"
#include "row_filter.h"
#include "value_encoder.h"

namespace walpack::plugin {

struct Column {
    int index;      /* in the relation's own tuple, from 0 */
    int16_t length; /* attlen: -1 for a varlena */
    bool is_key;
    uint8_t flags; /* WALPACK_COLUMN_... */
    int32_t typmod;
    TypeShape shape;
    ValueEncoder encoder;
    const char* name;
};

enum class EntryState : uint8_t { kInvalid, kBuilding, kValid };

struct RelationEntry {
    Oid oid; /* hash key */
    EntryState state;
    bool depends_on_types; /* has a column of a type that users can alter */
    uint32_t generation;   /* of the cache, at the last build */
    uint32_t type_generation;
    MemoryContext context; /* emptied at each build */

    uint32_t id;             /* 0 before the first description */
    uint64_t content;        /* digest of its description; 0 until that is needed */
    uint64_t described;      /* the content that was described last to all transactions */
    uint32_t version;        /* of that description, or of the last one under the id before */
    TransactionId told_xid;  /* the uncommitted transaction that was described to last, */
    uint64_t told_described; /* and the content that was */

    uint8_t actions; /* set of kPublish...; when 0, nothing below is filled in */
    bool is_leaf;    /* published as an ancestor, which is what oid, schema and name are of */
    char kind;       /* relkind of the relation that it is published as */
    char identity;   /* pg_class.relreplident, of its own */
    Oid published_oid;
    const char* schema;
    const char* name;
    const char* leaf; /* its own qualified name when is_leaf, else null */
    TupleDesc descriptor;
    Column* columns; /* those that are published, in their order */
    int column_count;
    int key_count; /* columns of the replica identity; 0 when it is none or cannot be sent whole */
    RowFilter* filter; /* null: every row passes */
    RowValues new_row; /* room for the two tuples of an update */
    RowValues old_row;
};

/*
 * Fills in all from `actions` on, as the catalogues are now; memory comes from entry.context, whose
 * content is dropped. `ancestors` of a partition are left in the current memory context.
 */
void build_relation_entry(RelationEntry& entry, Relation relation, PublicationFilter& filter,
                          StringInfo scratch, List** ancestors);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_RELATION_ENTRY_H
