// Rows of a target table that a statement deletes which is none of the stream's: what is held of
// them elsewhere is void with them.
#pragma once

#include <string>

#include "schema/target_table.h"

namespace walpack {

struct DeletedRows {
    TableName table;
    // SQL about $1, which is the text of a row's value of `key_column`, or of type text its bytes
    // as bytea's text. Empty: all rows of the table.
    std::string condition;
    std::string key_column;
    bool is_of_bytes = false;
    // SQL to be executed when a change that is held moves a row between these and others.
    std::string when_moved;
};

}  // namespace walpack
