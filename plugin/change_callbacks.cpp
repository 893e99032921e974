/*
 * The callbacks that carry content: filter, describe, encode, write.
 *
 * Each brackets its work with enter() and leave(). They cannot be a guard object: an ERROR leaves
 * these functions by longjmp, past any destructor. What leave() does not get to do then is
 * harmless: the server resets error_context_stack, and the next enter() empties the change context.
 */
#include "callbacks.h"
#include "protocol/format.h"
#include "relation_encoder.h"

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

void write_due_notices(PluginState& state) {
    const PublicationFilter& filter = state.relations->filter;
    for (int index = 0; index < filter.named_count; ++index) {
        NamedPublication& named = filter.named[index];
        if (!named.notice_is_due) continue;
        PackBuffer& out = state.writer.begin_record();
        out.array(3);
        out.unsigned_integer(WALPACK_NOTICE);
        out.unsigned_integer(WALPACK_NOTICE_PUBLICATION_MISSING);
        out.text(named.name);
        state.writer.end_record();
        named.notice_is_due = false;
    }
}

/* Sends what the reader must know before a change of the relation. */
void describe(PluginState& state, RelationEntry& entry) {
    write_due_notices(state);
    if (entry.is_described) return;
    if (entry.id == 0) entry.id = ++state.relations->last_id;
    ++entry.version;
    encode_relation(state.writer.begin_record(), entry);
    state.writer.end_record();
    entry.is_described = true;
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

/* The relation's entry, described to the reader; null when the action is not published for it. */
RelationEntry* published_relation(PluginState& state, Relation relation, uint8_t action) {
    state.position.relation = nullptr;
    state.position.met_name = RelationGetRelationName(relation);
    RelationEntry& entry = look_up_relation(*state.relations, relation);
    state.position.met_name = nullptr;
    if ((entry.actions & action) == 0) return nullptr;
    state.position.relation = &entry;
    describe(state, entry);
    return &entry;
}

/* How the old side of an update or delete travels. */
enum class OldSide : uint8_t { kNone, kKey, kFull };

OldSide old_side_of(const RelationEntry& entry, HeapTuple old_tuple) {
    if (old_tuple == nullptr) return OldSide::kNone;
    if (entry.identity == REPLICA_IDENTITY_FULL) return OldSide::kFull;
    return entry.key_count > 0 ? OldSide::kKey : OldSide::kNone;
}

void write_row(PluginState& state, RelationEntry& entry, HeapTuple old_tuple, HeapTuple new_tuple) {
    constexpr uint32_t kUpdates[] = {WALPACK_UPDATE, WALPACK_UPDATE_KEY, WALPACK_UPDATE_FULL};
    constexpr uint32_t kDeletes[] = {WALPACK_DELETE_NONE, WALPACK_DELETE_KEY, WALPACK_DELETE_FULL};
    const OldSide side = old_side_of(entry, old_tuple);
    const bool has_old = side != OldSide::kNone;
    const bool has_new = new_tuple != nullptr;
    const uint32_t record = (has_new ? kUpdates : kDeletes)[static_cast<int>(side)];

    PackBuffer& out = state.writer.begin_row({record, entry.id, has_old && has_new ? 2U : 1U});
    if (has_old)
        encode_row(out, entry, old_tuple, side == OldSide::kKey ? RowRole::kKey : RowRole::kOld,
                   state.position);
    else if (!has_new)
        out.array(0);
    if (has_new) encode_row(out, entry, new_tuple, RowRole::kNew, state.position);
    state.writer.end_row();
}

void write_insert(PluginState& state, RelationEntry& entry, HeapTuple new_tuple) {
    PackBuffer& out = state.writer.begin_row({WALPACK_INSERT, entry.id, 1});
    encode_row(out, entry, new_tuple, RowRole::kNew, state.position);
    state.writer.end_row();
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

}  // namespace

extern "C" void walpack_change(LogicalDecodingContext* ctx, ReorderBufferTXN*, Relation relation,
                               ReorderBufferChange* change) {
    PluginState& state = state_of(ctx);
    Bracket bracket;
    enter(state, change->lsn, bracket);

    const uint8_t action = action_of(change);
    RelationEntry* entry = published_relation(state, relation, action);
    if (entry != nullptr) {
        if (action == kPublishInsert)
            write_insert(state, *entry, new_tuple_of(change));
        else
            write_row(state, *entry, old_tuple_of(change), new_tuple_of(change));
    }
    leave(ctx, state, bracket);
}

extern "C" void walpack_truncate(LogicalDecodingContext* ctx, ReorderBufferTXN*, int relation_count,
                                 Relation relations[], ReorderBufferChange* change) {
    PluginState& state = state_of(ctx);
    Bracket bracket;
    enter(state, change->lsn, bracket);

    auto* ids = static_cast<uint32_t*>(palloc(relation_count * sizeof(uint32_t)));
    int count = 0;
    for (int index = 0; index < relation_count; ++index) {
        const RelationEntry* entry = published_relation(state, relations[index], kPublishTruncate);
        if (entry != nullptr) ids[count++] = entry->id;
    }
    state.position.relation = nullptr;

    const auto& truncate = change->data.truncate;
    const uint32_t flags = (truncate.cascade ? WALPACK_TRUNCATE_CASCADE : 0) |
                           (truncate.restart_seqs ? WALPACK_TRUNCATE_RESTART_IDENTITY : 0);
    if (count > 0) write_truncate(state, ids, count, flags);
    leave(ctx, state, bracket);
}

/* A non-transactional message comes without a transaction: no catalogue may be read for it. */
extern "C" void walpack_message(LogicalDecodingContext* ctx, ReorderBufferTXN*, XLogRecPtr lsn,
                                bool is_transactional, const char* prefix, Size size,
                                const char* content) {
    PluginState& state = state_of(ctx);
    Bracket bracket;
    enter(state, lsn, bracket);

    if (state.options.messages && is_transactional) {
        encode_message(state.writer.begin_change(),
                       {WALPACK_MESSAGE_TRANSACTIONAL, lsn, prefix, content, size});
        state.writer.end_change();
    } else if (state.options.messages) {
        encode_message(state.writer.begin_standalone(), {0, lsn, prefix, content, size});
        state.writer.end_standalone();
    }
    leave(ctx, state, bracket);
}

}  // namespace walpack::plugin
