/*
 * What the reader must be told before a change: notices, the subtransaction and the replication
 * origin that it belongs to, and the relation, each only when it is news.
 *
 * Ordinary transactions are decoded by the reader in the order they are sent, so what one was told
 * holds for the next. An uncommitted transaction is told everything about relations itself.
 */
#ifndef WALPACK_PLUGIN_ANNOUNCEMENTS_H
#define WALPACK_PLUGIN_ANNOUNCEMENTS_H

#include "server.h"

#include "plugin_state.h"

namespace walpack::plugin {

/* Where a change comes from. */
struct ChangeSource {
    TransactionId xid; /* of the transaction or subtransaction */
    OriginId origin;
};

void announce_source(PluginState& state, const ChangeSource& source);
/* Gives the entry its id. Reads catalogues. */
void announce_relation(PluginState& state, RelationEntry& entry);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_ANNOUNCEMENTS_H
