#include "copy/taken_snapshot.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace walpack {
namespace {

// One question, as the stream and a standby's replay go on meanwhile: what a standby had replayed
// before the snapshot is kept by the session. The positions are asked behind the snapshot.
constexpr const char* kBeginSql =
    "BEGIN; SELECT pg_catalog.set_config('walpack.replayed', COALESCE(CASE WHEN "
    "pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() "
    "END::pg_catalog.text, ''), false); COMMIT; "
    "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
constexpr const char* kTakeSql =
    "; SELECT pg_catalog.current_setting('walpack.replayed'), s.replayed, "
    "pg_catalog.pg_current_snapshot(), "
    "CASE WHEN s.replayed IS NULL THEN pg_catalog.pg_current_wal_insert_lsn() END, "
    "pg_catalog.current_setting('wal_block_size') "
    "FROM (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN "
    "pg_catalog.pg_last_wal_replay_lsn() END AS replayed OFFSET 0) s";
// Of every page but a segment's first.
constexpr std::uint64_t kPageHeadBytes = 24;
// The xid, which lies before the snapshot's end, with the epoch that brings it nearest to that.
constexpr const char* kStatusSql =
    "SELECT pg_catalog.pg_xact_status((s.xmax + ((($1::pg_catalog.int8 - s.xmax) << 32) >> 32))"
    "::pg_catalog.text::pg_catalog.xid8) FROM (SELECT pg_catalog.pg_snapshot_xmax("
    "pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8 AS xmax) s";
constexpr const char* kSnapshotSql = "SELECT pg_catalog.pg_current_snapshot()";

SourceSnapshot parse_snapshot(const std::optional<std::string>& text) {
    const auto snapshot = SourceSnapshot::parse(text.value_or(""));
    if (!snapshot)
        throw Error(ErrorKind::protocol, "the source's snapshot could not be understood");
    return *snapshot;
}

// Behind a page that is full the server is where the next record starts, after the page's head; a
// stream with nothing to send stays at the end of the last record.
Lsn end_of_wal(std::string_view insert_lsn, std::string_view block_size) {
    const auto lsn = Lsn::parse(insert_lsn);
    if (!lsn) throw Error(ErrorKind::protocol, "the source gave no position in its WAL");
    const std::uint64_t page_bytes = std::stoull(std::string(block_size));
    return lsn->value % page_bytes == kPageHeadBytes ? Lsn{lsn->value - kPageHeadBytes} : *lsn;
}

}  // namespace

// A standby's pg_current_snapshot() leaves out what is running. But a transaction becomes visible
// there when its commit is replayed, so a position that did not move says the same.
std::optional<TakenSnapshot> begin_with_snapshot(Connection& source,
                                                 const std::string& preparation) {
    const Result result = source.execute(kBeginSql + preparation + kTakeSql);
    const std::string_view before = result.value(0, 0);
    const SourceSnapshot outline = parse_snapshot(std::string(result.value(0, 2)));
    if (result.is_null(0, 1)) {
        // A standby that was promoted in between.
        if (!before.empty()) return std::nullopt;
        return TakenSnapshot{outline, outline, end_of_wal(result.value(0, 3), result.value(0, 4))};
    }
    const std::optional<Lsn> replayed = Lsn::parse(result.value(0, 1));
    if (!replayed || result.value(0, 1) != before) return std::nullopt;
    return TakenSnapshot{SourceSnapshot::of_standby(*replayed), outline, *replayed};
}

// pg_xact_status() looks first whether it is running, and fails for what the server has not heard
// of, which is never before a snapshot's end.
bool is_certainly_unseen(Connection& source, const TakenSnapshot& taken, std::uint32_t xid) {
    if (!taken.outline.sees(xid, Lsn{})) return true;
    return source.query_value(kStatusSql, {std::to_string(xid)}) == "in progress";
}

// What a standby has replayed was flushed by the primary.
bool is_flushed(Connection& source, Lsn lsn) {
    const auto answer = source.query_value(
        "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN true "
        "ELSE pg_catalog.pg_current_wal_flush_lsn() >= $1::pg_catalog.pg_lsn END",
        {lsn.to_string()});
    return answer == "t";
}

// The commit of a transaction that has written something does it (RecordTransactionCommit); no
// standby is waited for.
void flush_source(const Conninfo& source, const StopRequest& stop) {
    Connection session(source, stop, "walpack_copy");
    session.execute("BEGIN READ WRITE; SET LOCAL synchronous_commit = local");
    session.execute("SELECT pg_catalog.pg_logical_emit_message(true, 'walpack', '')");
    session.execute("COMMIT");
}

SourceSnapshot newest_snapshot(Connection& source) {
    return parse_snapshot(source.query_value(kSnapshotSql));
}

}  // namespace walpack
