#include "copy/copy_sessions.h"

#include <chrono>
#include <cstdint>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/sqlstate.h"
#include "progress/advisory_lock.h"

namespace walpack {
namespace {

// A session whose consumer is gone notices at its next read, which is mostly at once.
constexpr std::chrono::milliseconds kEndsByItself{1000};
constexpr std::chrono::milliseconds kEnds{30'000};

std::int64_t key_of(const std::string& pipeline) {
    return lock_key("walpack copy " + pipeline);
}

// False when the lock could not be had within the time.
bool has_lock_alone(Connection& target, std::int64_t key, std::chrono::milliseconds timeout) {
    Transaction transaction(target);
    target.execute(fmt::format("SET LOCAL lock_timeout = {}", timeout.count()));
    try {
        target.execute(
            fmt::format("SELECT pg_catalog.pg_advisory_xact_lock('{}'::pg_catalog.int8)", key));
    } catch (const Error& error) {
        if (error.sqlstate() != kLockNotAvailable) throw;
        return false;
    }
    transaction.commit();
    return true;
}

void end_holders(Connection& target, std::int64_t key) {
    try {
        target.execute(
            "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(l.pid)) "
            "FROM pg_catalog.pg_locks l WHERE l.pid <> pg_catalog.pg_backend_pid() AND " +
            is_held_sql(key));
    } catch (const Error& error) {
        // They are another role's; they may end by themselves.
        if (error.sqlstate() != kInsufficientPrivilege) throw;
    }
}

}  // namespace

std::string begin_copy_sql(const std::string& pipeline) {
    return fmt::format(
        "BEGIN; SELECT pg_catalog.pg_advisory_xact_lock_shared('{}'::pg_catalog.int8)",
        key_of(pipeline));
}

void share_copy_lock(Connection& session, const std::string& pipeline) {
    session.execute(fmt::format("SELECT pg_catalog.pg_advisory_lock_shared('{}'::pg_catalog.int8)",
                                key_of(pipeline)));
}

void end_earlier_copy(Connection& target, const std::string& pipeline) {
    const std::int64_t key = key_of(pipeline);
    if (has_lock_alone(target, key, kEndsByItself)) return;
    log::info("ending sessions by which an earlier run of the copy still writes");
    end_holders(target, key);
    if (has_lock_alone(target, key, kEnds)) return;
    throw Error(ErrorKind::connection,
                "a session by which an earlier run of the copy writes does not end")
        .hint("Look for sessions named walpack_copy in pg_stat_activity of the target.");
}

}  // namespace walpack
