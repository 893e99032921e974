// Small pieces of text work that several modules need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace walpack {

// An SQL identifier in double quotes; quotes inside are doubled. Always quoted, so no keyword list
// is needed.
std::string quote_identifier(std::string_view name);
// An SQL string literal, valid whatever standard_conforming_strings says (E'' when a backslash
// occurs).
std::string quote_literal(std::string_view text);
// A JSON string. Bytes beyond ASCII stay as they are.
std::string quote_json(std::string_view text);
std::string to_hex(std::string_view bytes);
// The bytes whose to_hex() this is.
std::string from_hex(std::string_view hex);
// Characters of a text in UTF-8; of any other text, its bytes.
std::size_t count_characters(std::string_view text);
// 1536 -> "1.5 kB"; binary multiples, as pg_size_pretty writes them.
std::string human_bytes(std::uint64_t bytes);

}  // namespace walpack
