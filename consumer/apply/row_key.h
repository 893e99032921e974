// The key of a row in flight, kept in few bytes, and its text for the error that names the row.
//
// An error about a row must name it, and at the time of the error the change is long gone. So each
// statement in flight carries its key's values as they stood on the wire. The key is treated as an
// identifier: it appears in conflict errors (bounded in length), other values of a row never do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apply/statement.h"

namespace walpack {

std::string pack_row_key(const std::vector<TupleField>& identity, const RowChange& change);

// (id, name)=(5, abc), in the server's style; long values end in "...". Empty without a key.
std::string describe_row_key(const std::vector<TupleField>& identity, std::string_view packed);

}  // namespace walpack
