#include "apply/prepared_statements.h"

#include <cstring>

#include <fmt/format.h>

#include "apply/in_flight.h"

namespace walpack {

PreparedStatements::PreparedStatements(InFlight& in_flight, std::size_t statements_max)
    : in_flight_(in_flight), statements_max_(statements_max) {}

// Relation id, kind, replaces, mask: short enough for most changes to need no allocation.
PreparedStatements::Key PreparedStatements::key_of(std::uint32_t relation_id,
                                                   const StatementShape& shape) {
    Key key(sizeof relation_id, '\0');
    std::memcpy(key.data(), &relation_id, sizeof relation_id);
    key += static_cast<char>(shape.kind);
    key += shape.replaces ? 'r' : '-';
    key += shape.unchanged;
    return key;
}

std::shared_ptr<const PreparedStatement> PreparedStatements::find(
    const std::shared_ptr<const RelationMapping>& mapping, const StatementShape& shape) {
    const Key key = key_of(mapping->relation->id, shape);
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) {
        by_use_.splice(by_use_.begin(), by_use_, found->second);
        return by_use_.front().second;
    }
    auto prepared = std::make_shared<PreparedStatement>();
    prepared->name = fmt::format("walpack_{}", ++next_number_);
    prepared->statement = make_statement(*mapping, shape);
    prepared->shape = shape;
    prepared->mapping = mapping;
    prepared->identity = identity_of(*mapping, shape.kind);
    if (by_use_.size() >= statements_max_) remove(std::prev(by_use_.end()));
    in_flight_.send_prepare(prepared);
    by_use_.emplace_front(key, prepared);
    by_key_[key] = by_use_.begin();
    return prepared;
}

void PreparedStatements::forget(std::uint32_t relation_id) {
    for (auto entry = by_use_.begin(); entry != by_use_.end();) {
        const auto next = std::next(entry);
        if (entry->second->mapping->relation->id == relation_id) remove(entry);
        entry = next;
    }
}

void PreparedStatements::remove(std::list<Entry>::iterator entry) {
    in_flight_.send_command("DEALLOCATE " + entry->second->name, "drop a prepared statement");
    by_key_.erase(entry->first);
    by_use_.erase(entry);
}

}  // namespace walpack
