/*
 * Publications -> what is published of a relation, and as which relation.
 *
 * With no publication named, every user table is published with every action. Otherwise a relation
 * is published by each named publication that covers it: for all tables (from 19 on, but those
 * excepted), by name, by schema, or through a partitioned ancestor. Actions of several publications
 * add up. With publish_via_partition_root a partition is published as the topmost ancestor that any
 * publication names; then only the publications of that ancestor say which rows and columns. These
 * are the rules of the server's own plugin (get_rel_sync_entry in pgoutput.c).
 *
 * A publication that does not exist is skipped, with one WARNING a session and a notice for the
 * stream; it counts again as soon as the catalogues, as of the change being decoded, show it.
 *
 * Reads catalogues: only inside a change or truncate callback.
 */
#ifndef WALPACK_PLUGIN_PUBLICATION_FILTER_H
#define WALPACK_PLUGIN_PUBLICATION_FILTER_H

#include "server.h"

namespace walpack::plugin {

/* A set of actions. */
inline constexpr uint8_t kPublishInsert = 1;
inline constexpr uint8_t kPublishUpdate = 2;
inline constexpr uint8_t kPublishDelete = 4;
inline constexpr uint8_t kPublishTruncate = 8;
inline constexpr uint8_t kPublishAll = 15;

struct NamedPublication {
    const char* name;
    const Publication* publication; /* null when it does not exist */
    bool was_warned;
    bool notice_is_due; /* set here, cleared by whoever wrote the notice */
};

struct PublicationFilter {
    MemoryContext loaded;    /* what was read about publications; emptied at each reload */
    NamedPublication* named; /* null: every user table */
    int named_count;
    uint32_t invalidations; /* counted up by the invalidation callback */
    uint32_t loaded_at;     /* value of the above before the last complete load, plus one */
};

struct PublishedAs {
    uint8_t actions; /* 0: not at all */
    Oid relation;    /* the relation itself, or a partitioned ancestor */
    /*
     * Of Publication: those that publish it as this relation, so that their row filters and column
     * lists hold. NIL when no publication was named. Valid until publications change.
     */
    List* publications;
    List* ancestors; /* oids of the partitioned ancestors of a partition, the nearest first */
};

/* `names` is a list of char* that lives as long as the filter. */
PublicationFilter make_publication_filter(const List* names, MemoryContext keep);

/* Lists in the result are in the current memory context. */
PublishedAs published_as(PublicationFilter& filter, Relation relation);

uint8_t actions_of(const Publication& publication);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_PUBLICATION_FILTER_H
