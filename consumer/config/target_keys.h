// The entries [[target]] of the configuration file: one slot, several targets.
//
//   [[target]]
//   name = "reporting"                      # a-z, 0-9 and _
//   conninfo = "host=db2 dbname=reports"
//   tables = ["public.orders"]              # of the published ones; without it, all
//   apply_workers = 4                       # and every other key that is not the pipeline's own
//
//   [target.conflict]                       # as [conflict], for the entry before it
//   insert_exists = "apply"
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/given_value.h"

namespace walpack {

// The keys of the whole pipeline that `read` has other values of than `running`: what is read again
// while it runs cannot change them. The connection to the source is not among them.
std::vector<std::string> changed_pipeline_keys(const Config& running, const Config& read);

// A key of an entry. Throws Error(config) for one that is the whole pipeline's.
void read_target_key(Config& config, const GivenValue& given);

}  // namespace walpack
