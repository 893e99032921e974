// Target tables whose changes are not batched for now, as a batch of them failed.
//
// A batch fails because of a row that the target refuses, or because of its order: a value of
// another unique index that wanders from row to row. In the second case the next batch is likely to
// fail too, and each failure costs a replay; in the first it was one row. Which it was nobody
// knows, so the table is applied row by row for some groups, and then tried in batches again; for
// twice as many after each failure that follows soon. The set outlives the applier, which ends with
// the error; used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "schema/target_table.h"

namespace walpack {

class UnbatchedTables {
  public:
    static constexpr std::uint64_t kGroupsMin = 100;
    static constexpr std::uint64_t kGroupsMax = kGroupsMin << 10;

    void add(const TargetTable& table);
    bool contains(const TargetTable& table) const;
    // A group was committed. Returns tables whose changes are batched from now on.
    std::vector<TableName> note_group();

  private:
    struct Spell {
        std::uint64_t groups = kGroupsMin;  // how long it is
        std::uint64_t groups_left = kGroupsMin;
        std::uint64_t groups_since = 0;
    };
    std::map<TableName, Spell> tables_;
};

}  // namespace walpack
