/*
 * Proves that the messages of a slot make whole transactions: what docs/protocol.md asks of a
 * reader.
 *
 *     outside --Begin--> whole --rows, relations, ...--> whole --Commit--> outside
 *     outside --BeginPrepare--> prepared --rows, ...--> prepared --Prepare--> outside
 *     outside --StreamStart--> block --rows, ...--> block --StreamStop--> outside
 *
 * and StreamCommit, StreamAbort, StreamPrepare, CommitPrepared and RollbackPrepared stand outside,
 * alone. Where a transaction ends, count and digest agree with what came; those of a transaction in
 * progress are kept from block to block. Anything else is reported as DATA_CORRUPTED.
 *
 * The caller announces each message, then its records in order, then its end.
 */
#ifndef WALPACK_PLUGIN_SQL_TRANSACTION_H
#define WALPACK_PLUGIN_SQL_TRANSACTION_H

#include "sql_record.h"
#include "sql_server.h"

namespace walpack::sql {

class TransactionCheck {
  public:
    // Lives in `parent`.
    explicit TransactionCheck(MemoryContext parent);

    void begin_message();
    // A record of the message, or one put together from the fragments that end with it. Returns the
    // xid of its top-level transaction, 0 for none.
    uint32_t take_record(const RecordSummary& record, Bytes message);
    void end_message(Bytes message);
    // No more messages: the server returns whole transactions and whole blocks.
    void finish() const;

  private:
    enum class Place : uint8_t { kOutside, kWhole, kPrepared, kBlock };

    // What was received of a transaction.
    struct Tally {
        uint32_t xid;  // key of the hash table
        uint64_t changes;
        uint64_t digest;
    };

    void begin(Place place, const RecordSummary& record);
    void begin_block(uint32_t xid);
    void end(Place place, const RecordSummary& record, Bytes message);
    void end_block();
    void take_alone(const RecordSummary& record);
    void end_stream(const RecordSummary& record);
    void take_other(const RecordSummary& record);

    HTAB* streamed_;         // transactions in progress, by xid
    Tally whole_ = {};       // of one that comes at once
    Tally* open_ = nullptr;  // of the transaction that the message's bytes belong to
    Place place_ = Place::kOutside;
    uint64_t lsn_ = 0;          // of the commit or prepare record that Begin or BeginPrepare named
    bool has_ended_ = false;    // nothing may follow in this message
    bool has_records_ = false;  // other than Hello, in this message
};

static_assert(std::is_trivially_destructible_v<TransactionCheck>);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_TRANSACTION_H
