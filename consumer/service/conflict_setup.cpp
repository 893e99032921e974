#include "service/conflict_setup.h"

#include "base/error.h"
#include "progress/conflict_log.h"
#include "progress/progress.h"

namespace walpack {

void set_up_conflicts(Connection& target, const ConflictPolicies& policies) {
    if (!policies.resolve_any()) return;
    if (!has_conflict_log(target)) {
        Transaction transaction(target);
        lock_schema(target);
        create_conflict_log(target);
        transaction.commit();
    }
    if (!has_conflict_log(target)) {
        throw Error(ErrorKind::config,
                    "the target role cannot write to walpack.conflict_log, where the answers of "
                    "policies for conflicts are recorded")
            .hint(
                "Run \"walpack init\" again as a role that may create tables in schema walpack, "
                "and GRANT INSERT on it to this role; or set all policies to error.");
    }
    if (!policies.use_commit_time()) return;
    if (target.query_value("SELECT pg_catalog.current_setting('track_commit_timestamp')") == "on")
        return;
    throw Error(ErrorKind::config,
                "policy newest goes by times of commit, and the target does not keep any")
        .hint("Set newest_column, or track_commit_timestamp = on at the target and restart it.");
}

}  // namespace walpack
