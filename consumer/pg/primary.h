// Whether the server that answers is the one whose answers count.
#pragma once

#include "pg/connection.h"

namespace walpack {

// Throws Error(connection) while the server is a standby: of several hosts libpq may find one while
// the primary is away, and it may not have replayed what the stream has brought.
void require_primary(Connection& source);

}  // namespace walpack
