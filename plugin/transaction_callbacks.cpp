#include "callbacks.h"

namespace walpack::plugin {

extern "C" void walpack_begin(LogicalDecodingContext* ctx, ReorderBufferTXN* txn) {
    MessageWriter& writer = state_of(ctx).writer;
    writer.enter();
    writer.open_transaction(
        {WALPACK_BEGIN, txn->xid, txn->final_lsn, commit_time_of(txn), nullptr, {}});
}

extern "C" void walpack_commit(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, XLogRecPtr) {
    PluginState& state = state_of(ctx);
    state.writer.enter();
    const bool is_sent = state.writer.is_begun();
    report_transaction(ctx, state, !is_sent);
    if (is_sent)
        state.writer.write_end(WALPACK_COMMIT, txn->end_lsn);
    else
        state.writer.close_unsent();
}

}  // namespace walpack::plugin
