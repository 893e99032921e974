/*
 * The one door to the PostgreSQL server's headers.
 *
 * Every source of the plugin includes this first. It puts the server's C headers inside extern "C",
 * silences the warnings that are theirs (15 still uses `register`), makes PGDLLEXPORT mean
 * "visible" on the versions where it is empty, and hides what differs between server versions 14 to
 * 19 behind the small functions and aliases at the end. A version test belongs here, unless it
 * selects between catalogue functions in publication_filter.cpp or callbacks in relation_cache.cpp.
 *
 * The C++ headers stand before postgres.h, which redefines names of theirs (snprintf and friends).
 */
#ifndef WALPACK_PLUGIN_SERVER_H
#define WALPACK_PLUGIN_SERVER_H

// clang-format off
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include <pg_config.h>

#if PG_VERSION_NUM < 160000
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wregister"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include <postgres.h>

#include <access/detoast.h>
#include <access/heapam.h>
#include <access/htup_details.h>
#include <access/sysattr.h>
#include <access/tupmacs.h>
#include <access/xact.h>
#include <access/xlog.h>
#include <catalog/catalog.h>
#include <catalog/partition.h>
#include <catalog/pg_attribute.h>
#include <catalog/pg_class.h>
#include <catalog/pg_enum.h>
#include <catalog/pg_publication.h>
#include <catalog/pg_publication_rel.h>
#include <catalog/pg_type.h>
#include <commands/dbcommands.h>
#include <executor/executor.h>
#include <fmgr.h>
#include <mb/pg_wchar.h>
#include <miscadmin.h>
#include <nodes/makefuncs.h>
#include <nodes/pg_list.h>
#include <nodes/readfuncs.h>
#include <replication/logical.h>
#include <replication/origin.h>
#include <replication/output_plugin.h>
#include <replication/reorderbuffer.h>
#include <replication/slot.h>
#if PG_VERSION_NUM >= 180000
#include <rewrite/rewriteHandler.h>
#endif
#include <utils/array.h>
#include <utils/builtins.h>
#include <utils/cash.h>
#include <utils/date.h>
#include <utils/guc.h>
#include <utils/hsearch.h>
#include <utils/inval.h>
#include <utils/jsonb.h>
#include <utils/lsyscache.h>
#include <utils/memutils.h>
#include <utils/pg_lsn.h>
#include <utils/rel.h>
#include <utils/syscache.h>
#include <utils/timestamp.h>
#include <utils/uuid.h>
#include <utils/varlena.h>
#include <utils/xid8.h>
#if PG_VERSION_NUM >= 160000
#include <varatt.h>
#endif
}
#pragma GCC diagnostic pop
// clang-format on

namespace walpack::plugin {

#if PG_VERSION_NUM >= 190000
using OriginId = ReplOriginId;
using CatalogCacheId = SysCacheIdentifier;
#else
using OriginId = RepOriginId;
using CatalogCacheId = int;
#endif

/* The origin of a change made by an ordinary session. */
inline constexpr OriginId kNoOrigin = 0;

/* An LSN for %X/%X: the server's own macro for this is C only. */
#define WALPACK_LSN_ARGS(lsn) static_cast<uint32>((lsn) >> 32), static_cast<uint32>(lsn)

/* Tells the walsender that decoding goes on; a skipped transaction may make it send a keepalive. */
inline void update_progress(LogicalDecodingContext* ctx, [[maybe_unused]] bool skipped) {
#if PG_VERSION_NUM >= 150000
    OutputPluginUpdateProgress(ctx, skipped);
#else
    OutputPluginUpdateProgress(ctx);
#endif
}

inline TimestampTz commit_time_of(const ReorderBufferTXN* txn) {
#if PG_VERSION_NUM >= 150000 && PG_VERSION_NUM < 190000
    return txn->xact_time.commit_time;
#else
    return txn->commit_time;
#endif
}

inline TimestampTz prepare_time_of(const ReorderBufferTXN* txn) {
#if PG_VERSION_NUM >= 190000
    return txn->prepare_time;
#elif PG_VERSION_NUM >= 150000
    return txn->xact_time.prepare_time;
#else
    return txn->commit_time;
#endif
}

/* The top-level transaction, which may be `txn` itself. */
inline ReorderBufferTXN* top_transaction_of(ReorderBufferTXN* txn) {
    return txn->toptxn == nullptr ? txn : txn->toptxn;
}

/* The tuples of a change; null when WAL holds none. The reorder buffer owns them: read only. */
inline HeapTuple new_tuple_of(const ReorderBufferChange* change) {
#if PG_VERSION_NUM >= 170000
    return change->data.tp.newtuple;
#else
    return change->data.tp.newtuple == nullptr ? nullptr : &change->data.tp.newtuple->tuple;
#endif
}

inline HeapTuple old_tuple_of(const ReorderBufferChange* change) {
#if PG_VERSION_NUM >= 170000
    return change->data.tp.oldtuple;
#else
    return change->data.tp.oldtuple == nullptr ? nullptr : &change->data.tp.oldtuple->tuple;
#endif
}

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_SERVER_H
