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

// Names and values travel in the source database's encoding, as on the wire: sets client_encoding
// of both sessions to it, so that names compare equal and the target converts values. Belongs
// before the two functions below when the databases differ in encoding. Returns the encoding.
std::string match_client_encoding(Connection& source, Connection& target);

// Every table (partitions as themselves) that the publications name. Throws Error(config) naming
// publications that do not exist, or that use row filters, column lists or
// publish_via_partition_root, which are not supported yet. Sets search_path to pg_catalog.
std::vector<PublishedTable> read_published_tables(Connection& source,
                                                  const std::vector<std::string>& publications);

// Maps every table; throws one Error(schema) whose detail lists every problem of every table, a
// line each. Sets search_path to pg_catalog.
std::vector<RelationMapping> map_all(Connection& target, const std::vector<PublishedTable>& tables);

// Logs a warning that names the tables whose updates or deletes are published without replica
// identity. Not an error: the source itself refuses to update or delete their rows, so nothing but
// inserts can come, and those are exact.
void warn_of_missing_identity(const std::vector<PublishedTable>& tables);

}  // namespace walpack
