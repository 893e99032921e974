// Names of the advisory locks that sessions of pipelines take on a target.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace walpack {

// The lock's number: stable over versions and machines, so that every consumer takes the same one.
std::int64_t lock_key(std::string_view name);

// That of the session that applies the pipeline, as long as it lives.
std::int64_t pipeline_lock_key(const std::string& pipeline);

// SQL: whether a row of pg_locks, as l, is the lock of that number, held by a session of the same
// database. As the server has it there, the number is in halves.
std::string is_held_sql(std::int64_t key);

}  // namespace walpack
