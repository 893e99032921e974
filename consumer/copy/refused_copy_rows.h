// Rows that the target refuses while they are copied, and what becomes of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "copy/chunk_load.h"
#include "model/lsn.h"
#include "pg/connection.h"

namespace walpack {

struct RefusedCopyRow {
    const TableLoad& load;
    // Text forms, of the mapping's written columns in their order.
    std::vector<std::optional<std::string>> values;
    // Every transaction that the row's snapshot sees ends at or before it.
    Lsn settled_lsn;
    std::string sqlstate;
    std::string message;  // the server's primary message; may hold values: never for the log
    std::string constraint;
    std::string column;
};

// Takes such rows out of the copy. Workers share it, each by a session of its own.
class RefusedCopyRows {
  public:
    virtual ~RefusedCopyRows() = default;
    // Where it does not, a refused row ends the copy.
    virtual bool takes(const TableName& table) const = 0;
    // Writes the row down by `target`, inside the transaction in which the rest of the chunk is
    // loaded, with no savepoint of the row's open. Returns its id. Throws Error(limit) when there
    // are as many rows as there may be.
    virtual std::uint64_t take(const RefusedCopyRow& row, Connection& target) = 0;
    // The transaction in which the rows of these ids were taken is over, whether it was committed
    // or not.
    virtual void note_over(const std::vector<std::uint64_t>& ids) = 0;
    // Inside the open transaction of `target`: what is held of the table is void, as the table is
    // emptied and copied from its start.
    virtual void give_up(const TableName& table, Connection& target) = 0;
    // What was taken or given up is committed. Before a chunk may become live by it: who applies
    // changes must know its rows.
    virtual void note_committed() = 0;
};

// The rows that were taken in a worker's transaction.
class TakenCopyRows {
  public:
    // `rows` may be nullptr: then none are taken.
    explicit TakenCopyRows(RefusedCopyRows* rows) : rows_(rows) {}
    ~TakenCopyRows() { take_back(); }
    TakenCopyRows(const TakenCopyRows&) = delete;
    TakenCopyRows& operator=(const TakenCopyRows&) = delete;

    // The transaction is rolled back to where none was taken.
    void take_back() {
        if (!ids_.empty()) rows_->note_over(ids_);
        ids_.clear();
    }
    bool takes(const TableName& table) const { return rows_ != nullptr && rows_->takes(table); }
    void take(const RefusedCopyRow& row, Connection& target) {
        ids_.push_back(rows_->take(row, target));
    }
    void note_committed() const {
        if (!ids_.empty()) rows_->note_committed();
    }

  private:
    RefusedCopyRows* rows_;
    std::vector<std::uint64_t> ids_;
};

}  // namespace walpack
