// Target tables whose changes are not batched any more, as a batch of them failed.
//
// A batch fails because of a row that the target refuses, or because of its order: a value of
// another unique index that wanders from row to row. In the second case the next batch is likely to
// fail too, and each failure costs a replay. So the table is applied row by row until the process
// ends. The set outlives the applier, which ends with the error; used by one thread at a time.
#pragma once

#include <set>

#include "schema/target_table.h"

namespace walpack {

class UnbatchedTables {
  public:
    void add(const TargetTable& table) { tables_.insert({table.schema, table.name}); }
    bool contains(const TargetTable& table) const {
        return tables_.contains({table.schema, table.name});
    }

  private:
    std::set<TableName> tables_;
};

}  // namespace walpack
