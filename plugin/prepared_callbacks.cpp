/*
 * Two-phase commit: a transaction is sent when it is prepared, its fate when that is decided.
 *
 * A prepared transaction is always sent, as nobody could say after a restart whether it was empty.
 */
#include "callbacks.h"

namespace walpack::plugin {
extern "C" void walpack_begin_prepare(LogicalDecodingContext* ctx, ReorderBufferTXN* txn) {
    PluginState& state = state_of(ctx);
    state.writer.enter();
    state.uncommitted = &uncommitted_of(txn, state.context);
    state.uncommitted_xid = txn->xid;
    state.writer.open_transaction(
        {WALPACK_BEGIN_PREPARE, txn->xid, txn->final_lsn, prepare_time_of(txn), txn->gid, {}});
    state.writer.begin_now();
}

extern "C" void walpack_prepare(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, XLogRecPtr) {
    PluginState& state = state_of(ctx);
    state.writer.enter();
    /* Of one that changed nothing early minor versions of 18 call this without begin_prepare. */
    if (state.uncommitted == nullptr) return;
    report_transaction(ctx, state, false);
    state.writer.write_end(WALPACK_PREPARE, txn->end_lsn);
    state.uncommitted = nullptr;
    forget_uncommitted(txn);
}

extern "C" void walpack_stream_prepare(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                                       XLogRecPtr) {
    PluginState& state = state_of(ctx);
    state.writer.enter();
    report_transaction(ctx, state, false);
    const UncommittedTransaction* streamed = find_uncommitted(txn);
    const TransactionTally tally = streamed == nullptr ? TransactionTally() : streamed->tally;

    PackBuffer& out = state.writer.begin_standalone();
    out.array(8);
    out.unsigned_integer(WALPACK_STREAM_PREPARE);
    out.unsigned_integer(txn->xid);
    out.unsigned_integer(txn->final_lsn);
    out.unsigned_integer(txn->end_lsn - txn->final_lsn);
    out.integer(prepare_time_of(txn));
    out.text(txn->gid);
    out.unsigned_integer(tally.changes);
    out.unsigned_integer(static_cast<uint32_t>(tally.digest));
    state.writer.end_standalone();
    forget_uncommitted(txn);
}

extern "C" void walpack_commit_prepared(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                                        XLogRecPtr commit_lsn) {
    PluginState& state = state_of(ctx);
    state.writer.enter();
    report_transaction(ctx, state, false);
    PackBuffer& out = state.writer.begin_standalone();
    out.array(6);
    out.unsigned_integer(WALPACK_COMMIT_PREPARED);
    out.unsigned_integer(txn->xid);
    out.text(txn->gid);
    out.unsigned_integer(commit_lsn);
    out.unsigned_integer(txn->end_lsn - commit_lsn);
    out.integer(commit_time_of(txn));
    state.writer.end_standalone();
}

extern "C" void walpack_rollback_prepared(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                                          XLogRecPtr prepare_end_lsn, TimestampTz prepare_time) {
    PluginState& state = state_of(ctx);
    state.writer.enter();
    report_transaction(ctx, state, false);
    PackBuffer& out = state.writer.begin_standalone();
    out.array(7);
    out.unsigned_integer(WALPACK_ROLLBACK_PREPARED);
    out.unsigned_integer(txn->xid);
    out.text(txn->gid);
    out.unsigned_integer(prepare_end_lsn);
    out.integer(prepare_time);
    out.unsigned_integer(txn->end_lsn);
    out.integer(commit_time_of(txn));
    state.writer.end_standalone();
}

}  // namespace walpack::plugin
