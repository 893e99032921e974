// The tables that publications name, as the source describes them: for the initial copy and the
// checks before it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/relation.h"
#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

// A published table in the shape that its Relation record will have (id and version are 0), so that
// the same mapping rules serve the checks before the copy and the stream. Generated columns are
// left out.
struct PublishedTable {
    std::shared_ptr<const Relation> relation;
    bool replicates_updates = false;  // the publications publish updates or deletes of it
};

// Every table (partitions as themselves) that the publications name. Throws Error(config) naming
// publications that do not exist, or that use row filters, column lists or
// publish_via_partition_root, which are not supported yet.
std::vector<PublishedTable> read_published_tables(Connection& source,
                                                  const std::vector<std::string>& publications);

// Maps every table; throws one Error(schema) whose detail lists every problem of every table, a
// line each. Also refused: a table whose updates or deletes are published without replica identity.
std::vector<RelationMapping> map_all(Connection& target, const std::vector<PublishedTable>& tables);

}  // namespace walpack
