/*
 * Whose relation ids a record means.
 *
 * Ids and versions of Relation records hold for one scope. A streamed transaction and a prepared
 * one have a scope each, for what they see of the catalogs is theirs alone; all other transactions
 * share one. A scope of a transaction lives from its first record to its last, and a streamed one
 * is left and entered again with every block.
 */
#ifndef WALPACK_PLUGIN_SQL_SCOPE_H
#define WALPACK_PLUGIN_SQL_SCOPE_H

#include "sql_relation.h"
#include "sql_server.h"

namespace walpack::sql {

class RelationScopes {
  public:
    // Lives in `parent`, in the shared scope.
    explicit RelationScopes(MemoryContext parent);

    [[nodiscard]] RelationMap& current() { return *current_; }

    // What follows belongs to the transaction of its own scope, a new one if there is none yet.
    void enter(uint32_t xid);
    // What follows belongs to the shared scope.
    void leave() { current_ = shared_; }
    // The transaction is over, whether it had a scope or not.
    void end(uint32_t xid);
    // The one entered last is; nothing happens in the shared scope.
    void end_current();

    // A new session begins.
    void clear();

  private:
    MemoryContext context_;
    RelationMap* shared_ = nullptr;
    RelationMap* current_ = nullptr;
    uint32_t entered_ = 0;  // xid of the current scope, unless it is the shared one
    HTAB* own_ = nullptr;   // by xid
};

static_assert(std::is_trivially_destructible_v<RelationScopes>);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_SCOPE_H
