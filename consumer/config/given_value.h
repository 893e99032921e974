// What an operator wrote for one key, in the file or as a flag, with the place for messages.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace walpack {

struct GivenValue {
    // Empty for a table of the file itself, so that one without keys is seen too.
    std::string key;
    // The TOML tables that it stands in: {"table", "public.orders"}; empty at the top.
    std::vector<std::string> section;
    // Starts every message about the value: `main.toml, line 3, key "slot"` or `flag --slot`.
    std::string place;
    // A flag is always text, and is converted; in the file the type must be right.
    std::variant<bool, std::int64_t, std::string, std::vector<std::string>> value;
    bool is_flag = false;
    // Of the file that holds the value: its path when group or others may read it, else empty.
    std::string exposed_path;
};

// Throws Error(config) about this value. Neither text may repeat the value of a connection string.
[[noreturn]] void refuse(const GivenValue& given, const std::string& what, const std::string& hint);

}  // namespace walpack
