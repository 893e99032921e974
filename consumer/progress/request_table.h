// What an operator asks of single source transactions, and what waits for him: schema walpack on
// the target, tables request and held_transaction.
//
//   walpack.request           (pipeline, kind skip or release, lsn as given, who, when, state, what
//                             it was about), a row per request, kept as long as the pipeline
//   walpack.held_transaction  (pipeline, commit_lsn, rows, tables, ...), at most a row per pipeline
//
// Plain tables, ordinary privileges. A request is marked done in the target transaction that moves
// the position past its transaction, so it takes effect exactly once.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/lsn.h"
#include "pg/connection.h"

namespace walpack {

// A source transaction, by what it changes.
struct TransactionSummary {
    std::uint32_t xid = 0;
    Lsn commit_lsn;
    Lsn end_lsn;                   // invalid while its commit was not read
    std::int64_t commit_time = 0;  // microseconds since 2000-01-01 UTC
    std::uint64_t rows = 0;        // changes of rows
    std::set<std::string> tables;  // that it changes or truncates, qualified names

    // Such as "12 rows of public.orders and public.items"; at most a few names.
    std::string describe() const;
};

struct SkipRequest {
    Lsn lsn;         // as given: where the transaction commits, or ends
    Lsn commit_lsn;  // invalid until that is known
    bool is_done = false;
};

struct Requests {
    std::vector<SkipRequest> skips;
    std::vector<Lsn> releases;  // by commit LSN; not done

    const SkipRequest* find_skip(Lsn commit_lsn) const;
    bool has_release(Lsn commit_lsn) const;
};

struct HeldTransaction {
    TransactionSummary transaction;
    bool is_counted = false;  // rows and tables are those of all of it
    bool is_released = false;
    double held_seconds = 0;
};

// Where there is neither the tables nor the right to make them, nothing can be asked.
class RequestTable {
  public:
    explicit RequestTable(std::string pipeline) : pipeline_(std::move(pipeline)) {}

    // In the caller's transaction, which has lock_schema().
    static void create(Connection& target);
    // Makes the tables where they are missing, if the role may. True when they are there and may be
    // used.
    [[nodiscard]] static bool ensure(Connection& target);
    static bool is_usable(Connection& target);
    // They are there, and may be read.
    static bool is_readable(Connection& target);

    // Everything that waits, and the transactions left out that commit at or behind `since`.
    Requests read(Connection& target, Lsn since) const;
    // False when the same was asked before and waits or is done.
    [[nodiscard]] bool add_skip(Connection& target, Lsn lsn) const;
    void add_release(Connection& target, Lsn commit_lsn) const;
    // The transaction that a skip request names.
    void note_found(Connection& target, Lsn lsn, Lsn commit_lsn) const;
    // It names none that is still to be applied.
    void refuse_skip(Connection& target, Lsn lsn) const;

    void hold(Connection& target, const HeldTransaction& held) const;
    std::optional<HeldTransaction> read_held(Connection& target) const;

    // For the target transaction that moves the position past it.
    std::string skip_done_sql(Lsn lsn, const TransactionSummary& skipped) const;
    // The held transaction is applied.
    std::string held_done_sql(const TransactionSummary& applied) const;

  private:
    std::string pipeline_;
};

}  // namespace walpack
