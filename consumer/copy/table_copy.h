// One table: COPY out of the source's snapshot session into the target's open transaction.
#pragma once

#include <cstdint>
#include <string>

#include "base/stop_request.h"
#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

struct TableCopyResult {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
};

// The statements, for a mapping without problems. Text format, as columns may differ in type. A
// float4 that goes into a float8 is cast at the source: its text would read as another number.
std::string copy_out_sql(const RelationMapping& mapping);
std::string copy_in_sql(const RelationMapping& mapping);

// Copies all rows. Both sessions have the same client_encoding and pinned settings. Logs progress
// of long copies. Throws with the table named.
TableCopyResult copy_table(const RelationMapping& mapping, Connection& source, Connection& target,
                           const StopRequest& stop);

}  // namespace walpack
