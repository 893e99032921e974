// What an operator decides about single source transactions: between assembler and applier (or
// CopyStream), transactions are left out as asked, or held until they are released.
//
//   assembler -> TransactionControl -> [CopyStream ->] Applier
//
// Each transaction goes one of these ways, chosen at its begin: it is passed on; left out, so that
// only the position moves; read ahead, with nothing applied, to find out what an LSN names
// (transaction_search.h); or counted, since it changes too many rows, and then waited for.
//
// A transaction that turns out to be too large may be on the target in part by then. So that is
// given up by an Error of kind repeat, and when it comes again nothing of it is applied: everything
// before it is committed, it is read to its end to tell what it changes, and the applying thread
// waits there. A release ends the attempt once more, since its rows have gone by.
//
// Used by the applying thread alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "apply/applier.h"
#include "assemble/record_sink.h"
#include "pg/connection.h"
#include "progress/request_table.h"
#include "service/transaction_search.h"

namespace walpack {

struct TransactionControlOptions {
    // A transaction that changes more rows waits to be released. 0: none does.
    std::uint64_t hold_over_rows = 0;
    // Where the stream begins.
    Lsn from;
    // Told when a transaction begins to be held, and when it is no longer.
    std::function<void(const std::string&)> on_state;
};

class TransactionControl : public TransactionSink {
  public:
    // `next` is the applier or leads to it. `target` is the applier's control connection. All must
    // outlive this object. Throws Error(config) when transactions are to be held and the target has
    // no place to say so.
    TransactionControl(TransactionSink& next, Applier& applier, Connection& target,
                       const std::string& pipeline, TransactionControlOptions options);

    // Called often while a transaction is held; throws when a stop was requested.
    void set_on_wait(std::function<void()> on_wait) { on_wait_ = std::move(on_wait); }

    void hello(const Hello& hello) override { next_.hello(hello); }
    void relation(const RelationRecord& relation) override { next_.relation(relation); }
    void begin(const Begin& begin) override;
    void origin(const Origin& origin) override;
    void change(const RowChange& change) override;
    void truncate(const Truncate& truncate) override;
    void message(const LogicalMessage& message) override;
    void notice(const Notice& notice) override { next_.notice(notice); }
    void commit(const Commit& commit) override;

    // The server has nothing for us up to here. False: it says nothing about what was applied,
    // since the stream is being read ahead.
    [[nodiscard]] bool note_idle(Lsn wal_end);
    // Takes up what was asked since; a round trip about each second.
    void poll();

  private:
    using Clock = std::chrono::steady_clock;
    enum class Way : std::uint8_t { pass_on, leave_out, read_ahead, count };

    Way way_of(Lsn commit_lsn);
    bool is_held(Lsn commit_lsn) const;
    bool names_held_by_end(Lsn lsn) const;
    bool take_skip(Lsn commit_lsn, bool is_applied);
    void read_requests();
    void settle(const std::vector<FoundTransaction>& found);
    [[noreturn]] void hold();
    void wait_for_release();
    void leave_out(const Commit& commit);
    void finish_held();

    TransactionSink& next_;
    Applier& applier_;
    Connection& target_;
    const RequestTable table_;
    const TransactionControlOptions options_;
    const bool is_usable_;
    std::function<void()> on_wait_;
    Clock::time_point polled_;
    Requests requests_;
    std::optional<HeldTransaction> held_;  // as of the start
    TransactionSearch search_;

    // The transaction at hand.
    Way way_ = Way::pass_on;
    Begin begin_;
    Lsn skip_lsn_;                // of the request by which it is left out
    std::uint64_t rows_max_ = 0;  // beyond which it is held
    TransactionSummary summary_;  // without tables when it is passed on
};

}  // namespace walpack
