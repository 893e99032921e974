// What a copy that failed says: the table, the column where the server names one, never a value.
#pragma once

#include <string>

#include "base/error.h"
#include "schema/target_table.h"

namespace walpack {

// The same error with the table's name before its text. A column is named only if it is one of the
// mapping's, so nothing else of the server's text can come out as one.
Error copy_error(const RelationMapping& mapping, const Error& error);

// The source's table has another name or other columns than was described: to be described anew,
// or, where that is the same as before, to be read later.
class OtherTable : public Error {
  public:
    explicit OtherTable(const std::string& message) : Error(ErrorKind::schema, message) {}
};

// The table is not what it was: where the copy is taken up it is followed, or given up.
Error another_table(const TableName& name);

}  // namespace walpack
