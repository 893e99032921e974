// What each unique index and exclusion constraint of a table compares, as SQL: so that the rows
// that stand in the way of a refused one can be looked for, all of them, by the rules of the server
// that refused it.
//
// Read only when a row was refused. Names in the texts are qualified, apart from columns of the
// table.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pg/connection.h"

namespace walpack {

struct ConflictIndex {
    struct Key {
        std::string expression;  // a column's name in quotes, or an expression over columns
        std::string comparison;  // OPERATOR(pg_catalog.=): true of two rows that exclude each other
        std::string collation;   // COLLATE "x"."y", or empty
    };

    std::string name;
    std::uint32_t relation_oid = 0;  // the table, or a partition with an index of its own
    std::string relation_schema;
    std::string relation_name;
    // Of the rows that belong to it; empty for all.
    std::string predicate;
    std::string partition_condition;
    // false: the constraint can be deferred. Such ones are not checked at all in a session with
    // session_replication_role = replica, nor are they conflicts in PostgreSQL 18.
    bool is_immediate = true;
    bool has_equal_nulls = false;  // NULLS NOT DISTINCT
    std::vector<Key> keys;
};

struct TableRules {
    std::vector<ConflictIndex> indexes;
    // By column: what it is computed from, or what it has when nothing is given for it.
    std::map<std::string, std::string> generated;
    std::map<std::string, std::string> defaults;
};

// search_path must be pg_catalog.
TableRules read_table_rules(Connection& target, std::uint32_t table_oid);

}  // namespace walpack
