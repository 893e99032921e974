// Rows that a target table has before it is copied.
#pragma once

#include <vector>

#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

// Throws Error(schema) that names the tables with rows in them.
void require_empty(Connection& target, const std::vector<RelationMapping>& mappings);
// Deletes all rows of those tables, and tells the log; inside the caller's open transaction. Where
// foreign keys are checked all tables are truncated, as one statement.
void empty_tables(Connection& target, const std::vector<RelationMapping>& mappings,
                  bool is_replica_role);

// Where foreign keys are checked, which the replica role does not, the rows of one table cannot go,
// nor come in any order, without others: throws Error(schema) when one points to the table or from
// it.
void require_no_checked_references(const TargetTable& table, bool is_replica_role);

// Deletes all rows, by the fastest way that is permitted; inside the caller's open transaction.
// Throws as require_no_checked_references() does.
void empty_table(Connection& target, const TargetTable& table);

}  // namespace walpack
