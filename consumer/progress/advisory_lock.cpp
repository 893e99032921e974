#include "progress/advisory_lock.h"

namespace walpack {

// 64-bit FNV-1a.
std::int64_t lock_key(std::string_view name) {
    std::uint64_t hash = 14695981039346656037U;
    for (const char c : name) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 1099511628211U;
    }
    return static_cast<std::int64_t>(hash);
}

std::int64_t pipeline_lock_key(const std::string& pipeline) {
    return lock_key("walpack pipeline " + pipeline);
}

}  // namespace walpack
