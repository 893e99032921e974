/* The callbacks that output_plugin.cpp puts into the server's table; nothing else. */
#ifndef WALPACK_PLUGIN_CALLBACKS_H
#define WALPACK_PLUGIN_CALLBACKS_H

#include "server.h"

#include "plugin_state.h"

namespace walpack::plugin {

extern "C" {

void walpack_begin(LogicalDecodingContext* ctx, ReorderBufferTXN* txn);
void walpack_commit(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, XLogRecPtr commit_lsn);

void walpack_change(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, Relation relation,
                    ReorderBufferChange* change);
void walpack_truncate(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, int relation_count,
                      Relation relations[], ReorderBufferChange* change);
void walpack_message(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, XLogRecPtr lsn,
                     bool is_transactional, const char* prefix, Size size, const char* content);

void walpack_stream_start(LogicalDecodingContext* ctx, ReorderBufferTXN* txn);
void walpack_stream_stop(LogicalDecodingContext* ctx, ReorderBufferTXN* txn);
void walpack_stream_abort(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, XLogRecPtr abort_lsn);
void walpack_stream_commit(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                           XLogRecPtr commit_lsn);

void walpack_begin_prepare(LogicalDecodingContext* ctx, ReorderBufferTXN* txn);
void walpack_prepare(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, XLogRecPtr prepare_lsn);
void walpack_stream_prepare(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                            XLogRecPtr prepare_lsn);
void walpack_commit_prepared(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                             XLogRecPtr commit_lsn);
void walpack_rollback_prepared(LogicalDecodingContext* ctx, ReorderBufferTXN* txn,
                               XLogRecPtr prepare_end_lsn, TimestampTz prepare_time);

bool walpack_filter_by_origin(LogicalDecodingContext* ctx, OriginId origin);
}

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_CALLBACKS_H
