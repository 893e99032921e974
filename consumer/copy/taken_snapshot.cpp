#include "copy/taken_snapshot.h"

#include <string>

#include "base/error.h"

namespace walpack {
namespace {

constexpr const char* kReplayedSql =
    "SELECT pg_catalog.pg_last_wal_replay_lsn() WHERE pg_catalog.pg_is_in_recovery()";
constexpr const char* kSnapshotSql = "SELECT pg_catalog.pg_current_snapshot()";

SourceSnapshot parse_snapshot(const std::optional<std::string>& text) {
    const auto snapshot = SourceSnapshot::parse(text.value_or(""));
    if (!snapshot)
        throw Error(ErrorKind::protocol, "the source's snapshot could not be understood");
    return *snapshot;
}

}  // namespace

std::optional<Lsn> replayed_lsn(Connection& source) {
    const auto text = source.query_value(kReplayedSql);
    return text ? Lsn::parse(*text) : std::nullopt;
}

// A standby's pg_current_snapshot() leaves out what is running. But a transaction becomes visible
// there when its commit is replayed, so a position that did not move says the same.
std::optional<TakenSnapshot> take_snapshot(Connection& source,
                                           const std::optional<Lsn>& replayed_before) {
    if (replayed_before) {
        const auto replayed = replayed_lsn(source);
        if (replayed != replayed_before) return std::nullopt;
        return TakenSnapshot{SourceSnapshot::of_standby(*replayed), *replayed};
    }
    const SourceSnapshot snapshot = parse_snapshot(source.query_value(kSnapshotSql));
    const auto lsn = Lsn::parse(
        source.query_value("SELECT pg_catalog.pg_current_wal_insert_lsn()").value_or(""));
    if (!lsn) throw Error(ErrorKind::protocol, "the source gave no position in its WAL");
    return TakenSnapshot{snapshot, *lsn};
}

std::optional<SourceSnapshot> newest_snapshot(Connection& source) {
    if (const auto replayed = replayed_lsn(source)) return SourceSnapshot::of_standby(*replayed);
    return parse_snapshot(source.query_value(kSnapshotSql));
}

}  // namespace walpack
