/*
 * The callbacks that carry content: filter, describe, encode, write.
 *
 * Each brackets its work with enter() and leave(). They cannot be a guard object: an ERROR leaves
 * these functions by longjmp, past any destructor. What leave() does not get to do then is
 * harmless: the server resets error_context_stack, and the next enter() empties the change context.
 */
#include "announcements.h"
#include "callbacks.h"
#include "protocol/format.h"

namespace walpack::plugin {
namespace {

#if PG_VERSION_NUM < 160000
constexpr int kChangesPerProgress = 100;
#endif

void describe_position(void* argument) {
    const EncodingPosition& position = *static_cast<EncodingPosition*>(argument);
    if (position.met_name != nullptr)
        errcontext("while looking up relation \"%s\" at LSN %X/%X", position.met_name,
                   WALPACK_LSN_ARGS(position.lsn));
    if (position.relation == nullptr) return;
    if (position.column != nullptr)
        errcontext("while encoding column \"%s\" of relation \"%s.%s\" at LSN %X/%X",
                   position.column->name, position.relation->schema, position.relation->name,
                   WALPACK_LSN_ARGS(position.lsn));
    else
        errcontext("while encoding relation \"%s.%s\" at LSN %X/%X", position.relation->schema,
                   position.relation->name, WALPACK_LSN_ARGS(position.lsn));
}

struct Bracket {
    ErrorContextCallback trace;
    MemoryContext caller;
};

void enter(PluginState& state, XLogRecPtr lsn, Bracket& bracket) {
    state.writer.enter();
    MemoryContextReset(state.change_context);
    bracket.caller = MemoryContextSwitchTo(state.change_context);
    state.position = {lsn, nullptr, nullptr, nullptr};
    if (state.relations->is_sweep_due) sweep_dropped_relations(*state.relations);
    bracket.trace = {error_context_stack, describe_position, &state.position};
    error_context_stack = &bracket.trace;
}

void leave(LogicalDecodingContext* ctx, PluginState& state, const Bracket& bracket) {
    error_context_stack = bracket.trace.previous;
    MemoryContextSwitchTo(bracket.caller);
    MemoryContextReset(state.change_context);
#if PG_VERSION_NUM < 160000
    /* From 16 on the reorder buffer does this. Counted for filtered changes too. */
    if (++state.changes_since_progress < kChangesPerProgress) return;
    state.changes_since_progress = 0;
    update_progress(ctx, false);
#else
    (void)ctx;
#endif
}

uint8_t action_of(const ReorderBufferChange* change) {
    switch (change->action) {
        case REORDER_BUFFER_CHANGE_INSERT:
            return kPublishInsert;
        case REORDER_BUFFER_CHANGE_UPDATE:
            return kPublishUpdate;
        case REORDER_BUFFER_CHANGE_DELETE:
            return kPublishDelete;
        default:
            elog(ERROR, "unexpected change %d", static_cast<int>(change->action));
    }
}

/* The relation's entry; null when the action is not published for it. */
RelationEntry* published_relation(PluginState& state, Relation relation, uint8_t action) {
    state.position.relation = nullptr;
    state.position.met_name = RelationGetRelationName(relation);
    RelationEntry& entry = look_up_relation(*state.relations, relation);
    state.position.met_name = nullptr;
    if ((entry.actions & action) == 0) return nullptr;
    state.position.relation = &entry;
    return &entry;
}

/* How the old side of an update or delete travels. */
enum class OldSide : uint8_t { kNone, kKey, kFull };

OldSide old_side_of(const RelationEntry& entry, bool has_old_tuple) {
    if (!has_old_tuple) return OldSide::kNone;
    if (entry.identity == REPLICA_IDENTITY_FULL) return OldSide::kFull;
    return entry.key_count > 0 ? OldSide::kKey : OldSide::kNone;
}

/* A change after the row filter: what is to be sent of it. Null rows are not there. */
struct RowChange {
    const RowValues* old_row;
    const RowValues* new_row;
    bool is_insert;
};

void write_old_row(PackBuffer& out, PluginState& state, RelationEntry& entry, const RowValues& row,
                   OldSide side) {
    encode_row(out, entry, row, side == OldSide::kKey ? RowRole::kKey : RowRole::kOld,
               state.position);
}

void write_row(PluginState& state, RelationEntry& entry, const RowChange& change) {
    constexpr uint32_t kUpdates[] = {WALPACK_UPDATE, WALPACK_UPDATE_KEY, WALPACK_UPDATE_FULL};
    constexpr uint32_t kDeletes[] = {WALPACK_DELETE_NONE, WALPACK_DELETE_KEY, WALPACK_DELETE_FULL};
    const OldSide side = old_side_of(entry, change.old_row != nullptr);
    const bool has_old = side != OldSide::kNone;
    const bool has_new = change.new_row != nullptr;
    const uint32_t record = change.is_insert
                                ? static_cast<uint32_t>(WALPACK_INSERT)
                                : (has_new ? kUpdates : kDeletes)[static_cast<int>(side)];

    PackBuffer& out = state.writer.begin_row({record, entry.id, has_old && has_new ? 2U : 1U});
    if (has_old)
        write_old_row(out, state, entry, *change.old_row, side);
    else if (!has_new)
        out.array(0);
    if (has_new) encode_row(out, entry, *change.new_row, RowRole::kNew, state.position);
    state.writer.end_row();
}

const RowValues* deform(RelationEntry& entry, HeapTuple tuple, RowValues& row) {
    if (tuple == nullptr) return nullptr;
    heap_deform_tuple(tuple, entry.descriptor, row.values, row.nulls);
    return &row;
}

/* False when the row filter holds the row back; may turn an update into an insert or a delete. */
bool pass_filter(RelationEntry& entry, uint8_t action, RowValues& new_row, RowChange& change) {
    if (entry.filter == nullptr) return true;
    if (action == kPublishInsert) return passes_insert(*entry.filter, new_row);
    if (action == kPublishDelete)
        return change.old_row == nullptr || passes_delete(*entry.filter, *change.old_row);

    switch (judge_update(*entry.filter, change.old_row, new_row)) {
        case RowVerdict::kSkip:
            return false;
        case RowVerdict::kInsert:
            change = {nullptr, &new_row, true};
            return true;
        case RowVerdict::kDelete:
            change.new_row = nullptr;
            return true;
        case RowVerdict::kUpdate:
            return true;
    }
    return true;
}

void write_truncate(PluginState& state, const uint32_t* ids, int count, uint32_t flags) {
    PackBuffer& out = state.writer.begin_change();
    out.array(3);
    out.unsigned_integer(WALPACK_TRUNCATE);
    out.unsigned_integer(flags);
    out.array(count);
    for (int index = 0; index < count; ++index) out.unsigned_integer(ids[index]);
    state.writer.end_change();
}

void write_change(PluginState& state, RelationEntry& entry, uint8_t action,
                  const ReorderBufferChange& change) {
    RowValues new_row = entry.new_row;
    RowChange row = {deform(entry, old_tuple_of(&change), entry.old_row),
                     deform(entry, new_tuple_of(&change), new_row), action == kPublishInsert};
    if (!pass_filter(entry, action, new_row, row)) return;
    announce_source(state, {change.txn->xid, change.origin_id});
    announce_relation(state, entry);
    write_row(state, entry, row);
}

struct LogicalMessage {
    uint32_t flags;
    XLogRecPtr lsn;
    const char* prefix;
    const char* content;
    Size size;
};

void encode_message(PackBuffer& out, const LogicalMessage& message) {
    out.array(5);
    out.unsigned_integer(WALPACK_MESSAGE);
    out.unsigned_integer(message.flags);
    out.unsigned_integer(message.lsn);
    out.text(message.prefix);
    out.bin(message.content, message.size);
}

/*
 * In a block the server names the top-level transaction only, and knows no origin. The transaction
 * that the message is of is the one whose end the server watches out for while the callback runs;
 * it watches for none when the transaction is known to be committed, and then none of its
 * subtransactions can be rolled back any more.
 */
void announce_source_of_message(PluginState& state, const ReorderBufferTXN& txn) {
    if (!state.writer.is_in_block()) return announce_source(state, {txn.xid, txn.origin_id});
    const TransactionId xid = TransactionIdIsValid(CheckXidAlive) ? CheckXidAlive : txn.xid;
    announce_source(state, {xid, state.writer.origin()});
}

bool is_wanted(const Options& options, const char* prefix) {
    if (!options.messages) return false;
    if (options.message_prefixes == NIL) return true;
    ListCell* cell;
    foreach (cell, options.message_prefixes)
        if (strcmp((char*)lfirst(cell), prefix) == 0) return true;
    return false;
}

/*
 * Of a subtransaction that is rolled back the server tells, by stream_abort, only when it has noted
 * that some of it was streamed; and it does not note that where more than 4096 of its changes were
 * spilled to disk before (ReorderBufferTruncateTXN() looks at those in memory, which are none
 * then). Who is told nothing would apply what was rolled back. So it is noted here.
 */
void note_streamed(const PluginState& state, const ReorderBufferTXN* top, ReorderBufferTXN* txn) {
    if (txn != top && state.writer.is_in_block()) txn->txn_flags |= RBTXN_IS_STREAMED;
}

/* A message comes with the top-level transaction alone. */
void note_streamed_message(const PluginState& state, ReorderBufferTXN* top) {
    if (!state.writer.is_in_block() || !TransactionIdIsValid(CheckXidAlive)) return;
    /* The server's macros for lists are not C++. */
    const dlist_node* head = &top->subtxns.head;
    for (dlist_node* node = head->prev; node != nullptr && node != head; node = node->prev) {
        auto* txn = reinterpret_cast<ReorderBufferTXN*>(reinterpret_cast<char*>(node) -
                                                        offsetof(ReorderBufferTXN, node));
        if (txn->xid == CheckXidAlive) return note_streamed(state, top, txn);
    }
}

}  // namespace

extern "C" void walpack_change(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                               Relation relation, ReorderBufferChange* change) {
    PluginState& state = state_of(ctx);
    Bracket bracket;
    enter(state, change->lsn, bracket);

    const uint8_t action = action_of(change);
    RelationEntry* entry = published_relation(state, relation, action);
    if (entry != nullptr) {
        note_streamed(state, txn, change->txn);
        write_change(state, *entry, action, *change);
    }
    leave(ctx, state, bracket);
}

extern "C" void walpack_truncate(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                                 int relation_count, Relation relations[],
                                 ReorderBufferChange* change) {
    PluginState& state = state_of(ctx);
    Bracket bracket;
    enter(state, change->lsn, bracket);
    note_streamed(state, txn, change->txn);

    auto* ids = static_cast<uint32_t*>(palloc(relation_count * sizeof(uint32_t)));
    int count = 0;
    for (int index = 0; index < relation_count; ++index) {
        RelationEntry* entry = published_relation(state, relations[index], kPublishTruncate);
        /* What is published as its root is emptied when the root is. */
        if (entry == nullptr || entry->is_leaf) continue;
        announce_source(state, {change->txn->xid, change->origin_id});
        announce_relation(state, *entry);
        ids[count++] = entry->id;
    }
    state.position.relation = nullptr;

    const auto& truncate = change->data.truncate;
    const uint32_t flags = (truncate.cascade ? WALPACK_TRUNCATE_CASCADE : 0) |
                           (truncate.restart_seqs ? WALPACK_TRUNCATE_RESTART_IDENTITY : 0);
    if (count > 0) write_truncate(state, ids, count, flags);
    leave(ctx, state, bracket);
}

/* A non-transactional message comes without a transaction: no catalogue may be read for it. */
extern "C" void walpack_message(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, XLogRecPtr lsn,
                                bool is_transactional, const char* prefix, Size size,
                                const char* content) {
    PluginState& state = state_of(ctx);
    Bracket bracket;
    enter(state, lsn, bracket);

    if (!is_wanted(state.options, prefix)) return leave(ctx, state, bracket);
    if (is_transactional) {
        note_streamed_message(state, txn);
        announce_source_of_message(state, *txn);
        encode_message(state.writer.begin_change(),
                       {WALPACK_MESSAGE_TRANSACTIONAL, lsn, prefix, content, size});
        state.writer.end_change();
    } else {
        encode_message(state.writer.begin_standalone(), {0, lsn, prefix, content, size});
        state.writer.end_standalone();
    }
    leave(ctx, state, bracket);
}

}  // namespace walpack::plugin
