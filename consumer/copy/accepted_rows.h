// Rows of one chunk without those that the target refuses.
#pragma once

#include <functional>
#include <string>

#include "copy/chunk_load.h"
#include "copy/refused_copy_rows.h"

namespace walpack {

// Given a row that the target refused, all but `settled_lsn`; inside the target's open transaction.
using OnRefusedRow = std::function<void(RefusedCopyRow row)>;

// As load_rows(), of a table with columns, but a refused row is given to `on_refused` and counts as
// done. For a chunk that load_rows() could not load: goes by text, in groups of rows under a
// savepoint each, and a group with a refused row is halved down to that row. Of the chunk no more
// is in memory than a group.
LoadedRows load_accepted_rows(const TableLoad& load, const std::string& select, Connection& source,
                              Connection& target, const OnPiece& on_piece,
                              const OnRefusedRow& on_refused, const StopRequest& stop);

}  // namespace walpack
