// Messages of one session -> records in the order of the wire, proven complete.
//
// Checks what the wire format promises: Begin, changes, Commit, no other transaction in between;
// blocks of streamed transactions that are whole; commit LSNs rising; the count of changes and the
// digest of the bytes, per transaction. Records are handed on as they arrive; the call for the end
// of a transaction comes only after its count and digest were found right, so that a sink that
// commits there never commits a transaction with a hole. A breach throws Error(protocol).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "assemble/record_sink.h"
#include "decode/decoder.h"
#include "model/record.h"

namespace walpack {

class MessageReader {
  public:
    // The sinks must outlive the reader.
    MessageReader(TransactionSink& transactions, UncommittedSink& uncommitted,
                  DecoderLimits limits = {}, DecoderStart start = DecoderStart::session);

    // One message, as received in order, with compression undone.
    void feed(std::string_view message);

    // Between a Begin and its Commit, or a BeginPrepare and its Prepare.
    bool is_inside_transaction() const { return open_.has_value(); }
    // Between a StreamStart and its StreamStop.
    bool is_inside_block() const { return block_.has_value(); }
    // See Decoder::session_state().
    std::string session_state() const { return decoder_.session_state(); }
    // Changes of rows so far, of whatever transaction.
    std::uint64_t rows() const { return rows_; }

  private:
    struct Step;
    // What has arrived of a transaction.
    struct Arrived {
        std::uint64_t changes = 0;
        std::uint64_t digest = 0;
    };
    struct OpenTransaction {
        Lsn lsn;  // of its commit or prepare record
        bool is_prepared = false;
        Arrived arrived;
    };

    // Of the transaction whose records stand here, if any. The node of a streamed one stays where
    // it is while its block is open.
    Arrived* current() { return open_ ? &open_->arrived : block_arrived_; }

    TransactionSink& transactions_;
    UncommittedSink& uncommitted_;
    Decoder decoder_;
    std::optional<OpenTransaction> open_;
    std::unordered_map<std::uint32_t, Arrived> streamed_;  // by xid
    std::optional<std::uint32_t> block_;                   // xid
    Arrived* block_arrived_ = nullptr;
    TransactionSink* sink_;  // takes what stands here
    Lsn last_end_lsn_;
    std::uint64_t rows_ = 0;
    // Of the message being read:
    Arrived* hashed_ = nullptr;  // whose digest covers it
    bool has_records_ = false;   // beside a Hello
    bool is_complete_ = false;   // no record may follow
};

}  // namespace walpack
