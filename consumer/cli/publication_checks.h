// Preflight of what is published: the publications, and the tables in them as the source has them.
#pragma once

#include "cli/preflight.h"
#include "config/config.h"
#include "pg/connection.h"

namespace walpack {

// Finds out what the publications hold. When init has to make the publication, it is made here in a
// transaction that is rolled back: the server itself says whether the role may, and which tables
// such a publication has, by the rules of its version. The cost is a moment's SHARE UPDATE
// EXCLUSIVE lock on tables that are listed one by one; waiting for it is bounded.
void check_publications(Connection& source, const Config& config, Preflight& preflight);

// Replica identity, and the right to read the rows for the copy.
void check_published_tables(Connection& source, const Config& config, Preflight& preflight);

}  // namespace walpack
