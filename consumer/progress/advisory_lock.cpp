#include "progress/advisory_lock.h"

#include <fmt/format.h>

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

std::string is_held_sql(std::int64_t key) {
    const auto number = static_cast<std::uint64_t>(key);
    return fmt::format(
        "l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.classid = "
        "'{}'::pg_catalog.oid "
        "AND l.objid = '{}'::pg_catalog.oid AND l.database = (SELECT d.oid FROM "
        "pg_catalog.pg_database d "
        "WHERE d.datname = pg_catalog.current_database())",
        number >> 32, number & 0xffffffffU);
}

}  // namespace walpack
