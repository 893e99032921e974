// The relations of the stream and how they map onto the target's tables, as of now.
//
// A relation is looked at when its first change comes, and again after it was described again: then
// the target's table is read anew, since the reason is often a schema change that was made on both
// sides.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "apply/in_flight.h"
#include "apply/prepared_statements.h"
#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

class MappedRelations {
  public:
    MappedRelations(Connection& target, InFlight& in_flight, PreparedStatements& statements);

    // The mapping of the relation; valid until the relation is described again. Throws
    // Error(schema) with every problem when the target's table cannot take its changes.
    const std::shared_ptr<const RelationMapping>& find(
        const std::shared_ptr<const Relation>& relation);

  private:
    using Mapping = std::shared_ptr<const RelationMapping>;

    Connection& target_;
    InFlight& in_flight_;
    PreparedStatements& statements_;
    std::unordered_map<std::uint32_t, Mapping> by_id_;
    const Mapping* last_ = nullptr;  // changes of one relation tend to follow one another
};

// Reads the target's table, outside of pipeline mode, and maps the relation. Throws Error(schema)
// when the table does not exist or cannot take the relation's changes.
std::shared_ptr<const RelationMapping> read_mapping(
    Connection& target, const std::shared_ptr<const Relation>& relation);

// Both map onto the same table in the same way, and its constraints and triggers are the same, so
// that statements made for one serve the other.
bool is_equivalent(const RelationMapping& left, const RelationMapping& right);

}  // namespace walpack
