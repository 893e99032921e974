#include "copy/copy_tables.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace walpack {
namespace {

// A snapshot is asked by the end of a commit, which lies behind its start.
Lsn after(Lsn commit_lsn) {
    return {commit_lsn.value + 1};
}

}  // namespace

TableFigures CopyTable::figures() const {
    TableFigures figures;
    figures.name = fmt::format("{}.{}", stored.name.schema, stored.name.table);
    figures.rows_estimated = stored.rows_estimated;
    figures.bytes_estimated = stored.bytes_estimated;
    figures.chunks_total = parts.size();
    for (const CopyPart& part : parts) {
        if (!part.is_loaded) continue;
        ++figures.chunks_done;
        figures.rows += part.stored.rows;
        figures.bytes += part.stored.bytes;
    }
    return figures;
}

std::size_t CopyTable::place_of(std::uint32_t number) const {
    const auto found = std::find_if(parts.begin(), parts.end(), [number](const CopyPart& part) {
        return part.stored.number == number;
    });
    return static_cast<std::size_t>(found - parts.begin());
}

std::uint32_t CopyTable::new_number() {
    for (const CopyPart& part : parts) next_number = std::max(next_number, part.stored.number + 1);
    return next_number++;
}

bool CopyTables::admits(const CopyTable& table, const SourceSnapshot& snapshot,
                        std::chrono::steady_clock::time_point asked_at) {
    if (asked_at < session_at) return false;
    if (snapshot.is_of_standby()) {
        const Lsn from = std::max(table.stored.required_lsn, resumed_at);
        return snapshot.includes(SourceSnapshot::of_standby(from)) &&
               (!dropped_until.is_valid() || snapshot.sees(0, after(dropped_until)));
    }
    if (table.stored.required && !snapshot.includes(*table.stored.required)) return false;
    if (newest && !snapshot.includes(*newest)) return false;
    const bool sees_all = std::all_of(unseen.begin(), unseen.end(), [&](const auto& each) {
        return snapshot.sees(each.second, after(each.first));
    });
    if (sees_all) note_seen(snapshot, asked_at);
    return sees_all;
}

void CopyTables::note_seen(const SourceSnapshot& snapshot,
                           std::chrono::steady_clock::time_point asked_at) {
    if (asked_at < session_at) return;
    if (newest && !snapshot.includes(*newest)) return;
    const std::size_t forgotten = std::erase_if(
        unseen, [&](const auto& each) { return snapshot.sees(each.second, after(each.first)); });
    if (forgotten > 0) newest = snapshot;
}

void CopyTables::begin_session() {
    newest.reset();
    exact.reset();
    session_at = std::chrono::steady_clock::now();
}

bool CopyTables::note_not_applied(std::uint32_t xid, Lsn commit_lsn) {
    dropped_until = std::max(dropped_until, commit_lsn);
    if (newest && newest->sees(xid, after(commit_lsn))) return false;
    unseen[commit_lsn] = xid;
    return true;
}

void CopyTables::reset(CopyTable& table, std::size_t chunk) {
    CopyChunk& reset = table.chunks[chunk];
    backlog_bytes -= reset.backlog_bytes;
    if (!reset.backlog.empty()) kept_has_changed = true;
    CopyChunk waiting;
    waiting.generation = reset.generation + 1;
    waiting.committing = reset.committing;
    reset = std::move(waiting);
    for (std::size_t part = 0; part < table.parts.size(); ++part) {
        if (table.chunk_of(part) != chunk) continue;
        if (!std::exchange(table.parts[part].is_loaded, false)) continue;
        ++table.taken_back.chunks_done;
        table.taken_back.rows += table.parts[part].stored.rows;
        table.taken_back.bytes += table.parts[part].stored.bytes;
    }
    table.exported_snapshot.clear();
    note_change();
}

void CopyTables::cut_parts(CopyTable& table) {
    for (std::size_t place = 0; place < table.parts.size(); ++place) {
        if (!table.parts[place].cut_off) continue;
        CopyPart upper;
        upper.stored = *std::exchange(table.parts[place].cut_off, std::nullopt);
        table.parts[place].stored.range.to = upper.stored.range.from;
        const auto behind = static_cast<std::ptrdiff_t>(place) + 1;
        table.parts.insert(table.parts.begin() + behind, std::move(upper));
        table.chunks.insert(table.chunks.begin() + behind, CopyChunk{});
        note_change();
    }
}

}  // namespace walpack
