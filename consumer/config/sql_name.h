// Names as an operator writes them in SQL: folded to lower case unless in double quotes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace walpack {

// The parts of a name, without quotes: public."My Table" -> {public, My Table}.
using SqlName = std::vector<std::string>;

// A list of names with commas between them. nullopt when the text is anything else, also when it is
// empty or a part is longer than the 63 bytes that the server keeps.
std::optional<std::vector<SqlName>> parse_sql_names(std::string_view text);

}  // namespace walpack
