/*
 * What lives from startup to shutdown of one decoding session.
 *
 * Three memory contexts, all children of the decoding context, which the server deletes at the end
 * and after an error: `context` holds this and everything with the session's life (options, the
 * writer's block), the relation cache has its own below it, and `change_context` is emptied after
 * each change.
 */
#ifndef WALPACK_PLUGIN_PLUGIN_STATE_H
#define WALPACK_PLUGIN_PLUGIN_STATE_H

#include "server.h"

#include "message_writer.h"
#include "options.h"
#include "relation_cache.h"
#include "row_encoder.h"
#include "uncommitted_transaction.h"

namespace walpack::plugin {

struct PluginState {
    MemoryContext context;
    MemoryContext change_context;
    Options options;
    MessageWriter writer;
    RelationCache* relations;
    EncodingPosition position;
    UncommittedTransaction* uncommitted; /* the one being sent; null for a committed one */
    TransactionId uncommitted_xid;
    int changes_since_progress;
    int settings_level; /* GUC nest level to close at shutdown; 0 when none was opened */
};

static_assert(std::is_trivially_destructible_v<PluginState>);

inline PluginState& state_of(LogicalDecodingContext* ctx) {
    return *static_cast<PluginState*>(ctx->output_plugin_private);
}

/* At the end of a transaction. A skipped one had nothing to send: synchronous replication must not
 * wait for it. */
inline void report_transaction(LogicalDecodingContext* ctx, PluginState& state, bool skipped) {
    state.changes_since_progress = 0;
    update_progress(ctx, skipped);
}

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_PLUGIN_STATE_H
