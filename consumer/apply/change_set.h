// The changes of a group, or of a part of a large transaction, on their way to become statements.
//
// Takes changes in the source's order; take() gives steps whose order no reader and no constraint
// can tell from it (see table_plan.h for the rules). Changes of different tables wait side by side
// in a TableBatch each; what must keep its place among them makes those that it could disturb, or
// be disturbed by, go first.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "apply/footprint.h"
#include "apply/in_flight.h"
#include "apply/table_batch.h"
#include "apply/table_plan.h"
#include "schema/deleted_rows.h"

namespace walpack {

// One change with a statement of its own.
struct RowStep {
    std::shared_ptr<const RowStatement> statement;
    std::string cells;  // of the parameters, in their order
    std::vector<CellForm> forms;
    std::string key;  // see row_key.h
    Expected expected = Expected::one_row;
    // Nothing fires that could divert the row in silence.
    bool is_plain = true;
};

// One of the statements that a TRUNCATE becomes (truncation.h).
struct TruncateStep {
    std::string sql;
    std::shared_ptr<const Relation> relation;  // the first, for errors
    // Of a statement that only checks: what it means when it divides by zero.
    std::string check;
};

// A statement about whatever else belongs to the group's transaction: what the copy notes of its
// chunks, rows that it takes back.
struct CommandStep {
    std::string sql;
    const char* doing = "";  // completes "could not ..."
    std::shared_ptr<const DeletedRows> deleted =
        nullptr;  // of one that deletes rows; nullptr for others
};

using Step = std::variant<Batch, RowStep, TruncateStep, CommandStep>;

// Whether a wrong outcome of each step, sent in the form that checks itself, is an error.
bool can_be_checked(const std::vector<Step>& steps);

class ChangeSet {
  public:
    struct Options {
        bool wants_footprint = false;
    };

    ChangeSet(CellEncoder encoder, Options options) : encoder_(encoder), options_(options) {}

    // Every change becomes a statement of its own, from now on. Nothing may be waiting.
    void set_row_by_row(bool is_row_by_row);

    // `expected` says what the statement must answer; other than one row it has one of its own.
    // Throws as CellEncoder does, and Error(schema) when nothing identifies the row.
    void add(const std::shared_ptr<TablePlan>& plan, const RowChange& change, Expected expected);
    void add(TruncateStep truncate);
    // Keeps its place among all changes.
    void add(CommandStep command);

    // What was added so far keeps its place before everything that comes.
    void hold_order() { send_all_first(); }

    // What was added since the last call.
    std::vector<Step> take();
    // Forgets all of it. After add() has thrown nothing else may be called: a batch may have half
    // of a row.
    void discard();
    bool is_empty() const { return steps_.empty() && waiting_.empty(); }
    std::uint64_t changes() const { return changes_; }
    std::size_t bytes() const;

    // Of everything since the last call of this, finished.
    Footprint take_footprint();
    // Until then nothing more is noted: the group runs alone, and may be without end.
    void stop_footprint() { footprint_.add_everything(); }

  private:
    struct PlannedBatch {
        std::shared_ptr<TablePlan> plan;
        TableBatch batch;
    };

    TableBatch& batch_of(const std::shared_ptr<TablePlan>& plan);
    void keep_order(const TablePlan& plan);
    void forget_leaves();
    void keep_order_of_leaf(const TablePlan& plan, const Relation& relation);
    bool add_to(TableBatch& batch, BatchKind kind, const RowChange& change,
                const StatementShape& shape);
    void send_first(TableBatch& batch);
    void send_all_first();
    void add_alone(Step step);
    void add_row_step(TablePlan& plan, const RowChange& change, const StatementShape& shape,
                      Expected expected);

    CellEncoder encoder_;
    Options options_;
    bool is_row_by_row_ = false;
    std::vector<Step> steps_;
    std::size_t step_bytes_ = 0;
    std::size_t waiting_bytes_ = 0;
    std::uint64_t changes_ = 0;
    std::unordered_map<const TablePlan*, std::unique_ptr<PlannedBatch>> batches_;
    std::vector<TableBatch*> waiting_;           // those that are not empty, the oldest first
    const TablePlan* last_with_keys_ = nullptr;  // of Scope::foreign_keys
    // Partitions whose rows came as those of a partitioned table, by schema.name, and the table
    // that they came by last.
    std::unordered_map<std::string, const TablePlan*> leaves_;
    const Relation* last_of_leaf_ = nullptr;
    // Of partitioned tables, by oid on the target: partitions may have different replica
    // identities.
    std::unordered_map<std::uint32_t, const TablePlan*> last_plans_;
    Footprint footprint_;
};

}  // namespace walpack
