/*
 * Records -> messages. The only caller of OutputPluginPrepareWrite and OutputPluginWrite.
 *
 * Records are packed into one block of about twice frame_bytes. A message is written when the block
 * holds frame_bytes at the end of a change, and at the end of the transaction (or of a block of one
 * in progress), so that a small transaction is one message.
 *
 *     0           committed            size          capacity
 *     | whole records | the record being packed | free |
 *
 * `committed` moves only when a record, or a row of a run, is complete. Every callback starts with
 * enter(), which drops what lies behind it: an error thrown in the middle of a callback (for one,
 * by the concurrent abort of a streamed transaction) leaves a torn record there, and it must never
 * be sent. The head of a transaction is packed with its first record, so an empty transaction
 * leaves no trace, unless it is a prepared one.
 *
 * Neighbouring changes of one kind to one relation are a run: one record whose head is patched as
 * rows are added. Any other record ends the run.
 *
 * When the block is full in the middle of a record, the committed part is written as a message and
 * the torn record moves to the front (a row becomes a run of its own). When it is full again, the
 * record is cut: pieces of frame_bytes go out as Fragment messages while the rest is still being
 * packed. So memory does not depend on the size of rows. A record that cannot be finished after
 * pieces of it were sent is abandoned by the next enter(). Hello and what begins or ends a
 * transaction or a block are never cut.
 *
 * Every byte of a transaction's messages, before compression, runs through the digest that the end
 * of the transaction carries.
 */
#ifndef WALPACK_PLUGIN_MESSAGE_WRITER_H
#define WALPACK_PLUGIN_MESSAGE_WRITER_H

#include "server.h"

#include "compressor.h"
#include "pack_buffer.h"
#include "protocol/format.h"

namespace walpack::plugin {

/* What the end of a transaction says of it, summed up over its messages. */
struct TransactionTally {
    uint64_t digest;
    uint64_t changes;
};

struct TransactionHead {
    uint32_t record_type; /* WALPACK_BEGIN, WALPACK_BEGIN_PREPARE or WALPACK_STREAM_START */
    TransactionId xid;
    XLogRecPtr lsn;         /* of the commit or prepare record; not in a block */
    TimestampTz time;       /* of the commit or prepare; not in a block */
    const char* gid;        /* of a prepared transaction */
    TransactionTally tally; /* of the blocks before; else zero */
};

/* What the rows of one run have in common. */
struct RunKey {
    uint32_t record_type;
    uint32_t relation_id;
    uint32_t tuples_per_row;
};

/* The packed Hello record; it must live as long as the writer. */
struct HelloBytes {
    const char* bytes;
    size_t count;
};

class MessageWriter {
  public:
    /* The block is allocated in the current memory context. */
    void open(LogicalDecodingContext* ctx, HelloBytes hello, uint32_t frame_bytes,
              bool text_is_utf8, CompressionMethod compression);

    /* First call of every callback that may write. */
    void enter();

    void open_transaction(const TransactionHead& head);
    bool is_in_block() const { return is_open_ && head_.record_type == WALPACK_STREAM_START; }
    /* Whether a record of the transaction, or of the block, was packed. */
    bool is_begun() const { return is_begun_; }
    void begin_now() { ensure_begun(); }
    const TransactionTally& tally() const { return tally_; }

    /* Ends an open transaction that is begun: `record_type` is WALPACK_COMMIT or WALPACK_PREPARE.
     */
    void write_end(uint32_t record_type, XLogRecPtr end_lsn);
    /* Ends an open transaction that is not begun: nothing is written. */
    void close_unsent() { is_open_ = false; }
    /* Ends a block; nothing is written when it is not begun. */
    void close_block();

    /*
     * In a block: the subtransaction and the replication origin that the changes to come belong to.
     * Both are what the last such record said; a transaction, or block, begins without.
     */
    TransactionId subtransaction() const { return subtransaction_; }
    void write_subtransaction(TransactionId xid);
    OriginId origin() const { return origin_; }
    void write_origin(OriginId origin, const char* name);

    /* A record of the open transaction that is no change: Relation, Notice. */
    PackBuffer& begin_record();
    void end_record();

    /* A record that counts as one change: Truncate, a transactional Message. */
    PackBuffer& begin_change() { return begin_record(); }
    void end_change();

    /* One row; the caller packs key.tuples_per_row tuples in between. */
    PackBuffer& begin_row(const RunKey& key);
    void end_row();

    /* A record outside of what is open, in a message of its own. */
    PackBuffer& begin_standalone();
    void end_standalone();

  private:
    static void spill(PackBuffer& full, void* writer);
    void make_room();
    void isolate_torn_record();
    void ensure_hello();
    void ensure_begun();
    void pack_transaction_head();
    void pack_run_head(const RunKey& key);
    void extend_run();
    void finish_record(bool is_last_write);
    void write_if_full();
    void write_committed(bool is_last_write);
    void write_fragment(uint32_t flags, size_t count, bool is_last_write);
    void write_prepared(int start, bool is_last_write);
    void compress_prepared(int start);
    void drop_front(size_t count);

    LogicalDecodingContext* ctx_;
    PackBuffer buffer_;
    HelloBytes hello_;
    size_t frame_bytes_;
    size_t committed_;

    Compressor compressor_;

    TransactionHead head_;
    TransactionTally tally_;
    TransactionId subtransaction_;
    OriginId origin_;
    bool is_open_;  /* in a transaction: what is written belongs to its digest */
    bool is_begun_; /* its head is packed */
    bool is_hello_packed_;

    bool is_cut_; /* pieces of the record being packed were sent */

    /* The run that the last committed record is, if any. */
    RunKey run_; /* record_type 0: none */
    size_t run_offset_;
    uint32_t run_elements_;

    RunKey row_;         /* the row being packed; record_type 0: the record is no row */
    bool row_continues_; /* it is added to the run */
};

static_assert(std::is_trivially_destructible_v<MessageWriter>);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_MESSAGE_WRITER_H
