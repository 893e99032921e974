#include "service/conflict_setup.h"

#include <chrono>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/sqlstate.h"
#include "progress/conflict_log.h"
#include "progress/progress.h"

namespace walpack {
namespace {

// Beside the workers: the replay of a refused group, the session that all of this is set up by, and
// a command about the quarantine.
constexpr std::uint64_t kMoreSessions = 3;
// For sessions of an earlier run.
constexpr std::chrono::seconds kReleaseTimeout{5};

std::size_t sessions_of(const Config& config) {
    return config.apply_workers + config.copy_workers + kMoreSessions;
}

void require_conflict_log(Connection& target) {
    if (!has_conflict_log(target)) {
        Transaction transaction(target);
        lock_schema(target);
        create_conflict_log(target);
        transaction.commit();
    }
    if (has_conflict_log(target)) return;
    throw Error(ErrorKind::config,
                "the target role cannot write to walpack.conflict_log, where the answers of "
                "policies for conflicts are recorded")
        .hint(
            "Run \"walpack init\" again as a role that may create tables in schema walpack, "
            "and GRANT INSERT on it to this role; or set all policies to error.");
}

void require_commit_times(Connection& target) {
    if (target.query_value("SELECT pg_catalog.current_setting('track_commit_timestamp')") == "on")
        return;
    throw Error(ErrorKind::config,
                "policy newest goes by times of commit, and the target does not keep any")
        .hint("Set newest_column, or track_commit_timestamp = on at the target and restart it.");
}

// What is written from now on has none: were they used again, it would seem somebody else's.
void drop_origins(Connection& target, const Config& config) {
    try {
        ReplicationOrigins::drop(target, config.pipeline, kReleaseTimeout);
    } catch (const Error& error) {
        if (error.sqlstate() != kInsufficientPrivilege) throw;
        log::warning(
            "replication origins of the pipeline stay on the target, as the role may not drop "
            "them; do so before update_origin_differs or delete_origin_differs is set again");
    }
}

}  // namespace

void require_for_conflicts(Connection& target, const Config& config) {
    if (config.conflicts.use_commit_time()) require_commit_times(target);
    if (config.conflicts.watch_origins())
        ReplicationOrigins::require(target, config.pipeline, sessions_of(config));
}

std::shared_ptr<const ReplicationOrigins> set_up_conflicts(Connection& target,
                                                           const Config& config) {
    const ConflictPolicies& policies = config.conflicts;
    require_for_conflicts(target, config);
    if (policies.resolve_any()) require_conflict_log(target);
    if (policies.watch_origins()) {
        return std::make_shared<const ReplicationOrigins>(target, config.pipeline,
                                                          sessions_of(config));
    }
    drop_origins(target, config);
    return nullptr;
}

void take_origin(Connection& session, const Config& config) {
    if (!config.conflicts.watch_origins()) return;
    ReplicationOrigins(session, config.pipeline, sessions_of(config)).take(session);
}

}  // namespace walpack
