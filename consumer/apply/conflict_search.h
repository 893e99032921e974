// Which rows of the target stand in the way of a row that it refused.
//
// Every unique index and exclusion constraint is asked, by its own expressions, predicate,
// operators and collations, for the row as the refused statement would have made it. The rows are
// locked by the question, so the answer holds until the end of the transaction; a row that comes up
// later refuses the next try, and is found by the next search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apply/cell.h"
#include "apply/row_execution.h"
#include "pg/connection.h"
#include "schema/conflict_indexes.h"
#include "schema/target_table.h"

namespace walpack {

// Where a row is, as long as the transaction that has it locked does not change it.
struct RowPlace {
    std::string tableoid;
    std::string ctid;

    friend auto operator<=>(const RowPlace&, const RowPlace&) = default;
};

// Finds it there, as a condition.
std::string is_at(const RowPlace& place);

struct RowsInTheWay {
    std::map<RowPlace, std::string> rows;  // as JSON
    std::size_t indexes = 0;               // that refuse the row

    // An object, or an array of several.
    std::string json() const;
};

class ConflictSearch {
  public:
    explicit ConflictSearch(CellEncoder encoder) : encoder_(encoder) {}

    // For an INSERT or an UPDATE that the target refused; `constraint` is what it named. In a
    // transaction of `session` that has not failed.
    RowsInTheWay find(Connection& session, const RelationMapping& mapping, const RowChange& change,
                      const std::string& constraint);
    // The rows that the change is about, locked.
    std::vector<RowPlace> lock(Connection& session, const RelationMapping& mapping,
                               const RowChange& change) const;
    // Those of them that the mapping's guard keeps from being found, with what is in them. Only for
    // a mapping that has one.
    RowsInTheWay find_guarded(Connection& session, const RelationMapping& mapping,
                              const RowChange& change) const;
    // What was read of the table may be old.
    void forget() { rules_.clear(); }

  private:
    // Read by the session itself, as the functions that show indexes lock the table, and its
    // transaction may have emptied that: any other session would wait for it.
    const TableRules& rules_of(const TargetTable& table, Connection& session);

    CellEncoder encoder_;
    std::map<std::uint32_t, TableRules> rules_;
};

// The question for one index: its answer has tableoid, ctid and the table's columns. Pure.
Statement make_search(const RelationMapping& mapping, const StatementShape& shape,
                      const TableRules& rules, const ConflictIndex& index);

}  // namespace walpack
