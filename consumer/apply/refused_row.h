// A row that the target refused, or that has to wait for one, as those who decide about it see it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "model/lsn.h"
#include "model/record.h"
#include "pg/connection.h"
#include "schema/deleted_rows.h"
#include "schema/target_table.h"

namespace walpack {

// Of the source transaction that the row belongs to.
struct RowOrigin {
    Lsn commit_lsn;
    std::uint32_t xid = 0;
    std::int64_t commit_time = 0;  // microseconds since 2000-01-01 UTC
    std::uint64_t number = 0;      // of the change in its transaction, from 1
};

struct RefusedRow {
    const RowChange& change;
    // nullptr where the target has no table that can take the change.
    std::shared_ptr<const RelationMapping> mapping;
    RowOrigin origin;
    // Empty for a row that only waits for another. P0002 for one that is missing, P0003 where a
    // statement touched several rows.
    std::string sqlstate;
    std::string message;     // the server's primary message; may hold values: never for the log
    std::string constraint;  // what the server names; empty without
    std::string column;
    std::string kind;  // of conflict (conflict_policy.h), or "value"
};

// Takes a row out of the stream: writes it down by `session`, inside the target transaction of the
// row's source transaction, with no savepoint open. False: it does not take it, and the refusal is
// an error.
using TakeRefusedRow = std::function<bool(const RefusedRow& row, Connection& session)>;

// Whether the change has to wait since a row that it depends on was taken out before it. A mapping
// without table: the target has none that can take the change.
using MustWait = std::function<bool(const RowChange& change, const RelationMapping& mapping)>;

// What else there is to do about rows that were taken out.
struct TakenRows {
    // Whether there are any of the tables of the TRUNCATE.
    std::function<bool(const Truncate& truncate)> are_of;
    // Whether a TRUNCATE goes on without the table when the target does not have it: what comes for
    // it is taken out.
    std::function<bool(const Relation& relation)> leaves_out;
    // They are void: inside the target transaction of the TRUNCATE, before it.
    std::function<void(const Truncate& truncate, Connection& session)> give_up;
    // Whether rows of the table were taken out, as far as that is committed.
    std::function<bool(const TableName& table)> are_of_table;
    // They are void as those that are deleted: inside the transaction that deletes them.
    std::function<void(const DeletedRows& deleted, Connection& session)> give_up_deleted;
    // Whether others have taken rows out that are not known yet.
    std::function<bool()> has_news;
    // Rows may be taken out in the transaction that `session` has just begun: nobody else does
    // anything about them up to its end.
    std::function<void(Connection& session)> hold;
    // From now on everything is only tried, and rolled back: each hold() begins with what was
    // committed, and nothing is told.
    std::function<void()> begin_trial;
    // Before a group: someone else may have applied them, or given them up. `settle` commits what
    // is under way.
    std::function<void(const std::function<void()>& settle)> look;
};

}  // namespace walpack
