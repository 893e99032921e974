// Schema walpack of the target: what is in quarantine, and what became of what was.
//
//   walpack.quarantine          a row per held row, by pipeline and id
//   walpack.quarantine_history  what was done with each, when and by whom; with the row as it was
//                               where it was given up
//   walpack.progress            quarantine_version: grows with each change that is not the applying
//                               consumer's, so that it notices (progress/progress.h)
//
// Plain tables, ordinary privileges. The applying consumer adds rows, and takes those away that a
// TRUNCATE made void, in the transactions of the changes themselves; everything else holds the
// pipeline's progress row while it works (quarantine_actions.h).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pg/connection.h"
#include "quarantine/held_keys.h"
#include "quarantine/held_row.h"

namespace walpack {

// As people see it, without values.
struct HeldRowFacts {
    std::uint64_t id = 0;
    TableName table;
    std::string change;
    std::string commit_lsn;
    std::string kind;
    std::string sqlstate;
    std::string constraint;
    std::string column;
    std::string quarantined_at;
    bool is_edited = false;
    std::optional<std::uint64_t> behind;
};

// With everything.
struct HeldRowView {
    HeldRow row;
    std::string xid;
    std::string number;
    std::string commit_time;
    std::string quarantined_at;
    std::string retried_at;  // empty before
};

struct QuarantineFigures {
    std::uint64_t rows = 0;
    std::uint64_t failed = 0;  // those that wait for no other
    std::optional<double> oldest_seconds;
};

class QuarantineTable {
  public:
    explicit QuarantineTable(std::string pipeline) : pipeline_(std::move(pipeline)) {}

    static bool exists(Connection& target);
    // Makes what is missing, in a transaction of its own; harmless when all is there.
    static void create(Connection& target);

    // All held rows, by id. Throws Error(value) for one that somebody changed into something else.
    std::vector<HeldRow> read(Connection& target) const;
    // For a session in whose encoding the messages of retries may have no form.
    std::vector<HeldRow> read_without_messages(Connection& target) const;
    std::vector<HeldRowFacts> list(Connection& target) const;
    std::optional<HeldRowView> find(Connection& target, std::uint64_t id) const;
    // Without the table: no rows.
    QuarantineFigures figures(Connection& target) const;
    std::uint64_t rows_of(Connection& target, const TableName& table) const;
    // All that have none of these ids.
    std::uint64_t rows_beside(Connection& target, const std::set<std::uint64_t>& ids) const;
    // No row was ever given it, or a higher one.
    std::uint64_t next_id(Connection& target) const;

    // Inside the open transaction of `target`. Throws Error(connection) when the id is another
    // row's: a consumer that was killed has left a session that was about to commit.
    void add(Connection& target, const HeldRow& row) const;
    // Takes rows away and writes down why: "retried", "discarded", "truncated", "recopied", which
    // are those that another copy of the table brings. `condition` is SQL
    // about walpack.quarantine as q.
    std::string remove_sql(const std::string& action, const std::string& condition,
                           bool keeps_row) const;
    std::string of_table(const TableName& table) const;
    static std::string of_id(std::uint64_t id);

    void remember_failure(Connection& target, const HeldRow& row) const;
    void remember_found(Connection& target, const HeldRow& row) const;
    void remember_edits(Connection& target, const HeldRow& row) const;
    void set_behind(Connection& target, std::uint64_t id,
                    const std::optional<std::uint64_t>& behind) const;

  private:
    std::string insert_sql(const HeldRow& row) const;

    std::string pipeline_;
};

// With its edits as well: rows that depend on either wait. `table`: nullptr where the target has
// none.
void add_held(HeldKeys& keys, const HeldRow& row, const TargetTable* table);

}  // namespace walpack
