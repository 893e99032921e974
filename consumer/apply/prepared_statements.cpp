#include "apply/prepared_statements.h"

#include <fmt/format.h>

#include "apply/in_flight.h"

namespace walpack {

PreparedStatements::PreparedStatements(InFlight& in_flight, std::size_t statements_max)
    : in_flight_(in_flight), statements_max_(statements_max) {}

const std::string& PreparedStatements::name_of(
    const std::shared_ptr<const RowStatement>& statement, bool is_checked) {
    const bool has_form = is_checked && !statement->checked_sql.empty();
    const std::string* sql = has_form ? &statement->checked_sql : &statement->statement.sql;
    const auto found = by_sql_.find(sql);
    if (found != by_sql_.end()) {
        by_use_.splice(by_use_.begin(), by_use_, found->second);
        return by_use_.front().name;
    }
    if (by_use_.size() >= statements_max_) remove(std::prev(by_use_.end()));
    by_use_.push_front({fmt::format("walpack_{}", ++next_number_), sql, statement});
    by_sql_[sql] = by_use_.begin();
    in_flight_.send_prepare(by_use_.front().name, *sql, statement);
    return by_use_.front().name;
}

void PreparedStatements::remove(std::list<Entry>::iterator entry) {
    in_flight_.send_command("DEALLOCATE " + entry->name, "drop a prepared statement");
    by_sql_.erase(entry->sql);
    by_use_.erase(entry);
}

}  // namespace walpack
