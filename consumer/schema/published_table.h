// The tables that publications name, as the source describes them: for the initial copy and the
// checks before it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/relation.h"
#include "pg/connection.h"
#include "schema/table_selection.h"
#include "schema/target_table.h"

namespace walpack {

// A published table in the shape that its Relation record will have (id and version are 0), so that
// the same mapping rules serve the checks before the copy and the stream: its attributes are the
// published columns alone.
struct PublishedTable {
    std::shared_ptr<const Relation> relation;
    bool replicates_updates = false;  // the publications publish updates or deletes of it
    // Which rows are published, as an SQL expression over all columns of the table, for a session
    // whose search_path is pg_catalog; without one, all.
    std::optional<std::string> row_filter;
    // pg_attribute.attnum of the relation's attributes.
    std::vector<std::uint32_t> attribute_numbers;
    // All columns of the table, published or not, by number, name, type, collation and whether they
    // are part of the replica identity: equal when none was added, dropped, renamed or altered in
    // these.
    std::string shape;
    // What the publications say of it: equal when rows, columns and operations that are published
    // are the same.
    std::string publishing;
    // A partitioned table in place of its partitions: publish_via_partition_root.
    bool is_via_root = false;
    int server_version = 0;  // of the source, as libpq gives it

    TableName name() const { return {relation->schema, relation->name}; }
};

// Names and values travel in the source database's encoding, as on the wire: sets client_encoding
// of both sessions to it, so that names compare equal and the target converts values. Belongs
// before the two functions below when the databases differ in encoding. Returns the encoding.
std::string match_client_encoding(Connection& source, Connection& target);

// Every table that the publications hold: partitions as themselves, or as their root where a
// publication says so; of those, the selected ones. Throws Error(config) naming publications that
// do not exist, or whose column lists for a table differ, or selected tables that no publication
// holds. Sets search_path to pg_catalog.
std::vector<PublishedTable> read_published_tables(Connection& source,
                                                  const TableSelection& selection);

// What PublishedTable::shape would be by `source`'s present snapshot; empty when there is no such
// table.
std::string read_shape(Connection& source, std::uint32_t table_oid);
// The same of PublishedTable::publishing.
std::string read_publishing(Connection& source, std::uint32_t table_oid,
                            const std::vector<std::string>& publications);

// Maps every table; throws one Error(schema) whose detail lists every problem of every table, a
// line each. Sets search_path to pg_catalog.
std::vector<RelationMapping> map_all(Connection& target, const std::vector<PublishedTable>& tables);

// Logs a warning that names the tables whose updates or deletes are published without replica
// identity. Not an error: the source itself refuses to update or delete their rows, so nothing but
// inserts can come, and those are exact.
void warn_of_missing_identity(const std::vector<PublishedTable>& tables);

}  // namespace walpack
