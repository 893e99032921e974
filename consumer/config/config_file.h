// One TOML file -> what it gives, key by key. The only place that knows toml++.
#pragma once

#include <string>
#include <vector>

#include "config/given_value.h"

namespace walpack {

// Throws Error(config) when the file cannot be read, is not TOML, or gives a value of a type that
// no key has. Knows nothing about the keys.
std::vector<GivenValue> read_config_file(const std::string& path);

}  // namespace walpack
