#include "copy/copy_work.h"

#include <algorithm>

namespace walpack {
namespace {

using Kind = CopyTask::Kind;
using Stage = CopyBuild::Stage;
using State = CopyChunk::State;

constexpr std::chrono::milliseconds kLook{100};

bool has_taken_part(const CopyTable& table) {
    return std::any_of(table.parts.begin(), table.parts.end(),
                       [](const CopyPart& part) { return part.is_taken; });
}

bool has_taken_build(const CopyBuilds& builds) {
    return std::any_of(builds.begin(), builds.end(),
                       [](const CopyBuild& build) { return build.is_taken; });
}

bool is_any(const CopyTable&) {
    return true;
}

bool is_nobodys(const CopyTable& table) {
    return !has_taken_part(table);
}

// Its snapshot is open, whatever else there is to do.
bool is_open_snapshot(const CopyTable& table) {
    return table.is_whole() && !table.exported_snapshot.empty();
}

// Transactions of the source need not end first.
bool can_go_on(const CopyTable& table) {
    return table.stored.state != TableState::requested || !table.needs_required;
}

// Items that must be made one behind the other: keys, as others may refer to them; foreign keys
// before they are validated.
bool is_in_order(PostDataKind kind) {
    return kind != PostDataKind::index && kind != PostDataKind::validation;
}

}  // namespace

Stage stage_of(const CopyTable& table, const CopyBuild& build) {
    const auto& keys = table.stored.key_columns;
    const bool is_of_one_chunk =
        table.is_whole() ||
        (!keys.empty() && std::ranges::all_of(keys, [&build](const std::string& key) {
            return std::ranges::count(build.unique_columns, key) > 0;
        }));
    if (build.is_exclusive && !build.is_identity && !is_of_one_chunk) return Stage::settled;
    return build.item.kind == PostDataKind::key ? Stage::key : Stage::index;
}

void assign_stages(CopyTable& table) {
    for (CopyBuild& build : table.builds) build.stage = stage_of(table, build);
    table.is_built = is_done(table.builds, Stage::key) && is_done(table.builds, Stage::index);
}

bool is_done(const CopyBuilds& builds, CopyBuild::Stage stage) {
    return std::all_of(builds.begin(), builds.end(), [stage](const CopyBuild& build) {
        return build.stage != stage || build.is_done;
    });
}

std::optional<CopyTask> CopyWork::next(const StopRequest& stop) {
    std::unique_lock lock(tables_.mutex);
    while (!stop.requested()) {
        if (auto task = choose()) return task;
        if (all_done()) return std::nullopt;
        tables_.changed.wait_for(lock, kLook);
    }
    return std::nullopt;
}

std::optional<CopyTask> CopyWork::next_now() {
    const std::lock_guard lock(tables_.mutex);
    return choose();
}

bool CopyWork::is_complete() {
    const std::lock_guard lock(tables_.mutex);
    return all_done();
}

void CopyWork::wait_until_complete(std::chrono::milliseconds patience, const StopRequest& stop) {
    std::unique_lock lock(tables_.mutex);
    tables_.changed.wait_for(lock, patience, [&] { return stop.requested() || all_done(); });
}

bool CopyWork::all_done() const {
    return all_ready() && is_done(tables_.builds, Stage::last);
}

bool CopyWork::all_ready() const {
    return std::all_of(tables_.by_name.begin(), tables_.by_name.end(), [](const auto& each) {
        return each.second->stored.state == TableState::ready;
    });
}

std::optional<CopyTask> CopyWork::choose() {
    std::optional<CopyTask> task = choose_any();
    if (task && task->table != nullptr) task->published = task->table->published;
    return task;
}

// Loading goes first: it is what the others wait for. A table that one worker loads alone is stored
// in the order of its key, so that its key costs less to make; but several that are open at once
// have more changes kept for them.
std::optional<CopyTask> CopyWork::choose_any() {
    const bool is_pressed = tables_.backlog_bytes > backlog_bytes_max_ / 2;
    const Choose part = &CopyWork::choose_part;
    const Choose other = &CopyWork::choose_of;
    if (auto task = choose_among(is_open_snapshot, part)) return task;
    if (auto task = choose_among(is_pressed ? is_any : is_nobodys, part)) return task;
    if (auto task = choose_among(can_go_on, other)) return task;
    if (auto task = choose_among(is_any, part)) return task;
    if (auto task = choose_among(is_any, other)) return task;
    return choose_last();
}

std::optional<CopyTask> CopyWork::choose_among(Accepts accepts, Choose choose) {
    for (const auto& [name, table] : tables_.by_name) {
        if (!accepts(*table)) continue;
        if (auto task = (this->*choose)(*table)) return task;
    }
    return std::nullopt;
}

// Statistics are wanted by the joins of whole tables that validate foreign keys.
std::optional<CopyTask> CopyWork::choose_last() {
    bool is_analyzed = true;
    for (const auto& [name, table] : tables_.by_name) {
        if (table->stored.state != TableState::ready) is_analyzed = false;
        if (table->stored.state != TableState::ready || !table->needs_analyze) continue;
        is_analyzed = false;
        if (table->is_taken) continue;
        table->is_taken = true;
        return CopyTask{.kind = Kind::analyze, .table = table.get()};
    }
    if (!is_analyzed) return std::nullopt;
    return choose_build(nullptr, tables_.builds, Stage::last);
}

std::optional<CopyTask> CopyWork::choose_part(CopyTable& table) {
    if (table.stored.state != TableState::copying) return std::nullopt;
    for (std::size_t part = 0; part < table.parts.size(); ++part) {
        CopyChunk& chunk = table.chunks[table.chunk_of(part)];
        if (table.parts[part].is_taken || table.parts[part].is_loaded) continue;
        if (table.parts[part].cut_off) continue;
        const bool is_joinable = chunk.state == State::loading && !table.exported_snapshot.empty();
        const bool is_first = chunk.state == State::waiting && !has_taken_part(table);
        if (table.is_whole() ? !is_joinable && !is_first : !chunk.wants_snapshot()) continue;
        table.parts[part].is_taken = true;
        return CopyTask{.kind = Kind::load,
                        .table = &table,
                        .part = table.parts[part].stored.number,
                        .generation = chunk.generation};
    }
    return std::nullopt;
}

std::optional<CopyTask> CopyWork::choose_of(CopyTable& table) {
    if (table.is_taken || has_taken_part(table)) return std::nullopt;
    const auto take = [&table](Kind kind) {
        table.is_taken = true;
        return CopyTask{.kind = kind, .table = &table};
    };
    switch (table.stored.state) {
        case TableState::requested:
            if (table.dropped_from && *table.dropped_from <= tables_.applied &&
                !table.needs_description)
                return take(Kind::empty);
            return std::nullopt;
        case TableState::waiting:
            return take(Kind::plan);
        case TableState::building:
            for (const Stage stage : {Stage::key, Stage::index}) {
                if (!is_done(table.builds, stage)) return choose_build(&table, table.builds, stage);
            }
            return std::nullopt;
        case TableState::settling:
            if (!table.is_settled) return std::nullopt;
            if (!is_done(table.builds, Stage::settled))
                return choose_build(&table, table.builds, Stage::settled);
            return take(Kind::finish);
        default:
            return std::nullopt;
    }
}

// Kinds stand in the order in which they are made. There may be as many as a database has objects.
std::optional<CopyTask> CopyWork::choose_build(CopyTable* table, CopyBuilds& builds,
                                               CopyBuild::Stage stage) {
    std::optional<PostDataKind> next;
    bool is_one_taken = false;
    for (const CopyBuild& build : builds) {
        if (build.stage != stage || build.is_done) continue;
        next = std::min(next.value_or(build.item.kind), build.item.kind);
        is_one_taken = is_one_taken || build.is_taken;
    }
    if (!next || (is_one_taken && is_in_order(*next))) return std::nullopt;
    for (CopyBuild& build : builds) {
        if (build.stage != stage || build.is_taken || build.is_done) continue;
        if (build.item.kind != *next) continue;
        build.is_taken = true;
        return CopyTask{.kind = Kind::build, .table = table, .build = &build};
    }
    return std::nullopt;
}

void CopyWork::release(const CopyTask& task) {
    const std::lock_guard lock(tables_.mutex);
    if (task.build != nullptr) {
        task.build->is_taken = false;
        CopyTable* const table = task.table;
        // Also when chunks were taken back meanwhile: nothing is left to build for them.
        if (table != nullptr && is_done(table->builds, Stage::key) &&
            is_done(table->builds, Stage::index) && !has_taken_build(table->builds))
            table->is_built = true;
    } else if (task.kind == Kind::load) {
        auto& parts = task.table->parts;
        const std::size_t place = task.table->place_of(task.part);
        if (place < parts.size()) parts[place].is_taken = false;
    } else {
        task.table->is_taken = false;
    }
    tables_.note_change();
}

}  // namespace walpack
