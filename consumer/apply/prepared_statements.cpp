#include "apply/prepared_statements.h"

#include <fmt/format.h>

#include "apply/in_flight.h"

namespace walpack {

PreparedStatements::PreparedStatements(InFlight& in_flight, std::size_t statements_max)
    : in_flight_(in_flight), statements_max_(statements_max) {}

const std::string& PreparedStatements::name_of(const std::shared_ptr<const RowStatement>& statement,
                                               bool is_checked) {
    const bool has_form = is_checked && !statement->checked_sql.empty();
    const std::string* sql = has_form ? &statement->checked_sql : &statement->statement.sql;
    if (const std::string* known = find(sql)) return *known;
    const std::string& name = add(sql, statement);
    SentStatement sent;
    sent.row = statement;
    in_flight_.send_prepare(name, *sql, statement->statement.type_oids, std::move(sent));
    return name;
}

const std::string& PreparedStatements::name_of(
    const std::shared_ptr<const BatchStatement>& statement) {
    if (const std::string* known = find(&statement->sql)) return *known;
    const std::string& name = add(&statement->sql, statement);
    SentStatement sent;
    sent.batch = statement;
    in_flight_.send_prepare(name, statement->sql, statement->type_oids, std::move(sent));
    return name;
}

const std::string& PreparedStatements::name_of_copy_check(
    const std::shared_ptr<const BatchStatement>& statement) {
    const std::string* sql = &statement->copy_check_sql;
    if (const std::string* known = find(sql)) return *known;
    const std::string& name = add(sql, statement);
    SentStatement sent;
    sent.relation = statement->single->mapping->relation;
    in_flight_.send_prepare(name, *sql, {}, std::move(sent));
    return name;
}

const std::string* PreparedStatements::find(const std::string* sql) {
    const auto found = by_sql_.find(sql);
    if (found == by_sql_.end()) return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return &by_use_.front().name;
}

const std::string& PreparedStatements::add(const std::string* sql,
                                           std::shared_ptr<const void> statement) {
    if (by_use_.size() >= statements_max_) remove(std::prev(by_use_.end()));
    by_use_.push_front({fmt::format("walpack_{}", ++next_number_), sql, std::move(statement)});
    by_sql_[sql] = by_use_.begin();
    return by_use_.front().name;
}

void PreparedStatements::remove(std::list<Entry>::iterator entry) {
    in_flight_.send_command("DEALLOCATE " + entry->name, "drop a prepared statement");
    by_sql_.erase(entry->sql);
    by_use_.erase(entry);
}

}  // namespace walpack
