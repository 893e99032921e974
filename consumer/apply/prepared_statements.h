// Statements that the session has prepared: one per relation and shape, made on first use, bounded
// in number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "apply/statement.h"

namespace walpack {

class InFlight;

struct PreparedStatement {
    std::string name;
    Statement statement;
    StatementShape shape;
    std::shared_ptr<const RelationMapping> mapping;
    std::vector<TupleField> identity;  // names the row in errors
};

class PreparedStatements {
  public:
    // Sends through `in_flight`, which must outlive this object.
    PreparedStatements(InFlight& in_flight, std::size_t statements_max);

    // The statement for a change of this shape; prepares it when it is new. The least recently
    // used one goes when there are too many.
    std::shared_ptr<const PreparedStatement> find(
        const std::shared_ptr<const RelationMapping>& mapping, const StatementShape& shape);
    // The relation was described again: its statements go.
    void forget(std::uint32_t relation_id);
    std::size_t count() const { return by_key_.size(); }

  private:
    using Key = std::string;
    using Entry = std::pair<Key, std::shared_ptr<const PreparedStatement>>;

    static Key key_of(std::uint32_t relation_id, const StatementShape& shape);
    void remove(std::list<Entry>::iterator entry);

    InFlight& in_flight_;
    std::size_t statements_max_;
    std::uint64_t next_number_ = 0;
    std::list<Entry> by_use_;  // the most recently used first
    std::unordered_map<Key, std::list<Entry>::iterator> by_key_;
};

}  // namespace walpack
