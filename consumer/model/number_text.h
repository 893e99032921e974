// Numbers as the server's output functions write them.
#pragma once

#include <string>
#include <string_view>

namespace walpack {

// With extra_float_digits 1: the shortest text that reads back as the same float4 or float8.
std::string float4_text(float value);
std::string float8_text(double value);

// The text of a numeric's send form. Throws Error(protocol) when the bytes are no numeric, or when
// they hold digits behind the display scale, which the text would lose.
std::string numeric_text(std::string_view send_form);

}  // namespace walpack
