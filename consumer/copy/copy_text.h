// Rows in COPY's text format, as a server writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace walpack {

// The values of a row, with or without the line's end; nullopt for NULL. The bytes are in an
// encoding in which no character has a backslash or a tab as a later byte, which holds for all that
// a server can have.
std::vector<std::optional<std::string>> parse_copy_row(std::string_view row);

}  // namespace walpack
