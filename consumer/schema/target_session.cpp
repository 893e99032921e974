#include "schema/target_session.h"

#include <atomic>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/sqlstate.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

// Single-row statements by key must use the index even when statistics are empty or old, hence the
// generic plans without sequential and bitmap scans; where no index fits, a sequential scan is
// still chosen. Batches join their arrays with the table: by a nested loop over its index, not by
// reading all of it for a hash or a merge.
constexpr const char* kPinSettings = R"(
SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC';
SET extra_float_digits = 1; SET bytea_output = 'hex'; SET xmloption = 'content';
SET lc_monetary = 'C'; SET standard_conforming_strings = on; SET transform_null_equals = off;
SET array_nulls = on; SET row_security = off; SET statement_timeout = 0; SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0;
SET default_transaction_read_only = off; SET default_transaction_deferrable = off;
SET default_transaction_isolation = 'read committed';
SET synchronous_commit = off; SET plan_cache_mode = force_generic_plan; SET jit = off;
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_indexscan = on;
SET enable_nestloop = on; SET enable_hashjoin = off; SET enable_mergejoin = off;
SET enable_material = off; SET enable_memoize = off)";

// A server with glibc gives freed memory back to the kernel beyond 128 kB, and a COPY frees more
// with each 64 kB of rows, only to fault it in again: an eighth of its CPU. What is kept grows to
// twice the largest piece that was mapped by itself and freed (mallopt(3), M_MMAP_THRESHOLD): such
// a piece of 512 kB is made here. Without glibc this is nothing.
constexpr const char* kKeepFreedMemory =
    "SELECT pg_catalog.octet_length(pg_catalog.repeat(pg_catalog.repeat('x', 1024), 512))";

constexpr int kVersionMin = 140000;

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
[[noreturn]] void refuse_standby(const Connection& target) {
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

std::string durable_commit_level(std::string_view configured) {
    const bool is_stricter = configured == "remote_apply" || configured == "remote_write";
    return is_stricter ? std::string(configured) : "on";
}

}  // namespace

TargetSession set_up_target_session(Connection& target) {
    if (target.server_version() < kVersionMin) {
        throw Error(ErrorKind::config, "the target must be PostgreSQL 14 or later");
    }
    pin_search_path(target);
    // As it was configured: the setting itself may be ours already.
    const Result state = target.execute(
        "RESET synchronous_commit; SELECT pg_catalog.pg_is_in_recovery(), "
        "pg_catalog.current_setting('synchronous_commit')");
    if (state.value(0, 0) == "t") refuse_standby(target);
    target.execute(kPinSettings);
    TargetSession session;
    session.durable_commit = durable_commit_level(state.value(0, 1));
    session.is_replica_role = take_replica_role(target);
    if (!session.is_replica_role) warn_once_of_triggers();
    return session;
}

TargetSession set_up_row_session(Connection& target) {
    target.execute(kKeepFreedMemory);
    return set_up_target_session(target);
}

}  // namespace walpack
