// Tables at random: how they are made, and how one looks to a session in the middle of things.
//
// A column's name says what goes into it, also after a rename: id, k (which partition), n, big
// (often out of line), g (generated), or a name of typed_columns() with a number behind it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/random.h"
#include "support/session.h"

namespace walpack::differential {

struct TableColumn {
    std::string name;
    bool is_generated = false;
    bool is_key = false;  // of the primary key
};

struct Table {
    std::string schema;
    std::string name;
    char relkind = 'r';
    char replica_identity = 'd';
    bool is_partition = false;
    std::vector<TableColumn> columns;

    std::string sql() const { return e2e::identifier(schema) + '.' + e2e::identifier(name); }
    bool has(const std::string& column) const;
};

inline const std::vector<std::string>& random_schemas() {
    static const std::vector<std::string> names = {"s1", "s2", "S 3"};
    return names;
}

// Types of typed_columns(), and random_schemas().
extern const char* const kRandomTypes;

// A statement that makes a table with its partitions, if it has any, in a random schema.
std::string create_table(const std::string& name, e2e::Random& random);
std::string random_column(e2e::Random& random, int number);  // name and type

// All tables that the session sees now, by name.
std::vector<Table> tables_of(e2e::Session& session);
std::optional<Table> random_table(e2e::Session& session, e2e::Random& random);

// An SQL expression for the column.
std::string random_value_of(const std::string& column, e2e::Random& random);

}  // namespace walpack::differential
