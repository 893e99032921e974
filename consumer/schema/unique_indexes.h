// The indexes of target tables that forbid certain pairs of rows, and which of them is the key.
//
// Batches of rows stand on this: rows may only be brought out of their order where it is known what
// the target would refuse in between. So whatever is not plain, or of a partition, is told as well.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

// Of each of the tables, given as an array_literal() of oids; tables without any are left out. One
// query. Of a table's indexes not more than one has is_key: the primary key's, or else the
// narrowest plain one over NOT NULL columns.
std::map<std::uint32_t, std::vector<UniqueIndex>> read_unique_indexes(Connection& target,
                                                                      const std::string& oids);

}  // namespace walpack
