// How tables are defined, as either server's own functions write it, so that two servers can be
// compared text by text: columns, keys, indexes, constraints, triggers and the like.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "pg/connection.h"
#include "schema/published_table.h"
#include "schema/target_table.h"

namespace walpack {

// Of a table: "column" "id", "index" "orders_customer_idx"; the table itself is "table" without a
// name.
struct DefinedObject {
    TableName table;
    std::string kind;
    std::string name;
    auto operator<=>(const DefinedObject&) const = default;
};

using TableDefinitions = std::map<DefinedObject, std::string>;

// The published tables and their parents, in the order of their names.
std::vector<TableName> read_compared_tables(Connection& source,
                                            const std::vector<PublishedTable>& published);

// Tables that do not exist are left out. Sets search_path to pg_catalog, so that every name is
// qualified, and what the texts of constants depend on.
TableDefinitions read_table_definitions(Connection& connection,
                                        const std::vector<TableName>& tables, bool with_comments);

// Read again from its own text, the cast of an array of constants goes to its elements; which of
// both forms a server shows tells only how often a definition was dumped and restored. This is the
// latter:
//   (ARRAY['a'::character varying, 'b'::character varying])::text[]
//   ARRAY[('a'::character varying)::text, ('b'::character varying)::text]
std::string cast_elements(const std::string& text);

// A line for each difference: "shop.orders: index orders_idx: source ... | target missing". Of a
// table that one side lacks there is one line.
std::vector<std::string> compare_definitions(const TableDefinitions& source,
                                             const TableDefinitions& target);

}  // namespace walpack
