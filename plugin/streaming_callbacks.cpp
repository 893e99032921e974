/*
 * Transactions in progress: blocks, and how the transaction ended.
 *
 * Apart from the start of a block these are called outside a transaction, stream_stop even while an
 * error is being handled: no catalogue may be read.
 */
#include "callbacks.h"

namespace walpack::plugin {
namespace {

/*
 * What was decoded since the last block of a transaction that changed catalogues may have filled
 * the caches with what others see. The server invalidates after a block, but not before one.
 */
void see_own_catalog_changes(const ReorderBufferTXN* txn) {
    for (uint32 index = 0; index < txn->ninvalidations; ++index)
        LocalExecuteInvalidationMessage(&txn->invalidations[index]);
}

void encode_end(PackBuffer& out, const ReorderBufferTXN* txn, const TransactionTally& tally) {
    out.array(7);
    out.unsigned_integer(WALPACK_STREAM_COMMIT);
    out.unsigned_integer(txn->xid);
    out.unsigned_integer(txn->final_lsn);
    out.unsigned_integer(txn->end_lsn - txn->final_lsn);
    out.integer(commit_time_of(txn));
    out.unsigned_integer(tally.changes);
    out.unsigned_integer(static_cast<uint32_t>(tally.digest));
}

}  // namespace

extern "C" void walpack_stream_start(LogicalDecodingContext* ctx, ReorderBufferTXN* txn) {
    PluginState& state = state_of(ctx);
    state.writer.enter();
    UncommittedTransaction& streamed = uncommitted_of(txn, state.context);
    see_own_catalog_changes(txn);
    state.uncommitted = &streamed;
    state.uncommitted_xid = txn->xid;
    state.writer.open_transaction(
        {WALPACK_STREAM_START, txn->xid, InvalidXLogRecPtr, 0, nullptr, streamed.tally});
}

extern "C" void walpack_stream_stop(LogicalDecodingContext* ctx, ReorderBufferTXN*) {
    PluginState& state = state_of(ctx);
    if (state.uncommitted == nullptr) return;
    state.writer.enter();
    state.uncommitted->is_sent |= state.writer.is_begun();
    state.writer.close_block();
    state.uncommitted->tally = state.writer.tally();
    state.uncommitted = nullptr;
}

/* Also called for transactions of which nothing was streamed, by some minor releases. */
extern "C" void walpack_stream_abort(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                                     XLogRecPtr) {
    PluginState& state = state_of(ctx);
    ReorderBufferTXN* top = top_transaction_of(txn);
    const UncommittedTransaction* streamed = find_uncommitted(top);
    state.writer.enter();
    if (streamed != nullptr && streamed->is_sent) {
        PackBuffer& out = state.writer.begin_standalone();
        out.array(3);
        out.unsigned_integer(WALPACK_STREAM_ABORT);
        out.unsigned_integer(top->xid);
        out.unsigned_integer(txn->xid);
        state.writer.end_standalone();
    }
    if (txn == top) forget_uncommitted(top);
}

extern "C" void walpack_stream_commit(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                                      XLogRecPtr) {
    PluginState& state = state_of(ctx);
    const UncommittedTransaction* streamed = find_uncommitted(txn);
    const bool is_sent = streamed != nullptr && streamed->is_sent;
    report_transaction(ctx, state, !is_sent);
    state.writer.enter();
    if (is_sent) {
        encode_end(state.writer.begin_standalone(), txn, streamed->tally);
        state.writer.end_standalone();
    }
    forget_uncommitted(txn);
}

}  // namespace walpack::plugin
