// Sections [table."schema.name"] of the file that have no effect, as when a name is misspelt.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/stop_request.h"
#include "config/config.h"
#include "pg/connection.h"
#include "schema/target_table.h"

namespace walpack {

// The tables that sections name and that are not among `published`, quoted as in SQL.
std::vector<std::string> find_unpublished(const Config& config,
                                          const std::set<TableName>& published);

// Among those that the publications hold on the source; which of them the target gets does not
// matter, as a section may be there for another target. Throws Error(config) where publications do
// not exist.
std::vector<std::string> find_unpublished(const Config& config, Connection& source);

// At the start of the service: one warning that names all. What keeps it from asking the source is
// left to those who cannot do without.
void warn_of_unpublished(const std::vector<Config>& targets, const StopRequest& stop);

}  // namespace walpack
