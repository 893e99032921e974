#include "copy/size_estimate.h"

#include "schema/catalog_query.h"

namespace walpack {
namespace {

// A look at the files would wait for whoever has locked a table.
constexpr const char* kReadEstimates = R"(
WITH RECURSIVE part(root, oid) AS (
    SELECT u.oid, u.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) u(oid)
    UNION ALL
    SELECT p.root, i.inhrelid FROM part p
    JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'p'
    JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
)
SELECT p.root, pg_catalog.sum(GREATEST(c.reltuples, 0))::pg_catalog.int8,
    pg_catalog.sum(c.relpages::pg_catalog.int8
        * pg_catalog.current_setting('block_size')::pg_catalog.int8)::pg_catalog.int8
FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'r'
GROUP BY 1)";

}  // namespace

std::map<std::uint32_t, SizeEstimate> read_size_estimates(Connection& source,
                                                          const std::vector<std::uint32_t>& oids) {
    std::map<std::uint32_t, SizeEstimate> estimates;
    const Result result = source.execute(kReadEstimates, {array_literal(oids)});
    for (int row = 0; row < result.rows(); ++row)
        estimates[oid_at(result, row, 0)] = {count_at(result, row, 1), count_at(result, row, 2)};
    return estimates;
}

}  // namespace walpack
