#include "copy/copy_tables.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace walpack {
namespace {

// Of one table: their changes are kept until they are taken up.
constexpr std::size_t kAskedAheadMax = 16;

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

bool NotApplied::is_seen_by(const SourceSnapshot& snapshot) const {
    if (snapshot.is_of_standby()) return !until.is_valid() || snapshot.sees(0, after(until));
    if (newest && !snapshot.includes(*newest)) return false;
    return std::ranges::all_of(
        unseen, [&](const auto& each) { return snapshot.sees(each.second, after(each.first)); });
}

// What a snapshot of the primary sees ends at or before its settled_lsn; behind that xids tell
// nothing any more, once they are far from the snapshot's.
bool CopyChunk::sees(std::uint32_t xid, Lsn commit_lsn) const {
    if (!snapshot->is_of_standby() && commit_lsn >= settled_lsn) return false;
    return snapshot->sees(xid, after(commit_lsn));
}

std::optional<std::uint32_t> AskedSnapshot::doubtful_for(const SourceSnapshot& snapshot) const {
    const auto found = std::ranges::find_if(
        kept, [&](const auto& each) { return snapshot.is_doubtful(each.first); });
    if (found == kept.end()) return std::nullopt;
    return found->second;
}

// The backlog of a chunk that asks may be decided only where nothing of it is doubtful.
bool CopyTables::begin_loading(CopyTable& table, std::size_t chunk, const SourceSnapshot& snapshot,
                               Lsn settled_lsn, std::chrono::steady_clock::time_point asked_at) {
    CopyChunk& loading = table.chunks[chunk];
    if (asked_at < session_at || (loading.asked && loading.asked->at < session_at)) return false;
    if (snapshot.is_of_standby()) {
        const Lsn from = std::max(table.stored.required_lsn, resumed_at);
        if (!snapshot.includes(SourceSnapshot::of_standby(from))) return false;
    } else if (table.stored.required && !snapshot.includes(*table.stored.required)) {
        return false;
    }
    if (!(loading.asked ? loading.asked->before : not_applied).is_seen_by(snapshot)) return false;
    if (loading.asked && loading.asked->doubtful_for(snapshot)) return false;
    if (!snapshot.is_of_standby()) note_seen(snapshot, asked_at);
    loading.state = CopyChunk::State::loading;
    loading.snapshot = snapshot;
    loading.settled_lsn = settled_lsn;
    if (const auto asked = std::exchange(loading.asked, std::nullopt))
        drop_seen(loading, asked->kept);
    note_change();
    return true;
}

void CopyTables::ask(CopyChunk& chunk) {
    if (chunk.asked && chunk.asked->at >= session_at) return;
    // It is among what a snapshot must see.
    take_kept(chunk);
    chunk.state = CopyChunk::State::asking;
    chunk.asked = AskedSnapshot{not_applied, std::chrono::steady_clock::now(), {}};
    note_change();
}

void CopyTables::ask_ahead(CopyTable& table) {
    if (table.is_whole() || table.stored.state != TableState::copying) return;
    std::size_t asked = 0;
    for (std::size_t place = 0; place < table.parts.size() && asked < kAskedAheadMax; ++place) {
        const CopyPart& part = table.parts[place];
        CopyChunk& chunk = table.chunks[place];
        if (part.is_taken || part.cut_off) continue;
        if (chunk.state == CopyChunk::State::waiting) return ask(chunk);
        if (chunk.state == CopyChunk::State::asking) ++asked;
    }
}

void CopyTables::stop_asking_ahead(CopyTable& table) {
    for (std::size_t part = 0; part < table.parts.size() && !table.is_whole(); ++part) {
        const bool is_ahead = part < table.chunks.size() && table.chunks[part].asked;
        if (is_ahead && !table.parts[part].is_taken) reset(table, part);
    }
}

void CopyTables::stop_asking_ahead() {
    for (const auto& [name, table] : by_name) stop_asking_ahead(*table);
}

void CopyTables::keep(CopyChunk& chunk, const RowChange& change, std::uint32_t xid,
                      Lsn commit_lsn) {
    if (chunk.backlog.empty()) kept_has_changed = true;
    const std::size_t bytes = chunk.backlog.emplace_back(change, commit_lsn).bytes();
    chunk.backlog_bytes += bytes;
    backlog_bytes += bytes;
    if (chunk.asked) chunk.asked->kept[commit_lsn] = xid;
}

std::vector<KeptChange> CopyTables::take_kept(CopyChunk& chunk) {
    if (!chunk.backlog.empty()) kept_has_changed = true;
    backlog_bytes -= std::exchange(chunk.backlog_bytes, 0);
    return std::exchange(chunk.backlog, {});
}

// `kept`: of which transactions there are changes.
void CopyTables::drop_seen(CopyChunk& chunk, const UnseenTransactions& kept) {
    const std::size_t dropped = std::erase_if(chunk.backlog, [&](const KeptChange& each) {
        return chunk.sees(kept.at(each.commit_lsn()), each.commit_lsn());
    });
    if (dropped == 0) return;
    backlog_bytes -= std::exchange(chunk.backlog_bytes, 0);
    for (const KeptChange& each : chunk.backlog) chunk.backlog_bytes += each.bytes();
    backlog_bytes += chunk.backlog_bytes;
    kept_has_changed = true;
}

void CopyTables::note_seen(const SourceSnapshot& snapshot,
                           std::chrono::steady_clock::time_point asked_at) {
    if (asked_at < session_at) return;
    auto& [unseen, newest, until] = not_applied;
    if (newest && !snapshot.includes(*newest)) return;
    const std::size_t forgotten = std::erase_if(
        unseen, [&](const auto& each) { return snapshot.sees(each.second, after(each.first)); });
    if (forgotten > 0) newest = snapshot;
}

void CopyTables::begin_session() {
    not_applied.newest.reset();
    exact.reset();
    session_at = std::chrono::steady_clock::now();
    stop_asking_ahead();
}

bool CopyTables::note_not_applied(std::uint32_t xid, Lsn commit_lsn) {
    auto& [unseen, newest, until] = not_applied;
    until = std::max(until, commit_lsn);
    if (newest && newest->sees(xid, after(commit_lsn))) return false;
    unseen[commit_lsn] = xid;
    return true;
}

void CopyTables::reset(CopyTable& table, std::size_t chunk) {
    CopyChunk& reset = table.chunks[chunk];
    take_kept(reset);
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
