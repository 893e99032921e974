// Creates on the target what the published tables need of the source's structure, before the rows
// are copied, and leaves the rest in walpack.post_data.
//
//   pg_dump (source) -> archive -> selection -> statements -> target, one transaction
//                                                          -> walpack.post_data, the same one
//
// One transaction: after a failure nothing is half made, and walpack.post_data is of exactly the
// tables that were made. A table that exists is not touched, nor is what belongs to it.
#pragma once

#include <string>
#include <vector>

#include "base/stop_request.h"
#include "pg/connection.h"
#include "pg/conninfo.h"
#include "schema/published_table.h"
#include "structure/selection.h"

namespace walpack {

struct StructureReport {
    std::size_t tables = 0;   // made
    std::size_t objects = 0;  // of all kinds, the tables with them
    std::size_t post_data_items = 0;
    std::vector<RefusedObject> refused;  // by the target, or as they need what is not published
};

// Lines of text: of each object what was refused, why, and its statement.
std::string describe(const std::vector<RefusedObject>& refused);

// Those of the published tables that the target does not have.
std::vector<TableName> find_missing_tables(Connection& target,
                                           const std::vector<PublishedTable>& published);

struct StructureWish {
    std::vector<PublishedTable> published;
    std::vector<TableName> wanted;  // those of them that are missing and are to be made
    // The other tables have rows by now, or will: nothing is made of them, whatever they lack.
    bool is_in_use = false;
    std::string pipeline;
};

// `conninfo` is of the source, for pg_dump. `source` and `target` are outside of a transaction,
// schema walpack exists. Does nothing, and runs no program, when no table is wanted. Leaves
// search_path of both at pg_catalog. Throws Error(schema), with everything that was refused, when a
// table could not be made.
StructureReport transfer_structure(const Conninfo& conninfo, Connection& source, Connection& target,
                                   const StructureWish& wish, const StopRequest& stop);

}  // namespace walpack
