// The SELECT that reads a published table: its published rows and the columns that the target
// takes.
#pragma once

#include <string>

#include "schema/published_table.h"
#include "schema/target_table.h"

namespace walpack {

// schema.table, quoted; with ONLY, unless its rows are those of its partitions.
std::string rows_of(const PublishedTable& table);

// The written columns, quoted, each cast to the target's type where its text would read as another
// value there (float4 as float8) or its binary form is longer; empty without any.
std::string columns_at_source(const RelationMapping& mapping);
// COPY t (columns) FROM STDIN, without options. Needs a written column.
std::string copy_in_sql(const RelationMapping& mapping);

// SELECT columns FROM the table's published rows; `condition` of them, if it is not empty.
std::string select_sql(const PublishedTable& table, const std::string& columns,
                       const std::string& condition = "");

}  // namespace walpack
