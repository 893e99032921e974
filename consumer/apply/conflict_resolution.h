// What is done about a row that the target refused: the policy of its table and kind is carried
// out, and written down in walpack.conflict_log, in the target transaction of its source
// transaction.
//
//   row refused --> value       --> keep: dropped
//                   missing     --> keep, apply: dropped; insert: tried as an INSERT
//                   in the way  --> keep: dropped; apply: the other rows go, tried again, where the
//                                   row's own key is there as an UPDATE of it
//   each of them --> error: given to who takes refused rows, else the pipeline's error
//
// What is tried again may be refused again, for another reason or by a row that came up meanwhile;
// so all of it goes in a circle, under a savepoint of the row, up to kTriesMax times.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "apply/conflict_policy.h"
#include "apply/conflict_search.h"
#include "apply/late_refusals.h"
#include "apply/refused_row.h"
#include "apply/row_execution.h"
#include "base/error.h"
#include "progress/conflict_log.h"

namespace walpack {

// Table, kind and policy.
using ConflictCounts = std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t>;

class ConflictResolution {
  public:
    // What came of one try.
    struct Refusal {
        Error error;
        std::string sqlstate;
        std::string message;
        std::string constraint;
        std::string column;
        bool is_missing = false;  // the row to update or delete
        SentStatement sent;
    };
    // `control` reads the catalogue and must outlive this object.
    ConflictResolution(Connection& control, CellEncoder encoder, const ConflictPolicies& policies,
                       std::string pipeline);

    // Empty: nobody does.
    void set_take_refused_row(TakeRefusedRow take) { take_ = std::move(take); }

    // What the answer to a try of the change comes to; nullopt when it is what it should be.
    static std::optional<Refusal> refusal_of(const ReplayRow& row, const RowChange& change,
                                             const Result& result);
    // Applies the row, alone; `known`: what came of a try that is undone. Inside the session's
    // transaction, which must not have failed, outside of a pipeline. Throws the Error that stops
    // the pipeline.
    void apply(Connection& session, const ReplayRow& row, std::optional<Refusal> known);
    // The row was found to be refused at the end of its transaction: it is not tried.
    void refuse(Connection& session, const ReplayRow& row, const LateRefusal& late);
    // Of a row that waits for another that was taken out.
    void take_waiting(Connection& session, const ReplayRow& row);

    // What was resolved since the last call.
    ConflictCounts take_counts() { return std::exchange(counts_, {}); }

  private:
    // The change that is tried, which may not be the one that came.
    struct Trial {
        RowChange change;
        std::vector<Value> values;  // that change may point to
        std::vector<ConflictEntry> entries;
        bool is_unguarded = false;  // the origin of the row does not matter any more
    };

    std::optional<Refusal> attempt(Connection& session, const ReplayRow& row, const Trial& trial);
    // Whether to try again; false: the row is dealt with.
    bool answer(Connection& session, const ReplayRow& row, Trial& trial, const Refusal& refusal);
    bool answer_value(Connection& session, const ReplayRow& row, const Trial& trial,
                      const Refusal& refusal);
    bool answer_missing(Connection& session, const ReplayRow& row, Trial& trial,
                        const Refusal& refusal);
    bool answer_other_origin(Connection& session, const ReplayRow& row, Trial& trial,
                             const Refusal& missing, const RowsInTheWay& found);
    std::optional<bool> choose(Connection& session, const ReplayRow& row, ConflictKind kind,
                               const Refusal& refusal, const RowsInTheWay& found);
    bool answer_existing(Connection& session, const ReplayRow& row, Trial& trial,
                         const Refusal& refusal);
    bool drop(Connection& session, const ReplayRow& row, const Trial& trial, ConflictEntry entry);
    // To who takes such rows; false. Throws the error when nobody does.
    bool refuse(Connection& session, const ReplayRow& row, std::string_view kind,
                const Refusal& refusal, const Error& error);
    void clear_the_way(Connection& session, const ReplayRow& row, Trial& trial,
                       const RowsInTheWay& found);
    std::string newest_column(const ReplayRow& row) const;
    std::optional<Error> undecided(const ReplayRow& row) const;
    bool is_newest(Connection& session, const ReplayRow& row, const RowsInTheWay& found);
    void write(Connection& session, const ReplayRow& row, ConflictEntry entry);

    Connection& control_;
    CellEncoder encoder_;
    const ConflictPolicies& policies_;
    ConflictLog log_;
    ConflictSearch search_;
    TakeRefusedRow take_;
    ConflictCounts counts_;
};

}  // namespace walpack
