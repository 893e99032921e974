/*
 * What is kept of a transaction that is sent before it is committed: one in progress, from its
 * first block to its end, or a prepared one, while it is sent.
 *
 * Its relations are described for it alone, as it may have altered them, and as the reader decodes
 * it later than what is sent beside it. It hangs on the reorder buffer's transaction and has a
 * memory context of its own.
 */
#ifndef WALPACK_PLUGIN_UNCOMMITTED_TRANSACTION_H
#define WALPACK_PLUGIN_UNCOMMITTED_TRANSACTION_H

#include "server.h"

#include "message_writer.h"

namespace walpack::plugin {

/* How a relation was last described to the reader. */
struct RelationDescription {
    uint32_t id; /* of the relation; hash key */
    uint32_t version;
    uint64_t content; /* digest of what was described */
};

struct UncommittedTransaction {
    MemoryContext context;
    HTAB* descriptions;
    TransactionTally tally;
    bool is_sent; /* some of it was */
};

/* The one of this top-level transaction, made under `parent` if there is none yet. */
UncommittedTransaction& uncommitted_of(ReorderBufferTXN* top, MemoryContext parent);

/* Null when nothing was kept. */
UncommittedTransaction* find_uncommitted(const ReorderBufferTXN* top);

/* Harmless when nothing was kept. */
void forget_uncommitted(ReorderBufferTXN* top);

/* A version of zero in the result: not described yet. Valid until the next call. */
RelationDescription& description_of(UncommittedTransaction& transaction, uint32_t relation_id);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_UNCOMMITTED_TRANSACTION_H
