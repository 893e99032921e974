// Standard output of the commands that answer and end.
#pragma once

#include <string_view>

namespace walpack {

// Written out at once, so that a command that fails later has said what it did. Throws Error when
// nobody can take it.
void print(std::string_view text);

}  // namespace walpack
