// Messages -> transactions in commit order, proven complete.
//
// An ordinary transaction is handed on as it arrives (it is committed at the source already). A
// streamed one is held back: its messages go to a StreamSpool until its StreamCommit comes, then
// they are read again from there and handed on as an ordinary transaction, without the changes of
// rolled back subtransactions. So the sink sees whole transactions in commit order, one at a time,
// and each commit() only after count and digest were found right, of what arrived and of what the
// spool gave back.
//
//     StreamStart .. StreamStop    append to the spool of that xid
//     StreamAbort                  note the subtransaction, or drop the spool
//     StreamCommit                 read the spool -> begin, changes, commit
//
// One Assembler serves one decoding session: a new session sends what was streamed again from its
// start, so the spools go with the assembler. Prepared transactions are never asked for; one that
// comes all the same throws Error(protocol), as every breach does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "assemble/record_sink.h"
#include "decode/decoder.h"

namespace walpack {

struct AssemblerOptions {
    DecoderLimits limits;
    std::string spool_directory = "/tmp";
};

class Assembler {
  public:
    // The sink must outlive the assembler.
    explicit Assembler(TransactionSink& sink, AssemblerOptions options = {});
    ~Assembler();
    Assembler(const Assembler&) = delete;
    Assembler& operator=(const Assembler&) = delete;

    // One message, as received in order. Throws also what the sink and the spool throw; then the
    // assembler must not be used again.
    void feed(std::string_view message);

    // The sink has a begin() without its commit().
    bool is_inside_transaction() const;
    // The block of a streamed transaction is not over: as inside of a transaction, a keepalive says
    // nothing of what was received. A held transaction outside of a block holds up nothing.
    bool is_inside_block() const;

    // Streamed transactions that are held, and their bytes.
    std::size_t held_transactions() const;
    std::uint64_t held_bytes() const;

    // One message that puts a new Assembler where this one is, as its first, apart from what is
    // held and from a transaction that is open; so between two transactions, with nothing held.
    std::string session_state() const;

    // Changes of rows that were decoded as they arrived; those of a streamed transaction count
    // then, and not again when they are read from the spool.
    std::uint64_t decoded_rows() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace walpack
