#include "schema/target_session.h"

#include <atomic>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

// Settings that a server does not know (they came with later versions) are left out by the join.
// Single-row statements by key must use the index even when statistics are empty or old, hence the
// generic plans without sequential and bitmap scans; where no index fits, a sequential scan is
// still chosen. Batches join their arrays with the table: by a nested loop over its index, not by
// reading all of it for a hash or a merge.
constexpr const char* kPinSettings = R"(
SELECT pg_catalog.count(pg_catalog.set_config(s.name, v.setting, false))
FROM (VALUES
    ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('timezone', 'UTC'),
    ('extra_float_digits', '1'), ('bytea_output', 'hex'), ('xmloption', 'content'),
    ('lc_monetary', 'C'), ('standard_conforming_strings', 'on'), ('transform_null_equals', 'off'),
    ('row_security', 'off'), ('statement_timeout', '0'), ('lock_timeout', '0'),
    ('transaction_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),
    ('default_transaction_read_only', 'off'), ('default_transaction_deferrable', 'off'),
    ('default_transaction_isolation', 'read committed'),
    ('synchronous_commit', 'off'), ('plan_cache_mode', 'force_generic_plan'), ('jit', 'off'),
    ('enable_seqscan', 'off'), ('enable_bitmapscan', 'off'), ('enable_indexscan', 'on'),
    ('enable_nestloop', 'on'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'),
    ('enable_material', 'off'), ('enable_memoize', 'off')
) v(name, setting)
JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = v.name)";

constexpr int kVersionMin = 140000;
constexpr std::string_view kInsufficientPrivilege = "42501";

bool take_replica_role(Connection& target) {
    try {
        target.execute("SET session_replication_role = replica");
        return true;
    } catch (const Error& error) {
        if (error.sqlstate() != kInsufficientPrivilege) throw;
        return false;
    }
}

// Its own refusals have several numbers, one of them that of a missing feature.
void refuse_standby(Connection& target) {
    if (target.query_value("SELECT pg_catalog.pg_is_in_recovery()") != "t") return;
    throw Error(
        ErrorKind::connection,
        fmt::format("the target ({}) is a standby and cannot be written to", target.description()))
        .sqlstate("25006")
        .hint(
            "It is tried again until it is promoted. To find the primary among several hosts, add "
            "target_session_attrs=read-write to \"target\".");
}

void warn_once_of_triggers() {
    static std::atomic<bool> is_said{false};
    if (is_said.exchange(true)) return;
    log::warning(
        "the target role may not set session_replication_role: triggers and foreign keys of the "
        "target fire for applied rows");
}

std::string durable_commit_level(Connection& target) {
    // Of the session as configured: the setting itself may be ours already.
    const auto configured = target.query_value(
        "SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'synchronous_commit'");
    const bool is_stricter =
        configured && (*configured == "remote_apply" || *configured == "remote_write");
    return is_stricter ? *configured : "on";
}

}  // namespace

TargetSession set_up_target_session(Connection& target) {
    if (target.server_version() < kVersionMin) {
        throw Error(ErrorKind::config, "the target must be PostgreSQL 14 or later");
    }
    pin_search_path(target);
    refuse_standby(target);
    target.execute(kPinSettings);
    TargetSession session;
    session.durable_commit = durable_commit_level(target);
    session.is_replica_role = take_replica_role(target);
    if (!session.is_replica_role) warn_once_of_triggers();
    return session;
}

}  // namespace walpack
