// How the changes of one relation are applied: what may be batched, coalesced and reordered without
// anyone being able to see it, and what another group must wait for.
//
// Decided once per mapping, from what the target's catalogue says:
//
//   method   net   only the last image of each key in a group is written, and all deletes before
//                  all updates before all inserts.
//                  Needs a key by which at most one row is found, compared exactly, and no other
//                  unique index or exclusion constraint: with distinct keys no order can be seen.
//            runs  neighbouring changes of one kind with distinct keys make one statement, in the
//                  source's order. With another unique index a statement may still meet a value
//                  that a later row of it frees: that is an error, never a wrong row, and the rows
//                  are then applied one by one.
//            rows  a statement per change.
//   scope    table         nothing but the order within the table matters
//            foreign_keys  checked foreign keys: order holds across all tables that have any
//            everything    a trigger or rule fires, which may read or write any table
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/batch_statement.h"
#include "apply/cell.h"
#include "apply/statement.h"
#include "schema/target_table.h"

namespace walpack {

struct PlanOptions {
    bool is_replica_role = false;  // ordinary triggers and foreign keys do not fire
    bool batching = true;
    bool coalescing = true;
    // Fills the mapping's guards; empty: there are none.
    std::function<void(RelationMapping&)> guard;
};

class TablePlan {
  public:
    enum class Method : std::uint8_t { rows, runs, net };
    enum class Scope : std::uint8_t { table, foreign_keys, everything };
    // What two groups that run side by side must not have in common.
    enum class Dependence : std::uint8_t {
        keys,          // a row's key, or a value of another unique index
        table,         // the table, except that inserts do not disturb each other where no unique
                       // index is (has_no_unique_index)
        foreign_keys,  // any table with foreign keys
        everything,
    };

    TablePlan(std::shared_ptr<const RelationMapping> mapping, const PlanOptions& options);

    const std::shared_ptr<const RelationMapping>& mapping() const { return mapping_; }
    const Relation& relation() const { return *mapping_->relation; }
    const TargetTable& table() const { return *mapping_->table; }

    Method method() const { return method_; }
    Scope scope() const { return scope_; }
    Dependence dependence() const { return dependence_; }
    bool has_no_unique_index() const { return table().unique_indexes.empty(); }

    // The attributes that find a row, in the order of identity_of(); empty: only by the whole row.
    const std::vector<std::size_t>& key() const { return key_; }
    // Equal values of the key have one spelling. False without a key.
    bool key_is_exact() const;
    // Nothing but all of its values identifies a row.
    bool finds_whole_rows() const {
        return key_.empty() && relation().replica_identity == ReplicaIdentity::full;
    }
    const std::vector<CellForm>& forms() const { return forms_; }
    // The attributes of each unique index beside the key; only with Dependence::keys.
    const std::vector<std::vector<std::size_t>>& other_unique() const { return other_unique_; }

    // What the change is in a batch; nullopt when it must have a statement of its own.
    std::optional<BatchKind> batch_kind(const RowChange& change, const StatementShape& shape) const;

    // Made on first use; valid as long as the plan, and longer while shared.
    std::shared_ptr<const RowStatement> row_statement(const StatementShape& shape);
    std::shared_ptr<const BatchStatement> batch_statement(BatchKind kind,
                                                          const std::string& unchanged);
    // The same where finds_whole_rows(), for updates and deletes.
    std::shared_ptr<const BatchStatement> whole_row_statement(BatchKind kind,
                                                              const StatementShape& shape);

  private:
    void choose_method(const PlanOptions& options);
    void choose_dependence();
    bool key_is_unique() const;
    bool may_change_identity() const;
    std::shared_ptr<const BatchStatement>& known_batch(BatchKind kind, const StatementShape& shape);
    std::optional<std::vector<std::size_t>> exact_attributes(const UniqueIndex& index) const;

    std::shared_ptr<const RelationMapping> mapping_;
    Method method_ = Method::rows;
    Scope scope_ = Scope::table;
    Dependence dependence_ = Dependence::table;
    bool finds_in_batches_ = false;
    std::vector<std::size_t> key_;
    std::vector<CellForm> forms_;
    std::vector<std::vector<std::size_t>> other_unique_;
    std::map<std::string, std::shared_ptr<const RowStatement>> row_statements_;
    std::map<std::string, std::shared_ptr<const BatchStatement>> batch_statements_;
};

// The tuple of the change that holds the key of the row before it (the new one of an insert), and
// where in it the i-th attribute of the plan's key stands.
Value key_value(const TablePlan& plan, const RowChange& change, std::size_t i);

}  // namespace walpack
