// Names of the advisory locks that sessions of pipelines take on a target.
#pragma once

#include <cstdint>
#include <string_view>

namespace walpack {

// The lock's number: stable over versions and machines, so that every consumer takes the same one.
std::int64_t lock_key(std::string_view name);

}  // namespace walpack
