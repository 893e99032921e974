// Text that is a list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace walpack {

// The parts between the separators: one more than there are of those, empty ones among them.
std::vector<std::string> split(std::string_view text, char separator);

}  // namespace walpack
