// The quarantine as the applying consumer uses it: which changes wait, and the rows that are taken
// out of the stream.
//
// What is held is known in memory, and told by the target: it is read when the first change of an
// attempt comes, and changed with each row that is taken out. An attempt whose transaction does not
// commit is over, and the next one reads again; so memory is never ahead of the target. Others
// (`walpack quarantine retry`, `discard`) change it on the target while this runs: the version that
// was read stands in each move of the position (Progress::watch_quarantine), so that a transaction
// that was decided by an old state cannot commit. look() makes that rare.
//
// Used by the applying thread alone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apply/refused_row.h"
#include "pg/connection.h"
#include "progress/progress.h"
#include "quarantine/held_keys.h"
#include "quarantine/quarantine_share.h"
#include "quarantine/quarantine_table.h"
#include "schema/deleted_rows.h"

namespace walpack {

struct QuarantineOptions {
    std::string pipeline;
    // Whether rows of the table that fail are taken out. Changes that wait for one always are.
    std::function<bool(const TableName&)> takes_failed;
    std::uint64_t rows_max = 1000;
};

struct QuarantineFill {
    std::uint64_t rows = 0;
    std::uint64_t of_table = 0;
    std::uint64_t rows_max = 0;
};

// What a row of the table is refused with that finds it full.
Error quarantine_is_full(const TableName& table, const QuarantineFill& fill);

// Why a row is held, without values.
std::string why_held(const HeldRow& row);

class Quarantine {
  public:
    // Reads by `control`, outside of a pipeline; tells `progress` the version. Both must outlive
    // this object, and the position must have been read.
    Quarantine(Connection& control, Progress& progress, QuarantineOptions options);

    const QuarantineOptions& options() const { return options_; }
    // For others that put rows into it meanwhile.
    QuarantineShare& share() { return share_; }

    // As MustWait.
    bool must_wait(const RowChange& change, const RelationMapping& mapping);
    // As TakeRefusedRow. Throws Error(limit) when there are as many rows as there may be.
    bool take(const RefusedRow& row, Connection& session);
    // Whether rows of the tables are held.
    bool holds_rows_of(const Truncate& truncate);
    // Whether rows of the relation that fail are taken out.
    bool takes_failed(const Relation& relation) const;
    // Before a TRUNCATE, in its transaction: what is held of the tables is void.
    void give_up_rows_of(const Truncate& truncate, Connection& session);

    // Whether rows of the table are held, as far as that is committed.
    bool holds_rows_of(const TableName& table) { return table_.rows_of(control_, table) > 0; }
    // In the transaction that deletes them: what is held of them is void.
    void give_up_deleted(const DeletedRows& deleted, Connection& session);

    // At the begin of a transaction in which rows may be taken: the commands wait for its end.
    // Throws Error(connection) when one of them was faster.
    void hold(Connection& session);
    // From now on every transaction is rolled back: each begins with what was committed, no limit
    // holds, and nothing is logged.
    void begin_trial() { is_trial_ = true; }
    // Whether anything is held, so that look() is worth a round trip.
    bool is_in_use() const { return is_loaded_ && !keys_.empty(); }
    // Whether workers of the copy have put rows into it that are not known here.
    bool has_news() const { return share_.has_news; }
    // Between two groups: reads again when someone else changed something. `settle` is called
    // before that; nothing may be under way after it.
    void look(const std::function<void()>& settle);

  private:
    void load();
    void read_keys(Connection& session);
    bool is_deleted(const DeletedRows& deleted, const HeldTuple& tuple, Connection& session) const;
    // As the target has it, whether it can take the relation's changes or not; nullptr where it has
    // none.
    std::shared_ptr<const TargetTable> table_of(const RowChange& change,
                                                const std::shared_ptr<const TargetTable>& mapped);
    void require_room(const RefusedRow& row) const;
    HeldTuple find_row(const RefusedRow& row, const TargetTable* table, Connection& session) const;
    std::optional<std::uint64_t> version(Connection& session, const char* lock = "") const;

    Connection& control_;
    Progress& progress_;
    QuarantineOptions options_;
    QuarantineTable table_;
    HeldKeys keys_;
    std::string encoding_;  // the source's, which all sessions have since its hello
    bool is_loaded_ = false;
    bool is_trial_ = false;
    QuarantineShare share_;
    std::optional<std::uint64_t> version_;
};

}  // namespace walpack
