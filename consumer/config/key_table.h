// Every configuration key in one table: its name and help, how it is read, how it is shown.
//
// File parsing, flags, help, the effective configuration and the documents' lint all go through it,
// so they cannot disagree. Bounds stand here too.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/given_value.h"

namespace walpack {

struct KeyDefinition {
    ConfigKey key;
    // Checks the value and stores it; throws Error(config).
    std::function<void(Config& config, const GivenValue& given)> read;
    // The effective value as the file would have it; connection strings without secrets.
    std::function<std::string(const Config& config)> show;
};

// In the order of the documentation.
const std::vector<KeyDefinition>& key_definitions();

// nullptr when there is no such key.
const KeyDefinition* find_key(const std::string& name);

// The valid key that is most like `name`; empty when none is like it.
std::string nearest_key(const std::string& name);
// The same among other names.
std::string nearest_name(const std::string& name, const std::vector<std::string>& names);

}  // namespace walpack
