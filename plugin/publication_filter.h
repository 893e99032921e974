/*
 * Publications -> the actions published for a relation.
 *
 * With no publication named, every user table is published with every action. Otherwise a relation
 * is published by each named publication that covers it: for all tables, by name, by schema, or
 * through a partitioned ancestor (then the partition is published as itself). Actions of several
 * publications add up. A publication that does not exist is skipped, with one WARNING a session and
 * a notice for the stream; it counts again as soon as the catalogues, as of the change being
 * decoded, show it.
 *
 * A publication with a row filter, a column list or a partition root for the relation is refused,
 * as ignoring it would publish what it withholds.
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

/* `names` is a list of char* that lives as long as the filter. */
PublicationFilter make_publication_filter(const List* names, MemoryContext keep);

/* The actions that are published for the relation; 0 for none. */
uint8_t published_actions(PublicationFilter& filter, Relation relation);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_PUBLICATION_FILTER_H
