// A TRUNCATE of the source -> statements for the target, by what the target's foreign keys say.
//
// All tables of the record go in one statement, as at the source: foreign keys among them do not
// stand in the way. Inheritance children and partitions are relations of the record themselves, so
// nothing but the named tables is emptied; a partitioned target table is the stand-in of one source
// table. Tables that CASCADE emptied at the source are in the record too, as far as they are
// published. What is left is a foreign key of the target alone, which no server truncates past:
// then the policy decides, from the catalogue, before anything is sent.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apply/change_set.h"
#include "model/record.h"
#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

// What becomes of a TRUNCATE when a table outside of it references one of it on the target.
enum class TruncateReferenced {
    refuse,
    cascade,      // the referencing tables are emptied too, and those that reference them
    delete_rows,  // DELETE in place of TRUNCATE, if no row outside references a row
};

// refuse, cascade or delete.
TruncateReferenced truncate_referenced_of(std::string_view name);

struct TruncateOptions {
    TruncateReferenced referenced = TruncateReferenced::refuse;
    // The session has deferred all constraints: it is not in the replica role.
    bool defers_constraints = false;
};

// Reads the catalogue by `control`. `tables` are those that the relations map onto. Throws
// Error(schema) when the policy refuses it.
std::vector<TruncateStep> plan_truncation(
    Connection& control, const TruncateOptions& options, const Truncate& truncate,
    const std::vector<std::shared_ptr<const TargetTable>>& tables);

}  // namespace walpack
