// How keys of one kind are read and shown: what the rows of the key table are made of.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/key_table.h"
#include "config/value_reader.h"

namespace walpack {

// Name, value name, description: what a key is called and means.
struct Words {
    const char* name;
    const char* value_name;
    const char* description;
    ConfigGroup group;
};

// As the file would have it.
std::string quoted(const std::string& text);

// The default is what a fresh Config shows, so that it is written once, in config.h.
KeyDefinition define(const Words& words, std::function<void(Config&, const GivenValue&)> read,
                     std::function<std::string(const Config&)> show);
// For a default that depends on other keys or on the machine.
KeyDefinition with_default_text(KeyDefinition definition, std::string text);

// Lower case letters, digits and underscores.
KeyDefinition name_key(const Words& words, std::string Config::*field, std::size_t length_max);
KeyDefinition conninfo_key(const Words& words, Conninfo Config::*field);
KeyDefinition list_key(const Words& words, std::vector<std::string> Config::*field,
                       std::vector<std::string> (*read)(const GivenValue&));
KeyDefinition boolean_key(const Words& words, bool Config::*field);
// One of a few words; what is given instead is called "not a valid <name>".
KeyDefinition choice_key(const Words& words, std::string Config::*field,
                         std::vector<std::string_view> choices);
// A folder by its whole path.
KeyDefinition folder_key(const Words& words, std::string Config::*field);
KeyDefinition bytes_key(const Words& words, std::uint64_t Config::*field, CountBounds bounds);
KeyDefinition count_key(const Words& words, std::uint64_t Config::*field, CountBounds bounds);
KeyDefinition duration_key(const Words& words, std::chrono::milliseconds Config::*field,
                           DurationBounds bounds);

}  // namespace walpack
