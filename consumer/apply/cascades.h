// What a target whose foreign keys fire does by itself, and what follows from it for our
// statements.
//
// Where they fire, the target cascades a DELETE as the source did, and the source's deletes of the
// referencing rows then find them gone. That is accepted only behind a delete from the referenced
// table in the same source transaction. It also gives referencing rows their new keys, so that the
// source's updates of them do not find the old ones: behind an update of the referenced table, or a
// delete, these look for the new key where the old one is not there. In the replica role nothing
// fires, and this is all idle.
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

    void begin_transaction() {
        deleted_from_.clear();
        updated_in_.clear();
    }
    // What the statement of the change must answer.
    Expected expected_of(const RelationMapping& mapping, ChangeKind kind);
    // Throws refused_replacement() when the change would be a DELETE and an INSERT, and so take
    // rows with it that the source kept. One that only may be so is refused when the target has
    // answered.
    void refuse_replacement(const RelationMapping& mapping, const RowChange& change) const;

  private:
    Expected expected_of_delete(const TargetTable& table);
    Expected expected_of_update(const RelationMapping& mapping, ChangeKind kind);

    bool is_replica_role_;
    // Target tables.
    std::set<std::uint32_t> deleted_from_;
    std::set<std::uint32_t> updated_in_;
};

// An Error(schema).
Error refused_replacement(const RelationMapping& mapping);

}  // namespace walpack
