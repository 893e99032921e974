// Which changes have to wait for rows in quarantine.
//
// A change waits when applying it before a held row could be seen, or could fail, or could make the
// held row fail later:
//
//   same row      the key before or after it is one that a held row had or has;
//   unique value  it gives a row a value of a unique index that a held row has, or leaves free;
//   child         it gives a row a foreign key's value, and a held row has that key in the
//                 referenced table;
//   parent        it deletes a row, or changes a key of it, that a held row references;
//   cascade       it deletes a row, or changes a key of it, and foreign keys that act lead from
//                 there, over other tables, to one that has held rows.
//
// A change that waits is held itself, so this goes on through rows that wait for rows that wait. It
// is decided by equal texts, and only where equal texts mean equal values on the target. In all
// other cases (types with an equality of their own, indexes over expressions, values that the
// change does not tell) the change waits for the whole table: for nothing, maybe, but never wrongly
// past a held row.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "quarantine/row_images.h"
#include "schema/target_table.h"

namespace walpack {

// Of the target, whether it is checked for applied rows or not. The columns stand in pairs, ordered
// by the parent's names.
struct ForeignKey {
    // As what rows of either end may come: the table, those above it and its partitions.
    std::set<TableName> children;
    std::vector<std::string> child_columns;
    std::set<TableName> parents;
    std::vector<std::string> parent_columns;
    // The two are compared as values of one type, or of two integer types.
    bool has_like_types = true;
    // Deletes, or updates, of parents change or delete children, in our session as well.
    bool acts_on_delete = false;
    bool acts_on_update = false;

    bool acts() const { return acts_on_delete || acts_on_update; }
};

class HeldKeys {
  public:
    // Only while nothing is held.
    void set_foreign_keys(std::vector<ForeignKey> foreign_keys);

    bool empty() const { return tables_.empty(); }
    std::uint64_t rows() const { return rows_; }
    std::uint64_t rows_of(const TableName& table) const;

    // The last held row that the change has to wait for; nullopt when it may be applied. `table`:
    // as the target has it; nullptr where it has none.
    std::optional<std::uint64_t> waits_for(const RowChange& change, const TargetTable* table) const;

    // Ids are given in ascending order. `found`: what the target's row holds before the change,
    // where somebody looked; nullptr or empty where not.
    void add(std::uint64_t id, const RowChange& change, const TargetTable* table,
             const HeldTuple* found = nullptr);
    // What the last row that was added may look like besides.
    void add_image(std::uint64_t id, const RowChange& change, const TargetTable* table);
    // No row of the table is held any more.
    void forget(const TableName& table);

    // Whether an earlier change of the same row is held: then its old values are known by that.
    bool holds_row_of(const RowChange& change, const TargetTable& table) const;
    // The columns whose old values add() needs to know, as far as the change does not tell them.
    std::vector<std::string> missing_columns(const RowChange& change,
                                             const TargetTable& table) const;

  private:
    using Columns = std::vector<std::string>;  // ordered by name

    // Values of some columns that held rows have, had or will have: the last row of each.
    struct Index {
        std::unordered_map<std::string, std::uint64_t> values;
        std::optional<std::uint64_t> last;
        std::optional<std::uint64_t> last_unknown;  // of those whose value nobody knows

        void note(const KeyImage& image, std::uint64_t id);
        std::optional<std::uint64_t> find(const std::string& value) const;
    };

    struct HeldTable {
        std::uint64_t rows = 0;
        std::uint64_t last = 0;
        // Every change of the table waits: a held row that nothing identifies exactly.
        bool is_opaque = false;
        std::set<Columns> identities;
        std::map<Columns, Index> keys;
    };

    class Wait;  // the answer in the making

    bool concerns(const TableName& table) const;
    void note(std::uint64_t id, const RowImages& row, const RowChange& change,
              const TargetTable* table);
    bool is_held(const RowImages& row, const RowChange& change, const TargetTable* table) const;
    void note_identity(HeldTable& held, std::uint64_t id, const RowImages& row,
                       const RowChange& change, const TargetTable& table) const;
    void note_values(HeldTable& held, std::uint64_t id, const RowImages& row,
                     const TargetTable& table, bool was_held) const;
    void note_references(std::uint64_t id, const RowImages& row, const TableName& name,
                         const TargetTable* table, bool was_held);
    void wait_for_row(Wait& wait, const RowChange& change, const TargetTable* table) const;
    void wait_for_values(Wait& wait, const HeldTable& held, const RowImages& row,
                         const TargetTable& table) const;
    void wait_for_parent(Wait& wait, const ForeignKey& key, const RowImages& row,
                         const TargetTable* table) const;
    void wait_for_children(Wait& wait, std::size_t foreign_key, const RowChange& change,
                           const TargetTable* table) const;
    void wait_for_cascade(Wait& wait, const TableName& name, const RowChange& change) const;
    // The tables at the other ends of foreign keys that act, over any number of them.
    using Ends = std::set<TableName> ForeignKey::*;
    std::set<TableName> reach(const TableName& table, Ends from, Ends to) const;

    std::vector<ForeignKey> foreign_keys_;
    // The tables that changes of a child of one that acts change, over any number of others; it may
    // be among them.
    std::map<TableName, std::set<TableName>> changed_by_;
    std::map<TableName, HeldTable> tables_;
    // Values of the child's columns that held rows have, by number of the foreign key.
    std::map<std::size_t, std::map<TableName, Index>> references_;
    std::set<TableName> concerned_;
    std::uint64_t rows_ = 0;
};

}  // namespace walpack
