/*
 * What the plugin knows about each relation it met, and whether the reader was told.
 *
 * An entry is built at the first change of the relation and again at the first change after an
 * invalidation. When that changed its description, a Relation record goes out before the change.
 * The id of a relation stays as long as its entry; the version counts the descriptions under that
 * id. Ids of relations that were dropped are given to others, so that a reader, which learns of no
 * drop, keeps no more relations than there were at once.
 *
 * Invalidation callbacks only set flags. They may come in the middle of our own work, from any
 * catalogue access, and in sessions that no longer decode: the server offers no way to unregister
 * them. They find the cache through the one static pointer of the plugin, which a reset callback of
 * the decoding context clears, as no shutdown callback runs after an error.
 *
 * A new temporary table brings changes of types along. They would invalidate every relation with a
 * column of a user's type if types were not told apart, so the cache keeps those it depends on.
 *
 * Memory: the cache lives in its own context; each entry has a child of it, emptied at each
 * rebuild.
 */
#ifndef WALPACK_PLUGIN_RELATION_CACHE_H
#define WALPACK_PLUGIN_RELATION_CACHE_H

#include "server.h"

#include "publication_filter.h"
#include "relation_entry.h"

namespace walpack::plugin {

struct FreeId {
    uint32_t id;
    uint32_t version; /* of the last description that all transactions were given under it */
};

struct RelationCache {
    MemoryContext context;
    HTAB* entries;
    HTAB* types;     /* the types that entries use, as the hash values that invalidation gives */
    HTAB* ancestors; /* oids of the partitioned tables above relations with an entry */
    long entry_count_max; /* where the entries of dropped relations are swept out */
    bool is_sweep_due;
    RelationEntry* last; /* the most recently looked up */
    PublicationFilter filter;
    StringInfo scratch;
    uint32_t generation;      /* counts events that concern every relation */
    uint32_t type_generation; /* counts changes of types and enum labels */
    uint32_t last_id;
    FreeId* free_ids; /* those whose entries were swept out */
    uint32_t free_id_count;
    uint32_t free_id_room;
};

/* One cache exists at a time; it dies with the decoding context. */
RelationCache* open_relation_cache(LogicalDecodingContext* ctx, MemoryContext parent,
                                   const List* publication_names);

/*
 * When it is due, and at the begin of a change: ids that a change names must not come to mean
 * something else before it is written.
 */
void sweep_dropped_relations(RelationCache& cache);

/* Gives the entry an id, before its first description. */
void take_id(RelationCache& cache, RelationEntry& entry);

/* The entry, valid for the change being decoded and until the next look-up. Reads catalogues. */
RelationEntry& look_up_relation(RelationCache& cache, Relation relation);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_RELATION_CACHE_H
