// What a group of transactions touches, for the question whether two groups may run side by side.
//
// Two groups are independent when they have no row's key in common, no value of another unique
// index that one of them gives a row, and when no table is in both whose changes cannot be told
// apart so. Keys and values are kept as hashes: equal hashes of different keys only make a group
// wait. The old value of a unique column is not known at an update or delete, so a later group that
// gives any row a value in that index waits for a group that may have freed one. Rows of one
// partition that come as those of two tables cannot be told apart either.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "apply/table_plan.h"

namespace walpack {

class Footprint {
  public:
    void add(const TablePlan& plan, const RowChange& change, const CellEncoder& encoder);
    // The group must run alone.
    void add_everything();

    // Call once, after the last add() and before the first depends_on().
    void finish();
    // Whether this group must wait for the commit of `earlier`.
    bool depends_on(const Footprint& earlier) const;

  private:
    struct TableUse {
        bool is_exclusive = false;
        bool frees_values = false;
        bool takes_values = false;
    };

    void add_keys(const TablePlan& plan, const RowChange& change, const CellEncoder& encoder);
    void add_hash(const TablePlan& plan, std::uint64_t seed,
                  const std::vector<std::size_t>& attributes, Tuple row,
                  const CellEncoder& encoder);
    bool has_common_table(const Footprint& earlier) const;
    void note_table(const TablePlan& plan, const Relation& relation);
    bool mixes_tables(const Footprint& earlier) const;

    bool is_everything_ = false;
    std::map<std::uint64_t, TableUse> tables_;
    // Whose rows, by the hash of the table's or partition's name, came as those of which table:
    // oids on the target, 0 for several.
    std::map<std::uint64_t, std::uint32_t> came_as_;
    // How rows of a partitioned table are told apart, by its oid; 0 for several ways.
    std::map<std::uint32_t, std::uint64_t> told_by_;
    const Relation* last_relation_ = nullptr;
    const TablePlan* last_plan_ = nullptr;
    std::vector<std::uint64_t> hashes_;
    std::string scratch_;
};

}  // namespace walpack
