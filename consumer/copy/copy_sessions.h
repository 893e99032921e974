// The sessions by which a copy writes, and those that an earlier run has left behind.
//
// Of a killed run a COMMIT may still be on its way. If it came after the next run has read which
// chunks are loaded, what was dropped for that chunk meanwhile would be lost: the rows are those of
// a snapshot that does not see it. So each transaction that loads shares an advisory lock, and a
// run holds that lock alone for a moment before it reads (docs/decisions/0011).
#pragma once

#include <string>

#include "pg/connection.h"

namespace walpack {

// Begins a transaction of the pipeline's copy on the target.
std::string begin_copy_sql(const std::string& pipeline);

// The same for a session that applies changes, as long as it lives: a group that waits for a lock
// must not come behind the next run's look at what is copied either.
void share_copy_lock(Connection& session, const std::string& pipeline);

// Waits for such transactions and sessions of earlier runs to end. Those that take long are ended;
// their sessions have the same role as `target`, or one that it may end. Throws Error(connection)
// when some of them cannot be ended. Only for who holds the lock of Progress::lock().
void end_earlier_copy(Connection& target, const std::string& pipeline);

}  // namespace walpack
