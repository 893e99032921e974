#include "apply/prepared_statements.h"

#include <fmt/format.h>

#include "apply/in_flight.h"

namespace walpack {

PreparedStatements::PreparedStatements(InFlight& in_flight, std::size_t statements_max)
    : in_flight_(in_flight), statements_max_(statements_max) {}

const std::string& PreparedStatements::name_of(
    const std::shared_ptr<const RowStatement>& statement) {
    const auto found = by_statement_.find(statement.get());
    if (found != by_statement_.end()) {
        by_use_.splice(by_use_.begin(), by_use_, found->second);
        return by_use_.front().name;
    }
    if (by_use_.size() >= statements_max_) remove(std::prev(by_use_.end()));
    by_use_.push_front({fmt::format("walpack_{}", ++next_number_), statement});
    by_statement_[statement.get()] = by_use_.begin();
    in_flight_.send_prepare(by_use_.front().name, statement);
    return by_use_.front().name;
}

void PreparedStatements::remove(std::list<Entry>::iterator entry) {
    in_flight_.send_command("DEALLOCATE " + entry->name, "drop a prepared statement");
    by_statement_.erase(entry->statement.get());
    by_use_.erase(entry);
}

}  // namespace walpack
