// Rows of a target table that a statement deletes which is none of the stream's: what is held of
// them elsewhere is void with them.
#pragma once

#include <string>
#include <vector>

#include "schema/target_table.h"

namespace walpack {

struct DeletedRows {
    TableName table;
    // SQL about $1, $2, .., which are the texts of a row's values of `key_columns`, or of type text
    // the one's bytes as bytea's text. Empty: all rows of the table.
    std::string condition;
    std::vector<std::string> key_columns;
    bool is_of_bytes = false;
    // SQL to be executed when a change that is held moves a row between these and others.
    std::string when_moved;
};

}  // namespace walpack
