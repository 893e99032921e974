// The applier: transactions -> target transactions, each with its progress row.
//
//   begin, change, ... commit -> ChangeSet -> group -> an ApplySession: BEGIN, steps in a pipeline
//   later, in the groups' order: progress row, all results read and checked, COMMIT
//
// Invariants (asserted and tested): rows and position commit together; groups commit in the order
// of the source's commits, whatever session they are in; every result is read, and a COMMIT is
// executed only when every statement touched as many rows as it should; durable_lsn() never exceeds
// what the target has flushed. Several whole source transactions share a target transaction only
// while more input is waiting, or is bound to come, up to the limits; a source transaction is never
// split over two.
//
// A group that the target refuses because of a row of it is rolled back, with all that came after
// it, and applied once more row by row (replay.h), where each refused row gets the answer of its
// policy; then everything goes on in groups. Without policies, and for a transaction that is too
// large to be kept, the error ends the applier; the next attempt is told by one_by_one_until where
// rows go by themselves.
//
// Several sessions (apply_workers): a group goes to a free session at once when it is independent
// of all groups that are not committed yet (footprint.h); otherwise behind the last one that it
// depends on. A transaction that is too large to be gathered runs alone, in one session: two
// sessions could commit its halves together only as prepared transactions, which most targets do
// not allow.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apply/change_set.h"
#include "apply/conflict_policy.h"
#include "apply/late_refusals.h"
#include "apply/refused_row.h"
#include "apply/truncation.h"
#include "apply/unbatched_tables.h"
#include "assemble/record_sink.h"
#include "model/lsn.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "schema/replication_origins.h"

namespace walpack {

struct ApplierOptions {
    // Statements and bytes sent before results are read: bounds memory on both sides.
    std::uint64_t in_flight_statements_max = 2000;
    std::uint64_t in_flight_bytes_max = 8 << 20;
    // Rows after which a group of source transactions is committed although more input waits.
    std::uint64_t group_rows_max = 10'000;
    // Time after which it is committed, so that locks on the target's rows are not held for long.
    std::chrono::milliseconds group_time_max{200};
    // Time between two commits that wait for the target's disk; positions between them are applied,
    // not durable.
    std::chrono::milliseconds durable_interval{1000};
    // Source transactions that commit up to here are applied row by row and committed one by one,
    // whatever is waiting: the replay after a group failed, so that everything before the failing
    // transaction arrives and the error names the row.
    Lsn one_by_one_until;
    // Source transactions that commit up to here are applied by one session, one behind the other:
    // the replay after sessions waited for one another.
    Lsn one_session_until;
    // Time that a group is kept open for more input while transactions come fast.
    std::chrono::milliseconds linger{5};
    bool replicate_truncate = true;
    TruncateReferenced truncate_referenced = TruncateReferenced::refuse;
    // Connections that apply groups side by side; they commit in source order.
    std::uint64_t apply_workers = 1;
    // false: each source transaction is a target transaction.
    bool grouping = true;
    // false: each change is a statement.
    bool batching = true;
    // false: each change of a row is made, not only the last of a group.
    bool coalescing = true;
    // Bytes of changes after which a group is committed although more input waits.
    std::uint64_t group_bytes_max = 4 << 20;
    // What is done about rows that the target refuses. Where that is more than an error, the
    // changes of each group are kept until it is committed.
    ConflictPolicies conflicts;
    // Of the sessions that `connect` gives; nullptr when nobody is told apart.
    std::shared_ptr<const ReplicationOrigins> origins;
    std::string pipeline;  // names it in walpack.conflict_log
    // Carried from one attempt to the next; nullptr: what refuses a COMMIT is not looked for.
    std::shared_ptr<LateRefusals> late_refusals;
};

// Since the applier was made.
struct ApplierStats {
    // Committed on the target.
    std::uint64_t transactions = 0;
    std::uint64_t rows = 0;
    std::uint64_t target_commits = 0;
    // Of the last source transaction, microseconds since 2000-01-01 UTC.
    std::int64_t last_commit_time = 0;
    // Changes taken in, whether sent already or not.
    std::uint64_t planned_rows = 0;
    // Changes that went into a later one of the same row, or vanished with it.
    std::uint64_t coalesced_rows = 0;
    // Statements that change rows, as sent; batches are those for several rows.
    std::uint64_t statements = 0;
    std::uint64_t batches = 0;
    std::uint64_t batch_rows = 0;
    // Time that the applying thread waited for the target's results, and for an earlier group's
    // commit because a later one depends on it.
    std::chrono::nanoseconds waited_for_target{0};
    std::chrono::nanoseconds waited_for_order{0};
};

class Applier : public TransactionSink {
  public:
    using Connect = std::function<std::unique_ptr<Connection>()>;

    // Opens the sessions with `connect` and sets them up (search_path, role settings,
    // client_encoding follows at hello()), with Progress::lock() already held by the caller and
    // `from` read under it, and makes `from` durable. `control` is used to read the target's
    // catalogue, never for rows. It, `progress` and `unbatched` must outlive the applier. After an
    // Error was thrown from any member the open target transactions are rolled back or will be when
    // the connections close; the applier may not be used again.
    Applier(Connection& control, const Progress& progress, Lsn from, ApplierOptions options,
            UnbatchedTables& unbatched, const Connect& connect);
    ~Applier() override;

    // Says whether more input is at hand; without one, every source transaction is committed at
    // once.
    void set_more_is_waiting(std::function<bool()> more_is_waiting);

    // Called when a group is complete, before its position is moved: what it returns is executed as
    // the last statements of the group's transaction.
    void set_on_group_closing(std::function<std::vector<CommandStep>()> on_group_closing);

    // Who takes rows out that the target refuses, and changes that have to wait for one; before
    // hello().
    void set_on_refused_row(TakeRefusedRow take, MustWait must_wait);
    void set_taken_rows(TakenRows taken_rows);

    // Work that is not of the source transaction at hand, if there is one: changes of transactions
    // before it, and statements that belong to them. Executed in the order of the calls, in the
    // target transaction that is open or the next one. Not while skips_current().
    void add_change(const RowChange& change, Lsn commit_lsn);
    void add_command(CommandStep command);
    // Of the source transaction at hand: a TRUNCATE of some tables, of which only this one is
    // meant.
    void delete_all(const std::shared_ptr<const Relation>& relation);
    // The table is looked at again before its next change: its indexes are others now.
    void forget_mapping(const TableName& table);
    // Before add_change() is called for changes of the table, between transactions: they are
    // decided by what others have taken out up to now.
    void begin_kept(const TableName& table);
    // The source transaction at hand lies before the position: what is given of it is not applied.
    bool skips_current() const;

    void hello(const Hello& hello) override;
    void relation(const RelationRecord& relation) override;
    void begin(const Begin& begin) override;
    void origin(const Origin& origin) override;
    void change(const RowChange& change) override;
    void truncate(const Truncate& truncate) override;
    void message(const LogicalMessage& message) override;
    void notice(const Notice& notice) override;
    void commit(const Commit& commit) override;

    // Nothing is waiting: commits everything, so that an idle stream has no latency.
    // `durable`: the target has it on disk on return.
    void commit_group(bool durable = false);
    // Nothing is waiting just now: as commit_group(), unless transactions come fast. Then the open
    // group is kept open for a moment, and sent without waiting for the target when that is over.
    void pause();
    // A group is kept open for more, which is coming fast.
    bool is_lingering() const;
    // Keeps the target busy; waits at most for the answer to a group's last statements. To be
    // called often.
    void pump();
    // How long to wait for input before the next pause(); zero when there is no reason to call it.
    std::chrono::nanoseconds pause_wait() const;
    // The source has nothing for us up to `wal_end`. With no group open, records it as the position
    // when it is worth it: at once when `now` (a reply was requested), else at most every few
    // seconds. Durable on return when recorded.
    void advance_idle(Lsn wal_end, bool now);
    // Makes durable what is applied, when the interval has passed or `now`.
    void make_durable(bool now);

    bool has_open_group() const;
    // The end of what was taken in, whether it is committed or not.
    Lsn position() const;
    Lsn applied_lsn() const;
    // The position that survives a crash of the target: what may be confirmed to the slot.
    Lsn durable_lsn() const;
    ApplierStats stats() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace walpack
