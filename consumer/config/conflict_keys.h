// The tables of the configuration file: [conflict], for all tables of the target, and
// [table."schema.name"] for one.
//
//   [conflict]                        # keys: the kinds of conflict_policy.h, and newest_column
//   insert_exists = "apply"
//   [table."public.orders"]           # the same keys; what is set here counts in place of that
//   update_missing = "insert"
//   on_error = "quarantine"         # of one table; of all it is a key of the file itself
//
// They have no flags.
#pragma once

#include <string>

#include "config/config.h"
#include "config/given_value.h"

namespace walpack {

// Takes up what was given inside of a table of the file. Throws Error(config) for a table, a key or
// a policy that there is not, naming the nearest that there is.
void read_section(Config& config, const GivenValue& given);

// As the file would have them.
std::string describe_sections(const Config& config);

}  // namespace walpack
