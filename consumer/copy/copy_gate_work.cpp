// Between transactions: what the workers have finished becomes part of the stream, and what is kept
// meanwhile holds the slot back.
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "copy/copy_gate.h"
#include "copy/gate_lock.h"

namespace walpack {
namespace {

using State = CopyChunk::State;

// The one that is there where only one is.
std::optional<Lsn> earlier(std::optional<Lsn> one, std::optional<Lsn> other) {
    return one && other ? std::min(one, other) : std::max(one, other);
}

// Changes may be older than the name that their table has by now, on both sides.
class Renamed {
  public:
    explicit Renamed(TableName name) : name_(std::move(name)) {}

    std::shared_ptr<const Relation> take(const std::shared_ptr<const Relation>& relation) {
        if (relation->schema == name_.schema && relation->name == name_.table) return relation;
        auto& renamed = made_[relation];
        if (renamed == nullptr) {
            auto copy = std::make_shared<Relation>(*relation);
            copy->schema = name_.schema;
            copy->name = name_.table;
            renamed = std::move(copy);
        }
        return renamed;
    }

  private:
    TableName name_;
    std::map<std::shared_ptr<const Relation>, std::shared_ptr<const Relation>> made_;
};

}  // namespace

std::vector<std::string> CopyGate::closing_sql() {
    const std::lock_guard lock(tables_.mutex);
    std::vector<std::string> sql;
    if (std::exchange(unseen_has_changed_, false))
        sql.push_back(catalog_.set_unseen_sql(tables_.not_applied.unseen));
    // What is kept again is known already.
    if (!is_replaying_ && std::exchange(tables_.kept_has_changed, false))
        sql.push_back(note_kept_sql());
    return sql;
}

// For the owner of the mutex.
std::optional<Lsn> CopyGate::kept_from() const {
    std::optional<Lsn> from;
    for (const auto& [name, table] : tables_.by_name) {
        for (const CopyChunk& chunk : table->chunks) {
            if (chunk.backlog.empty()) continue;
            from = earlier(from, chunk.backlog.front().commit_lsn());
        }
    }
    return from;
}

std::string CopyGate::note_kept_sql() {
    const std::optional<Lsn> from = kept_from();
    if (noted_from_ && (!from || *noted_from_ < *from))
        holds_.push_back({*noted_from_, commit_lsn_});
    noted_from_ = from;
    return catalog_.set_kept_from_sql(from);
}

std::optional<Lsn> CopyGate::floor(Lsn durable) {
    if (is_replaying_) return resume_from_;
    std::erase_if(holds_, [durable](const Hold& hold) { return hold.until < durable; });
    std::optional<Lsn> floor;
    for (const Hold& hold : holds_) floor = earlier(floor, hold.floor);
    const std::lock_guard lock(tables_.mutex);
    if (tables_.kept_has_changed) floor = earlier(floor, noted_from_);
    return earlier(floor, kept_from());
}

bool CopyGate::is_full(std::size_t backlog_bytes_max) const {
    if (is_replaying_) return false;
    const std::lock_guard lock(tables_.mutex);
    return tables_.backlog_bytes > backlog_bytes_max;
}

void CopyGate::begin_session() {
    const std::lock_guard lock(tables_.mutex);
    tables_.begin_session();
}

void CopyGate::stop_asking_ahead() {
    const std::lock_guard lock(tables_.mutex);
    tables_.stop_asking_ahead();
}

void CopyGate::limit_backlog(std::size_t backlog_bytes_max, CopyGateOutput& output) {
    if (!std::exchange(has_kept_, false) || is_replaying_) return;
    const Locked locked(lock_);
    while (tables_.backlog_bytes > backlog_bytes_max) {
        CopyTable* largest_table = nullptr;
        std::size_t largest = 0;
        std::size_t bytes = 0;
        for (const auto& [name, table] : tables_.by_name) {
            for (std::size_t i = 0; i < table->chunks.size(); ++i) {
                if (table->chunks[i].backlog_bytes <= bytes) continue;
                bytes = table->chunks[i].backlog_bytes;
                largest_table = table.get();
                largest = i;
            }
        }
        WALPACK_CHECK(largest_table != nullptr);
        take_back(*largest_table, largest, output);
    }
}

bool CopyGate::work(Lsn position, Lsn applied, CopyGateOutput& output) {
    if (is_replaying_) return false;
    bool has_made_live = false;
    std::vector<Command> commands;
    const Locked locked(lock_);
    tables_.applied = applied;
    is_settling_ = false;
    for (const auto& [name, table] : tables_.by_name) {
        if (table->stored.state == TableState::requested && !table->dropped_from) {
            table->dropped_from = position;
            tables_.note_change();
        }
        if (table->stored.state == TableState::ready || table->is_dropped()) continue;
        tables_.cut_parts(*table);
        admit_withdrawn(*table, applied);
        if (table->is_built) has_made_live = make_live(*table, output) || has_made_live;
        if (auto command = advance(*table)) commands.push_back(std::move(*command));
        is_settling_ =
            is_settling_ || (table->stored.state == TableState::settling && !table->is_settled);
    }
    // Of what a worker has given up, which may be followed by nothing for long.
    if (std::exchange(tables_.kept_has_changed, false))
        commands.push_back({note_kept_sql(), "note where kept changes begin"});
    // As when chunks become live: this may wait for the target.
    lock_.unlock();
    for (Command& command : commands) output.command(std::move(command.sql), command.doing);
    return has_made_live;
}

void CopyGate::admit_withdrawn(CopyTable& table, Lsn applied) {
    for (CopyChunk& chunk : table.chunks) {
        if (chunk.state != State::withdrawn || applied <= chunk.withdrawn_lsn) continue;
        chunk.state = State::waiting;
        tables_.note_change();
    }
}

// The mutex is given up while the changes are applied, as that may wait for the target.
bool CopyGate::make_live(CopyTable& table, CopyGateOutput& output) {
    std::vector<std::uint32_t> numbers;
    std::vector<KeptChange> backlog;
    for (std::size_t i = 0; i < table.chunks.size(); ++i) {
        CopyChunk& chunk = table.chunks[i];
        if (chunk.state != State::loaded) continue;
        std::ranges::move(tables_.take_kept(chunk), std::back_inserter(backlog));
        chunk.state = State::live;
        for (std::size_t part = 0; part < table.parts.size(); ++part) {
            if (table.chunk_of(part) == i) numbers.push_back(table.parts[part].stored.number);
        }
    }
    if (numbers.empty()) return false;
    Renamed renamed(table.stored.name);
    lock_.unlock();
    output.begin_kept(table.stored.name);
    output.forget_mapping(table.stored.name);
    for (const KeptChange& kept : backlog) {
        RowChange change = kept.change();
        change.relation = renamed.take(change.relation);
        output.apply_kept(change, kept.commit_lsn());
    }
    output.command(catalog_.mark_live_sql(table.stored.oid, numbers), "note that chunks are live");
    lock_.lock();
    tables_.note_change();
    return true;
}

// copying -> building -> settling; ready is for the workers to say, who know what is left to make.
std::optional<CopyGate::Command> CopyGate::advance(CopyTable& table) {
    const auto all_are = [&table](State state) {
        return std::all_of(table.chunks.begin(), table.chunks.end(),
                           [state](const CopyChunk& chunk) { return chunk.state == state; });
    };
    const TableState before = table.stored.state;
    if (before == TableState::copying && !table.is_built && all_are(State::loaded))
        table.stored.state = TableState::building;
    if (before <= TableState::building && all_are(State::live))
        table.stored.state = TableState::settling;
    // By what the target has committed: were the table said to be ready before that, a crash would
    // have what its snapshots saw applied once more.
    if (before == TableState::settling && !table.is_settled) {
        const Lsn applied = tables_.applied;
        table.is_settled =
            std::all_of(table.chunks.begin(), table.chunks.end(),
                        [applied](const CopyChunk& chunk) { return chunk.settled_lsn <= applied; });
        if (table.is_settled) tables_.note_change();
    }
    if (table.stored.state == before) return std::nullopt;
    tables_.note_change();
    return Command{catalog_.set_state_sql(table.stored.oid, table.stored.state),
                   "note the state of a table"};
}

}  // namespace walpack
