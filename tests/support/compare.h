// Are two databases equal? Every user table, by count and an order-independent checksum of the
// rows' text; where they differ, which keys.
#pragma once

#include <string>
#include <vector>

#include "support/session.h"

namespace walpack::e2e {

struct TableName {
    std::string schema;
    std::string name;
    std::string sql() const { return identifier(schema) + "." + identifier(name); }
};

// Ordinary tables and partitions outside the system schemas and schema walpack.
std::vector<TableName> user_tables(Session& session);

// Empty when all the source's tables are equal on the target, by the columns that both have;
// otherwise a report: the tables, and up to ten differing rows of each.
std::string difference(Session& source, Session& target);
// Of these tables alone.
std::string difference(Session& source, Session& target, const std::vector<TableName>& tables);

}  // namespace walpack::e2e
