/*
 * Proves that the messages of a slot make whole transactions: what docs/protocol.md asks of a
 * reader.
 *
 *     outside --Begin--> inside --rows, relations, ...--> inside --Commit, count and digest
 * agree--> outside
 *
 * The caller announces each message, then its records in order, then its end. Anything else than
 * the picture is reported as DATA_CORRUPTED.
 */
#ifndef WALPACK_PLUGIN_SQL_TRANSACTION_H
#define WALPACK_PLUGIN_SQL_TRANSACTION_H

#include "sql_record.h"
#include "sql_server.h"

namespace walpack::sql {

class TransactionCheck {
  public:
    void begin_message();
    // A record of the message, or one put together from the fragments that end with it.
    void take_record(const RecordSummary& record, Bytes message);
    void end_message(Bytes message);
    // No more messages: the server returns whole transactions.
    void finish() const;

  private:
    void take_begin(const RecordSummary& record);
    void take_commit(const RecordSummary& record, Bytes message);
    void take_other(const RecordSummary& record);

    bool is_inside_ = false;
    bool was_inside_ = false;  // at the start or anywhere in this message
    bool has_ended_ = false;  // a Commit or a message outside of transactions stood in this message
    uint64_t commit_lsn_ = 0;
    uint64_t changes_ = 0;
    uint64_t digest_ = 0;
};

static_assert(std::is_trivially_destructible_v<TransactionCheck>);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_TRANSACTION_H
