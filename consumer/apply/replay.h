// Applies records once more, row by row, in a target transaction by itself: what is left to do when
// the target refused a row of a group, where each refused row gets the answer of its policy.
//
//   begin() -> run(), once or more -> finish(): progress row, COMMIT
//
// Rows are tried many at once, under one savepoint; the first that is not as it should be is found
// by its answer. Those before it are applied again, that one alone by ConflictResolution, and what
// is behind it goes on. Each answer is waited for: speed matters little here, and nothing but this
// has a transaction open meanwhile.
//
// What only the end of the transaction refuses names no row. Then it is tried, in target
// transactions that are rolled back, as if rows of it had been refused, by halves, until those are
// found that it has to do without (replay_search.cpp); they are answered in the next attempt.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "apply/cascades.h"
#include "apply/conflict_resolution.h"
#include "apply/group.h"
#include "apply/kept_group.h"
#include "apply/late_refusals.h"
#include "apply/left_out.h"
#include "apply/mapped_relations.h"
#include "apply/refused_row.h"
#include "apply/row_execution.h"
#include "apply/truncation.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "schema/target_session.h"

namespace walpack {

class Replay {
  public:
    struct Options {
        ConflictPolicies policies;
        TruncateReferenced truncate_referenced = TruncateReferenced::refuse;
        std::string pipeline;
        std::shared_ptr<LateRefusals> late_refusals;  // nullptr: none are looked for
    };
    using Connect = std::function<std::unique_ptr<Connection>()>;

    // Opens a session of its own with `connect`, and sets it up. The others must outlive this
    // object.
    Replay(const Connect& connect, Connection& control, const Progress& progress,
           MappedRelations& relations, Options options);
    Replay(const Replay&) = delete;
    Replay& operator=(const Replay&) = delete;
    // Tells what was resolved and not told yet.
    ~Replay();

    void set_client_encoding(const std::string& encoding);
    void set_on_refused_row(TakeRefusedRow take, MustWait must_wait);
    void set_taken_rows(TakenRows taken_rows) { taken_rows_ = std::move(taken_rows); }

    void begin();
    // Throws the Error that stops the pipeline, with the LSN of the source transaction. Nothing of
    // this object may be used after that.
    void run(const KeptGroup& group);
    // Error(repeat) when rows were found that the end of the transaction refuses.
    void finish(const Group& group);
    // Whether a row of the table was refused since the last call of begin().
    bool has_met(const Relation& relation) const;

  private:
    struct Planned {
        ReplayRow row;
        std::shared_ptr<const RowStatement> statement;
        Parameters parameters;
        std::size_t bytes = 0;
        bool is_sendable = true;
        std::optional<Error> unmapped;      // why the target cannot take changes of the relation
        const LateRefusal* late = nullptr;  // it is refused at the end, or it is tried as if
    };

    void run(const Begin& begin);
    void run(const KeptRow& row);
    void run(const Truncate& truncate);
    std::shared_ptr<const TargetTable> table_to_truncate(
        const std::shared_ptr<const Relation>& relation);
    void run(const CommandStep& command);
    void run_rows(std::span<Planned> rows);
    std::size_t run_sendable(std::span<Planned> rows);
    // The first row whose answer is not what it should be; nullopt without one.
    struct Bad {
        std::size_t index = 0;
        ConflictResolution::Refusal refusal;
    };
    std::optional<Bad> send(std::span<Planned> rows);
    // Of the rows that were all right.
    void release_rows();
    const std::string& name_of(const std::shared_ptr<const RowStatement>& statement);
    void run_gathered();
    bool must_wait(const Planned& planned) const;
    void apply_alone(const Planned& planned, bool waits);
    const LateRefusal* late_refusal_of(const ReplayRow& row) const;

    // replay_search.cpp: what deferred constraints say.
    Result check_constraints();
    [[noreturn]] void refuse_commit(const Group& group, const Result& refusal);
    bool can_search(const Group& group) const;
    std::optional<LateRefusals::Rows> find_late(const KeptGroup& group, Lsn commit_lsn);
    std::optional<LeftOut> search(const KeptGroup& group, LeftOut guess);
    static void note_fingerprints(const KeptGroup& group, LateRefusals::Rows& rows);
    struct Trial {
        bool fits = false;
        std::optional<LateRefusal> late;  // what refused it at its end, if it got there
    };
    Trial try_without(const KeptGroup& group, const LeftOut& left_out);
    bool is_left_out() const;
    void leave_out(const Planned& planned);

    void move_position(const Group& group);
    void plan(Planned& planned, const RowChange& change);
    void take_unmapped(const Planned& planned, bool waits);
    void note_counts();
    void tell_counts();

    std::unique_ptr<Connection> session_;
    Connection& control_;
    const Progress& progress_;
    MappedRelations& relations_;
    Options options_;
    TargetSession settings_;
    CellEncoder encoder_;
    ConflictResolution resolution_;
    TakeRefusedRow take_;
    MustWait must_wait_;
    TakenRows taken_rows_;
    Cascades cascades_;
    RowOrigin origin_;
    const LeftOut* left_out_ = nullptr;  // while it is tried which rows are to be left out
    bool is_skipping_ = false;           // as if they were not there
    std::vector<Planned> gathered_;
    std::size_t gathered_bytes_ = 0;
    // Prepared in the session, by statement, which is kept so that its address stays its own.
    std::map<std::shared_ptr<const RowStatement>, std::string> names_;
    std::uint64_t next_name_ = 0;
    bool has_savepoint_ = false;          // of rows that are all right
    std::set<std::string> refused_from_;  // tables, since begin()
    ConflictCounts to_tell_;
    std::chrono::steady_clock::time_point told_;
};

}  // namespace walpack
