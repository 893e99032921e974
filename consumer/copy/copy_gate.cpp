#include "copy/copy_gate.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"

namespace walpack {
namespace {

using State = CopyChunk::State;

constexpr std::chrono::milliseconds kCommitLook{100};

// Between the end of a WAL record and the start of the next one: padding, and the head of a page or
// of a segment.
constexpr std::uint64_t kRecordGapMax = 64;

// Holds the mutex, but for where it is given up in between.
class Locked {
  public:
    explicit Locked(std::unique_lock<std::mutex>& lock) : lock_(lock) { lock_.lock(); }
    ~Locked() {
        if (lock_.owns_lock()) lock_.unlock();
    }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

  private:
    std::unique_lock<std::mutex>& lock_;
};

bool has_old_row(ChangeKind kind) {
    return kind == ChangeKind::update_full || kind == ChangeKind::delete_full;
}

bool has_old_key(ChangeKind kind) {
    return kind == ChangeKind::update_key || kind == ChangeKind::delete_key;
}

bool is_update(ChangeKind kind) {
    return kind == ChangeKind::update || kind == ChangeKind::update_key ||
           kind == ChangeKind::update_full;
}

RowChange delete_of(const RowChange& update) {
    const ChangeKind kind =
        has_old_row(update.kind) ? ChangeKind::delete_full : ChangeKind::delete_key;
    return {kind, update.relation, update.old_tuple, {}};
}

// The row as an insert; false when a value of it is not in the stream.
bool complete_row(const RowChange& update, std::vector<Value>& row) {
    row.assign(update.new_tuple.begin(), update.new_tuple.end());
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (!row[i].is_unchanged_toast()) continue;
        if (!has_old_row(update.kind) || update.old_tuple[i].is_unchanged_toast()) return false;
        row[i] = update.old_tuple[i];
    }
    return true;
}

}  // namespace

CopyGate::CopyGate(CopyTables& tables, const CopyCatalog& catalog, Lsn resume_from, Lsn position,
                   const StopRequest& abort)
    : tables_(tables),
      catalog_(catalog),
      resume_from_(resume_from),
      start_(position),
      abort_(abort),
      is_replaying_(resume_from < position),
      lock_(tables.mutex, std::defer_lock) {}

void CopyGate::begin(const Begin& begin) {
    xid_ = begin.xid;
    commit_lsn_ = begin.commit_lsn;
    is_noted_ = false;
    if (commit_lsn_ >= start_) is_replaying_ = false;
}

void CopyGate::note_stream_at(Lsn lsn) {
    if (lsn >= start_) is_replaying_ = false;
}

CopyTable* CopyGate::find(const Relation& relation) {
    const auto found = tables_.by_name.find({relation.schema, relation.name});
    if (found != tables_.by_name.end()) return found->second.get();
    if (!tables_.unknown) tables_.unknown = TableName{relation.schema, relation.name};
    return nullptr;
}

void CopyGate::look_up(const RowChange& change) {
    relation_ = change.relation;
    epoch_ = tables_.epoch;
    table_ = find(*relation_);
    passes_ = table_ != nullptr && table_->stored.state == TableState::ready;
    if (table_ == nullptr || passes_ || table_->is_whole() || table_->load == nullptr) return;
    const auto& attributes = relation_->attributes;
    const auto found = std::find_if(
        attributes.begin(), attributes.end(),
        [this](const Attribute& each) { return each.name == table_->stored.key_column; });
    if (found == attributes.end() || !found->is_key) {
        throw Error(ErrorKind::schema,
                    fmt::format("column \"{}\" of table \"{}\" is not part of its replica identity "
                                "any more",
                                table_->stored.key_column, relation_->qualified_name()))
            .hint(
                "The table is being copied by ranges of it: make it part of it again, or run "
                "\"walpack recopy\" for the table.");
    }
    key_attribute_ = static_cast<std::size_t>(found - attributes.begin());
    const auto& keys = relation_->key_attributes;
    key_place_ = static_cast<std::size_t>(std::find(keys.begin(), keys.end(), key_attribute_) -
                                          keys.begin());
}

void CopyGate::change(const RowChange& change, CopyGateOutput& output) {
    const Locked locked(lock_);
    if (relation_ != change.relation || epoch_ != tables_.epoch) look_up(change);
    if (passes_) {
        lock_.unlock();
        return output.apply(change);
    }
    if (table_ == nullptr || table_->chunks.empty()) return note_not_applied();
    if (!is_update(change.kind))
        return settle_image(image_of(change, change.kind != ChangeKind::insert, output), change,
                            output);
    const Image before = image_of(change, true, output);
    const Image after = image_of(change, false, output);
    if (before.chunk == after.chunk) return settle_image(after, change, output);
    split(before, after, change, output);
}

Value CopyGate::key_of(const RowChange& change, bool is_old) const {
    if (!is_old || change.kind == ChangeKind::update) return change.new_tuple[key_attribute_];
    if (has_old_key(change.kind)) return change.old_tuple[key_place_];
    WALPACK_CHECK(has_old_row(change.kind));
    return change.old_tuple[key_attribute_];
}

CopyGate::Image CopyGate::image_of(const RowChange& change, bool is_old, CopyGateOutput& output) {
    Image image;
    if (!table_->is_whole()) {
        const Value key = key_of(change, is_old);
        if (key.is_null() || key.is_unchanged_toast()) {
            throw Error(ErrorKind::protocol,
                        fmt::format("a row of table \"{}\" came without column \"{}\"",
                                    relation_->qualified_name(), table_->stored.key_column));
        }
        sort_key_ = sort_key_of(relation_->attributes[key_attribute_], key);
        image.chunk = chunk_of(*table_, sort_key_);
    }
    image.fate = fate_of(*table_, image.chunk, output);
    return image;
}

// Chunks are ranges in order that cover everything.
std::size_t CopyGate::chunk_of(const CopyTable& table, std::string_view sort_key) const {
    const auto behind = std::partition_point(table.parts.begin(), table.parts.end(),
                                             [sort_key](const CopyPart& part) {
                                                 const auto& to = part.stored.range.to;
                                                 return to && sort_key >= to->sort_key;
                                             });
    WALPACK_CHECK(behind != table.parts.end());
    return static_cast<std::size_t>(behind - table.parts.begin());
}

bool CopyGate::is_seen(const CopyChunk& chunk) const {
    return chunk.snapshot->sees(xid_, {commit_lsn_.value + 1});
}

// A standby shows a transaction a moment before it tells that its commit is replayed: whose commit
// record is the next one may be visible or not.
bool CopyGate::is_doubtful(const SourceSnapshot& snapshot) const {
    return snapshot.is_of_standby() && !snapshot.sees(xid_, {commit_lsn_.value + 1}) &&
           snapshot.sees(xid_, {commit_lsn_.value - std::min(commit_lsn_.value, kRecordGapMax)});
}

CopyGate::Fate CopyGate::fate_of(CopyTable& table, std::size_t number, CopyGateOutput& output) {
    CopyChunk& chunk = table.chunks[number];
    wait_while_committing(chunk);
    if (!chunk.snapshot || is_seen(chunk)) return Fate::drop;
    if (is_doubtful(*chunk.snapshot)) {
        take_back(table, number, output);
        return Fate::drop;
    }
    // Where the stream began again, a live chunk has it already, as everything else has.
    if (chunk.state == State::live) return commit_lsn_ < start_ ? Fate::drop : Fate::apply;
    return Fate::keep;
}

void CopyGate::wait_while_committing(CopyChunk& chunk) {
    while (chunk.committing > 0) {
        abort_.throw_if_requested();
        tables_.changed.wait_for(lock_, kCommitLook);
    }
}

// A snapshot that is taken from now on must see the transaction.
void CopyGate::note_not_applied() {
    if (is_noted_) return;
    is_noted_ = true;
    if (tables_.newest && tables_.newest->sees(xid_, {commit_lsn_.value + 1})) return;
    tables_.unseen[commit_lsn_] = xid_;
    unseen_has_changed_ = true;
}

void CopyGate::settle_image(const Image& image, const RowChange& change, CopyGateOutput& output) {
    if (image.fate == Fate::apply) {
        lock_.unlock();
        return output.apply(change);
    }
    CopyChunk& chunk = table_->chunks[image.chunk];
    note_not_applied();
    if (image.fate == Fate::drop) return;
    has_kept_ = true;
    chunk.backlog.emplace_back(change, commit_lsn_);
    chunk.backlog_bytes += chunk.backlog.back().bytes();
    tables_.backlog_bytes += chunk.backlog.back().bytes();
}

// The row leaves one chunk and comes into another.
void CopyGate::split(const Image& before, const Image& after, const RowChange& change,
                     CopyGateOutput& output) {
    if (before.fate == Fate::apply && after.fate == Fate::apply) {
        lock_.unlock();
        return output.apply(change);
    }
    if (before.fate == Fate::drop && after.fate == Fate::drop) return note_not_applied();
    const RowChange removed = delete_of(change);
    std::vector<Value> row;
    const bool is_complete = complete_row(change, row);
    const RowChange added{ChangeKind::insert, change.relation, {}, row};
    settle_image(before, removed, output);
    if (!lock_.owns_lock()) lock_.lock();
    if (after.fate == Fate::drop || is_complete) return settle_image(after, added, output);
    take_back(*table_, after.chunk, output);
    note_not_applied();
}

std::string CopyGate::delete_sql(const CopyTable& table, std::size_t chunk) const {
    const KeyRange range = table.is_whole() ? KeyRange{} : table.parts[chunk].stored.range;
    return fmt::format("DELETE FROM {} WHERE {}", table.load->mapping->table->sql_name_of_rows(),
                       range_condition_on_target(*table.load, range));
}

void CopyGate::take_back(CopyTable& table, std::size_t number, CopyGateOutput& output) {
    CopyChunk& chunk = table.chunks[number];
    wait_while_committing(chunk);
    const bool has_rows = chunk.state == State::loaded || chunk.state == State::live ||
                          std::any_of(table.parts.begin(), table.parts.end(),
                                      [](const CopyPart& part) { return part.is_loaded; });
    if (has_rows) {
        if (commit_lsn_ < start_) {
            throw Error(ErrorKind::protocol,
                        fmt::format("a chunk of table \"{}\" does not agree with the stream",
                                    table.stored.name.table));
        }
        output.command(delete_sql(table, number), "take a chunk's rows back");
        for (std::size_t part = 0; part < table.parts.size(); ++part) {
            if (table.chunk_of(part) != number) continue;
            output.command(
                catalog_.reset_chunk_sql(table.stored.oid, table.parts[part].stored.number),
                "reset a chunk");
        }
        if (table.stored.state != TableState::copying) {
            table.stored.state = TableState::copying;
            output.command(catalog_.set_state_sql(table.stored.oid, TableState::copying),
                           "note the state of a table");
        }
    }
    if (!chunk.backlog.empty()) holds_.push_back({chunk.backlog.front().commit_lsn(), commit_lsn_});
    tables_.reset(table, number);
    if (!has_rows) return;
    table.chunks[number].state = State::withdrawn;
    table.chunks[number].withdrawn_lsn = commit_lsn_;
}

void CopyGate::truncate(const Truncate& truncate, CopyGateOutput& output) {
    Truncate rest = truncate;
    rest.relations.clear();
    for (const auto& relation : truncate.relations) {
        const Locked locked(lock_);
        CopyTable* const table = find(*relation);
        if (table != nullptr && table->stored.state == TableState::ready) {
            rest.relations.push_back(relation);
        } else if (table == nullptr || table->chunks.empty()) {
            note_not_applied();
        } else {
            truncate_table(*table, truncate, relation, output);
        }
    }
    if (!rest.relations.empty()) output.apply(rest);
}

void CopyGate::truncate_table(CopyTable& table, const Truncate& truncate,
                              const std::shared_ptr<const Relation>& relation,
                              CopyGateOutput& output) {
    bool is_all_live = true;
    for (std::size_t i = 0; i < table.chunks.size(); ++i)
        is_all_live = fate_of(table, i, output) == Fate::apply && is_all_live;
    if (is_all_live) {
        Truncate alone = truncate;
        alone.relations = {relation};
        lock_.unlock();
        return output.apply(alone);
    }
    note_not_applied();
    for (std::size_t i = 0; i < table.chunks.size(); ++i) {
        const Fate fate = fate_of(table, i, output);
        if (fate == Fate::apply) output.command(delete_sql(table, i), "empty a chunk");
        if (fate == Fate::keep) take_back(table, i, output);
    }
}

std::optional<std::string> CopyGate::closing_sql() {
    const std::lock_guard lock(tables_.mutex);
    if (!std::exchange(unseen_has_changed_, false)) return std::nullopt;
    return catalog_.set_unseen_sql(tables_.unseen);
}

std::optional<Lsn> CopyGate::floor(Lsn durable) {
    if (is_replaying_) return resume_from_;
    std::erase_if(holds_, [durable](const Hold& hold) { return hold.until < durable; });
    std::optional<Lsn> floor;
    for (const Hold& hold : holds_) floor = floor ? std::min(*floor, hold.floor) : hold.floor;
    const std::lock_guard lock(tables_.mutex);
    for (const auto& [name, table] : tables_.by_name) {
        for (const CopyChunk& chunk : table->chunks) {
            if (chunk.backlog.empty()) continue;
            const Lsn first = chunk.backlog.front().commit_lsn();
            floor = floor ? std::min(*floor, first) : first;
        }
    }
    return floor;
}

bool CopyGate::is_full(std::size_t backlog_bytes_max) const {
    const std::lock_guard lock(tables_.mutex);
    return tables_.backlog_bytes > backlog_bytes_max;
}

void CopyGate::limit_backlog(std::size_t backlog_bytes_max, CopyGateOutput& output) {
    if (!std::exchange(has_kept_, false)) return;
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
    const Locked locked(lock_);
    tables_.applied = applied;
    for (const auto& [name, table] : tables_.by_name) {
        if (table->stored.state == TableState::requested && !table->dropped_from) {
            table->dropped_from = position;
            tables_.note_change();
        }
        if (table->stored.state == TableState::ready || table->chunks.empty()) continue;
        tables_.cut_parts(*table);
        admit_withdrawn(*table, applied);
        if (table->is_built) has_made_live = make_live(*table, output) || has_made_live;
        advance(*table, position, output);
    }
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
        std::move(chunk.backlog.begin(), chunk.backlog.end(), std::back_inserter(backlog));
        tables_.backlog_bytes -= chunk.backlog_bytes;
        chunk.backlog.clear();
        chunk.backlog_bytes = 0;
        chunk.state = State::live;
        for (std::size_t part = 0; part < table.parts.size(); ++part) {
            if (table.chunk_of(part) == i) numbers.push_back(table.parts[part].stored.number);
        }
    }
    if (numbers.empty()) return false;
    lock_.unlock();
    output.forget_mapping(table.stored.name);
    for (const KeptChange& kept : backlog) output.apply_kept(kept.change(), kept.commit_lsn());
    output.command(catalog_.mark_live_sql(table.stored.oid, numbers), "note that chunks are live");
    lock_.lock();
    tables_.note_change();
    return true;
}

// copying -> building -> settling; ready is for the workers to say, who know what is left to make.
void CopyGate::advance(CopyTable& table, Lsn position, CopyGateOutput& output) {
    const auto all_are = [&table](State state) {
        return std::all_of(table.chunks.begin(), table.chunks.end(),
                           [state](const CopyChunk& chunk) { return chunk.state == state; });
    };
    const TableState before = table.stored.state;
    if (before == TableState::copying && !table.is_built && all_are(State::loaded))
        table.stored.state = TableState::building;
    if (before <= TableState::building && all_are(State::live))
        table.stored.state = TableState::settling;
    // In a later call than it began: what says so is on the target by then.
    if (before == TableState::settling && !table.is_settled) {
        table.is_settled = std::all_of(
            table.chunks.begin(), table.chunks.end(),
            [position](const CopyChunk& chunk) { return chunk.settled_lsn <= position; });
        if (table.is_settled) tables_.note_change();
    }
    if (table.stored.state == before) return;
    output.command(catalog_.set_state_sql(table.stored.oid, table.stored.state),
                   "note the state of a table");
    tables_.note_change();
}

}  // namespace walpack
