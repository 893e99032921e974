#include "copy/copy_gate.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "copy/gate_lock.h"

namespace walpack {
namespace {

using State = CopyChunk::State;

constexpr std::chrono::milliseconds kCommitLook{100};

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

[[noreturn]] void throw_disagreement(const CopyTable& table) {
    throw Error(ErrorKind::protocol,
                fmt::format("a chunk of table \"{}\" does not agree with the stream",
                            table.stored.name.table));
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
    const bool has_name = found != tables_.by_name.end();
    if (has_name && found->second->stored.oid == relation.oid) return found->second.get();
    // By another name: what is in the stream may be older, or newer.
    for (const auto& [name, table] : tables_.by_name) {
        if (table->stored.oid == relation.oid) return table.get();
    }
    if (has_name) return found->second.get();  // made anew
    tables_.unknown.insert({relation.schema, relation.name});
    return nullptr;
}

void CopyGate::look_up(const RowChange& change) {
    relation_ = change.relation;
    epoch_ = tables_.epoch;
    table_ = find(*relation_);
    passes_ = table_ != nullptr && table_->stored.state == TableState::ready;
    is_cut_otherwise_ = false;
    key_is_in_old_ = true;
    if (table_ == nullptr || passes_ || table_->is_dropped() || table_->is_whole()) return;
    const auto& attributes = relation_->attributes;
    const auto& keys = relation_->key_attributes;
    key_.clear();
    for (std::size_t i = 0; i < table_->load->keys.size(); ++i) {
        const auto found =
            std::ranges::find(attributes, table_->stored.key_columns[i], &Attribute::name);
        is_cut_otherwise_ = found == attributes.end() || found->kind != table_->load->keys[i].kind;
        if (is_cut_otherwise_) return;
        key_is_in_old_ = key_is_in_old_ && found->is_key;
        const auto attribute = static_cast<std::size_t>(found - attributes.begin());
        const auto in_key = std::ranges::find(keys, attribute) - keys.begin();
        key_.push_back({attribute, static_cast<std::size_t>(in_key)});
    }
}

void CopyGate::change(const RowChange& change, CopyGateOutput& output) {
    const Locked locked(lock_);
    if (relation_ != change.relation || epoch_ != tables_.epoch) look_up(change);
    if (passes_) {
        lock_.unlock();
        return output.apply(change);
    }
    if (table_ == nullptr || table_->is_dropped()) return note_not_applied();
    if (is_cut_otherwise_ || (!key_is_in_old_ && change.kind != ChangeKind::insert))
        return change_of_other_cut(output);
    const bool is_of_two = is_update(change.kind);
    const std::size_t from = chunk_of_row(change, change.kind != ChangeKind::insert);
    const std::size_t to = is_of_two ? chunk_of_row(change, false) : from;
    if (from == to) return settle_image({to, fate_of(*table_, to, output)}, change, output);
    split(from, to, change, output);
}

// Which chunk its row is of cannot be told. What is older than all that is loaded need not be; a
// chunk for which it would be kept asks anew.
void CopyGate::change_of_other_cut(CopyGateOutput& output) {
    CopyTable& table = *table_;
    note_not_applied();
    bool is_dropped = true;
    for (std::size_t i = 0; i < table.chunks.size(); ++i) {
        if (table.chunks[i].state == State::asking) take_back(table, i, output);
        is_dropped = fate_of(table, i, output) == Fate::drop && is_dropped;
    }
    if (!is_dropped) begin_again(table, output);
}

void CopyGate::begin_again(CopyTable& table, CopyGateOutput& output) {
    if (commit_lsn_ < start_) throw_disagreement(table);
    log::warning("table {} {}; it is copied from the start", relation_->qualified_name(),
                 kCutOtherwise);
    for (std::size_t i = 0; i < table.chunks.size(); ++i) {
        const CopyChunk& chunk = table.chunks[i];
        if (!chunk.backlog.empty())
            holds_.push_back({chunk.backlog.front().commit_lsn(), commit_lsn_});
        tables_.reset(table, i);
    }
    table.stored.state = TableState::requested;
    table.needs_required = true;
    table.needs_description = true;
    table.dropped_from.reset();
    tables_.note_change();
    const std::string sql = catalog_.request_sql(table.stored.oid);
    lock_.unlock();
    output.command(sql, "ask for a table again");
}

// A key that is stored out of line and did not change is in the old tuple alone.
Value CopyGate::key_of(const RowChange& change, bool is_old, std::size_t column) const {
    const KeyPlace& place = key_[column];
    const bool is_in_new =
        !change.new_tuple.empty() && !change.new_tuple[place.attribute].is_unchanged_toast();
    if (is_in_new && (!is_old || change.kind == ChangeKind::update))
        return change.new_tuple[place.attribute];
    if (has_old_key(change.kind)) return change.old_tuple[place.in_key];
    if (has_old_row(change.kind)) return change.old_tuple[place.attribute];
    return change.new_tuple[place.attribute];
}

std::size_t CopyGate::chunk_of_row(const RowChange& change, bool is_old) {
    if (table_->is_whole()) return 0;
    sort_key_.clear();
    for (std::size_t column = 0; column < key_.size(); ++column) {
        const Attribute& attribute = relation_->attributes[key_[column].attribute];
        const Value key = key_of(change, is_old, column);
        if (key.is_null() || key.is_unchanged_toast()) {
            throw Error(ErrorKind::protocol,
                        fmt::format("a row of table \"{}\" came without column \"{}\"",
                                    relation_->qualified_name(), attribute.name));
        }
        sort_key_ += sort_key_of(attribute, key);
    }
    return chunk_of(*table_, sort_key_);
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

// Valid until the mutex is given up.
CopyGate::Fate CopyGate::fate_of(CopyTable& table, std::size_t number, CopyGateOutput& output) {
    CopyChunk& chunk = table.chunks[number];
    (void)wait_while_committing(chunk);
    // What the stream brings again is among what its snapshot must see, or was seen before.
    if (chunk.state == State::asking) return commit_lsn_ < start_ ? Fate::drop : Fate::keep;
    if (!chunk.snapshot || chunk.sees(xid_, commit_lsn_)) return Fate::drop;
    if (chunk.snapshot->is_doubtful(commit_lsn_)) {
        take_back(table, number, output);
        return Fate::drop;
    }
    // Where the stream began again, a live chunk has it already, as everything else has.
    if (chunk.state == State::live) return commit_lsn_ < start_ ? Fate::drop : Fate::apply;
    return Fate::keep;
}

bool CopyGate::wait_while_committing(CopyChunk& chunk) {
    if (chunk.committing == 0) return false;
    while (chunk.committing > 0) {
        abort_.throw_if_requested();
        if (tables_.failure) std::rethrow_exception(tables_.failure);
        tables_.changed.wait_for(lock_, kCommitLook);
    }
    return true;
}

void CopyGate::note_not_applied() {
    if (std::exchange(is_noted_, true)) return;
    if (tables_.note_not_applied(xid_, commit_lsn_)) unseen_has_changed_ = true;
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
    tables_.keep(chunk, change, xid_, commit_lsn_);
}

// The row leaves one chunk and comes into another. What is applied comes last, as the mutex is
// given up for it, and workers may then make the other chunk's fate another one.
void CopyGate::split(std::size_t from, std::size_t to, const RowChange& change,
                     CopyGateOutput& output) {
    CopyTable& table = *table_;
    while (wait_while_committing(table.chunks[from]) || wait_while_committing(table.chunks[to])) {
    }
    const Image before{from, fate_of(table, from, output)};
    const Image after{to, fate_of(table, to, output)};
    if (before.fate == Fate::apply && after.fate == Fate::apply) {
        lock_.unlock();
        return output.apply(change);
    }
    if (before.fate == Fate::drop && after.fate == Fate::drop) return note_not_applied();
    const RowChange removed = delete_of(change);
    std::vector<Value> row;
    const bool is_complete = complete_row(change, row);
    const RowChange added{ChangeKind::insert, change.relation, {}, row};
    if (before.fate != Fate::apply) settle_image(before, removed, output);
    if (after.fate == Fate::drop || is_complete) {
        settle_image(after, added, output);
    } else {
        take_back(table, to, output);
        note_not_applied();
    }
    if (before.fate == Fate::apply) settle_image(before, removed, output);
}

// A held change that moves a row between this chunk and another one fits neither's rows any more
// when only one of them is there anew: then all of the table is copied again.
void CopyGate::delete_chunk(const CopyTable& table, std::size_t chunk, const char* doing,
                            CopyGateOutput& output) const {
    const TableLoad& load = *table.load;
    const KeyRange range = table.is_whole() ? KeyRange{} : table.parts[chunk].stored.range;
    DeletedRows deleted;
    deleted.table = table.stored.name;
    deleted.condition = range_condition_on_values(load, range);
    deleted.key_columns = table.stored.key_columns;
    deleted.is_of_bytes = is_ordered_by_bytes(load);
    deleted.when_moved = catalog_.request_sql(table.stored.oid);
    output.delete_rows(
        fmt::format("DELETE FROM {} WHERE {}", load.mapping->table->sql_name_of_rows(),
                    range_condition_on_target(load, range)),
        doing, std::move(deleted));
}

void CopyGate::take_back(CopyTable& table, std::size_t number, CopyGateOutput& output) {
    CopyChunk& chunk = table.chunks[number];
    (void)wait_while_committing(chunk);
    bool has_rows = false;
    for (std::size_t part = 0; part < table.parts.size(); ++part)
        has_rows = has_rows || (table.chunk_of(part) == number && table.parts[part].is_loaded);
    if (has_rows) {
        if (commit_lsn_ < start_) throw_disagreement(table);
        delete_chunk(table, number, "take a chunk's rows back", output);
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

// Where all of them are emptied they are in one statement, as at the source: a foreign key among
// them forbids any other way to truncate them.
void CopyGate::truncate(const Truncate& truncate, CopyGateOutput& output) {
    std::vector<std::shared_ptr<const Relation>> whole;
    for (const auto& relation : truncate.relations) {
        const Locked locked(lock_);
        CopyTable* const table = find(*relation);
        if (table != nullptr && table->stored.state == TableState::ready) {
            whole.push_back(relation);
        } else if (table == nullptr || table->is_dropped()) {
            note_not_applied();
        } else if (is_applied_to_all(*table, output)) {
            whole.push_back(relation);
        } else {
            truncate_chunks(*table, output);
        }
    }
    if (whole.empty()) return;
    if (whole.size() == truncate.relations.size()) return output.apply(truncate);
    for (const auto& relation : whole) output.empty(relation);
}

bool CopyGate::is_applied_to_all(CopyTable& table, CopyGateOutput& output) {
    bool is_applied = true;
    for (std::size_t i = 0; i < table.chunks.size(); ++i)
        is_applied = fate_of(table, i, output) == Fate::apply && is_applied;
    return is_applied;
}

void CopyGate::truncate_chunks(CopyTable& table, CopyGateOutput& output) {
    note_not_applied();
    for (std::size_t i = 0; i < table.chunks.size(); ++i) {
        const Fate fate = fate_of(table, i, output);
        if (fate == Fate::apply) delete_chunk(table, i, "empty a chunk", output);
        if (fate == Fate::keep) take_back(table, i, output);
    }
}

}  // namespace walpack
