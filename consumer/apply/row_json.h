// Rows as JSON for those who look into a conflict later: objects of texts
// (progress/conflict_log.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apply/statement.h"
#include "model/record.h"
#include "pg/result.h"

namespace walpack {

// How a text that the target's encoding may not have is written.
enum class JsonText : std::uint8_t { plain, hex_beyond_ascii };

bool is_ascii(std::string_view text);

// The new tuple, or of a delete the old one, which may hold the key alone.
std::string row_json(const RowChange& change, JsonText form);
// nullopt without a key.
std::optional<std::string> key_json(const std::vector<TupleField>& identity,
                                    const RowChange& change, JsonText form);
// Columns from `first` on, by these names.
std::string result_row_json(const Result& result, int row, int first,
                            const std::vector<std::string>& names);

}  // namespace walpack
