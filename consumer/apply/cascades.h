// What a target whose foreign keys fire does by itself, and what follows from it for our
// statements.
//
// Where they fire, the target cascades a DELETE as the source did, and the source's deletes of the
// referencing rows then find them gone. That is accepted only behind a delete from the referenced
// table in the same source transaction. In the replica role nothing fires, and this is all idle.
#pragma once

#include <cstdint>
#include <set>

#include "apply/in_flight.h"
#include "apply/statement.h"
#include "base/error.h"
#include "schema/target_table.h"

namespace walpack {

class Cascades {
  public:
    explicit Cascades(bool is_replica_role) : is_replica_role_(is_replica_role) {}

    void begin_transaction() { deleted_from_.clear(); }
    // What the statement of the change must answer.
    Expected expected_of(const RelationMapping& mapping, ChangeKind kind);
    // Throws refused_replacement() when the change would be a DELETE and an INSERT, and so take
    // rows with it that the source kept. One that only may be so is refused when the target has
    // answered.
    void refuse_replacement(const RelationMapping& mapping, const RowChange& change) const;

  private:
    bool is_replica_role_;
    std::set<std::uint32_t> deleted_from_;  // target tables
};

// An Error(schema).
Error refused_replacement(const RelationMapping& mapping);

}  // namespace walpack
