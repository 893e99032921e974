// Messages -> transactions in commit order, proven complete.
//
// The assembler checks what the wire format promises: Begin, changes, Commit, no other transaction
// in between, commit LSNs rising, the count of changes, the digest of the bytes. A transaction is
// handed on as it arrives (it is committed at the source already); its commit() call comes only
// after count and digest were found right, so that a sink that commits there never commits a
// transaction with a hole. A breach throws Error(protocol).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "decode/decoder.h"
#include "model/record.h"

namespace walpack {

class TransactionSink {
  public:
    virtual ~TransactionSink() = default;
    virtual void hello(const Hello& hello) = 0;
    // A relation was described (again); may come inside or outside a transaction.
    virtual void relation(const RelationRecord& relation) = 0;
    virtual void begin(const Begin& begin) = 0;
    virtual void change(const RowChange& change) = 0;
    virtual void truncate(const Truncate& truncate) = 0;
    virtual void message(const LogicalMessage& message) = 0;
    virtual void notice(const Notice& notice) = 0;
    virtual void commit(const Commit& commit) = 0;
};

class Assembler {
  public:
    // The sink must outlive the assembler.
    explicit Assembler(TransactionSink& sink, DecoderLimits limits = {});

    // One message, as received in order.
    void feed(std::string_view message);
    bool is_inside_transaction() const { return open_.has_value(); }

  private:
    struct Step;
    struct OpenTransaction {
        Begin begin;
        std::uint64_t changes = 0;
        std::uint64_t digest = 0;
    };

    TransactionSink& sink_;
    Decoder decoder_;
    std::optional<OpenTransaction> open_;
    Lsn last_end_lsn_;
    // Of the message being read:
    bool has_records_ = false;  // beside a Hello
    bool is_complete_ = false;  // no record may follow
};

}  // namespace walpack
