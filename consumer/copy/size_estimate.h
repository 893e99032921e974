// How large tables of the source are about.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "pg/connection.h"

namespace walpack {

struct SizeEstimate {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;  // of the files of the rows, without what is out of line
};

// By what VACUUM and ANALYZE have noted, by OID, of a partitioned table with all its partitions;
// tables that are gone are left out.
std::map<std::uint32_t, SizeEstimate> read_size_estimates(Connection& source,
                                                          const std::vector<std::uint32_t>& oids);

}  // namespace walpack
