// The consumer and its target without servers: the gate is real, workers and target are played. A
// crash leaves what the target would have kept.
#pragma once

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "copy/copy_gate.h"
#include "copy/copy_start.h"
#include "support/copy_model.h"
#include "support/copy_target_model.h"

namespace walpack::test {

class ModelConsumer : public CopyGateOutput {
  public:
    ModelConsumer(ModelSource& source, ModelTarget& target, Chance& chance, Lsn confirmed,
                  bool is_at_standby)
        : source_(source), target_(target), chance_(chance), is_at_standby_(is_at_standby) {
        restore();
        const Lsn position = target.position;
        resume_from_ = needs_replay(tables_) ? std::min(position, confirmed) : position;
        tables_.resumed_at = position;
        gate_.emplace(tables_, catalog_, resume_from_, position, abort_);
        position_ = applied_ = position;
        next_ = static_cast<std::size_t>(
            std::count_if(source.wal().begin(), source.wal().end(),
                          [this](const auto& each) { return each.commit_lsn < resume_from_; }));
    }

    CopyTables& tables() { return tables_; }
    bool is_inside() const { return current_ != nullptr; }
    bool is_at_end() const { return next_ == source_.wal().size() && !is_inside(); }
    Lsn applied() const { return applied_; }
    bool is_ready() const {
        return std::all_of(target_.states.begin(), target_.states.end(),
                           [](TableState state) { return state == TableState::ready; });
    }

    // The next thing in the stream.
    void feed(std::size_t backlog_bytes_max) {
        if (current_ == nullptr) {
            if (next_ == source_.wal().size()) {
                gate_->note_stream_at(source_.wal_end());
                if (group_.empty()) position_ = std::max(position_, source_.wal_end());
                return;
            }
            if (gate_->is_full(backlog_bytes_max)) return;
            streamed_ = source_.wal()[next_++];
            current_ = &streamed_;
            next_change_ = 0;
            is_skipped_ = current_->commit_lsn < position_;
            return gate_->begin({current_->xid, current_->commit_lsn, 0});
        }
        if (next_change_ < current_->changes.size()) {
            give(current_->changes[next_change_++]);
            return gate_->limit_backlog(2 * backlog_bytes_max, *this);
        }
        if (!is_skipped_) position_ = current_->end_lsn;
        current_ = nullptr;
    }

    std::size_t fed() const { return next_; }
    int settled() const { return settled_; }
    // Between two transactions. True when all that is on the target must be on its disk now.
    bool work() { return gate_->work(position_, applied_, *this); }
    void commit_group() {
        for (const std::string& sql : gate_->closing_sql())
            group_.emplace_back([sql](ModelTarget& target) { target.note_closing(sql); });
        for (const auto& each : group_) each(target_);
        group_.clear();
        target_.position = applied_ = position_;
    }
    Lsn confirmable(Lsn durable) {
        const auto floor = gate_->floor(durable);
        return floor ? std::min(*floor, durable) : durable;
    }

    // One thing that a worker does.
    void work_aside() {
        const auto table = static_cast<std::size_t>(chance_.below(kModelTables));
        CopyTable& known = table_at(table);
        switch (chance_.below(8)) {
            case 0:
            case 1:
            case 2:
                return begin_load(known, table);
            case 3:
            case 4:
            case 5:
                return end_load();
            case 6:
                if (known.stored.state == TableState::requested) return empty(known, table);
                if (known.stored.state == TableState::building) {
                    target_.is_built[table] = known.is_built = true;
                    return tables_.note_change();
                }
                if (known.is_settled && known.stored.state == TableState::settling)
                    return finish(known, table);
                return;
            default:
                if (chance_.one_in(5)) return tables_.stop_asking_ahead(known);
                if (chance_.one_in(5) && !is_inside()) return gate_->begin_session();
                if (const auto taken = source_.primary_snapshot(table))
                    tables_.note_seen(taken->snapshot, std::chrono::steady_clock::now());
        }
    }

    // What it stores must be on the target's disk on return.
    void request(std::size_t table) {
        CopyTable& known = table_at(table);
        target_.states[table] = TableState::requested;
        for (std::size_t i = 0; i < known.chunks.size(); ++i) tables_.reset(known, i);
        known.stored.state = TableState::requested;
        known.needs_required = true;
        known.dropped_from.reset();
        tables_.note_change();
    }

    void apply(const RowChange& change) override {
        if (!is_skipped_) add(change);
    }
    void apply(const Truncate& truncate) override {
        if (is_skipped_) return;
        for (const auto& relation : truncate.relations) {
            group_.emplace_back([table = number_of(*relation)](ModelTarget& target) {
                target.rows[table].clear();
            });
        }
    }
    void empty(const std::shared_ptr<const Relation>& relation) override {
        Truncate alone;
        alone.relations = {relation};
        apply(alone);
    }
    void apply_kept(const RowChange& change, Lsn /*commit_lsn*/) override { add(change); }
    void forget_mapping(const TableName& /*table*/) override {}
    void begin_kept(const TableName& /*table*/) override {}
    void delete_rows(std::string sql, const char* doing, DeletedRows /*deleted*/) override {
        command(std::move(sql), doing);
    }
    void command(std::string sql, const char* doing) override {
        if (is_inside() && is_skipped_)
            throw std::logic_error("a command where nothing is applied");
        group_.emplace_back([sql = std::move(sql), doing = std::string(doing)](
                                ModelTarget& target) { target.execute(sql, doing); });
    }

  private:
    struct Load {
        std::size_t table = 0;
        std::size_t part = 0;
        std::uint64_t generation = 0;
        ModelSnapshot taken;
    };

    static std::size_t number_of(const Relation& relation) {
        return static_cast<std::size_t>(relation.name[1] - '0');
    }
    CopyTable& table_at(std::size_t table) {
        return *tables_.by_name.at({"public", fmt::format("t{}", table)});
    }

    void give(const ModelChange& change) {
        const auto& relation = mappings_[change.table]->relation;
        if (change.kind != ModelChange::Kind::truncate)
            return gate_->change(StreamedChange(change, relation).change(), *this);
        Truncate truncate;
        truncate.relations = {relation};
        gate_->truncate(truncate, *this);
    }

    // Each change finds its row, as on a real target.
    void add(const RowChange& change) {
        const std::size_t table = number_of(*change.relation);
        std::optional<int> old_key;
        if (change.kind != ChangeKind::insert) {
            const Tuple& old = change.old_tuple.empty() ? change.new_tuple : change.old_tuple;
            old_key = static_cast<int>(old[0].integer);
        }
        std::optional<std::pair<int, ModelRow>> row;
        bool is_unchanged = false;
        if (!change.new_tuple.empty()) {
            is_unchanged = change.new_tuple[2].is_unchanged_toast();
            row = {static_cast<int>(change.new_tuple[0].integer),
                   {static_cast<int>(change.new_tuple[1].integer),
                    std::string(change.new_tuple[2].bytes)}};
        }
        group_.emplace_back([=](ModelTarget& target) {
            ModelRows& rows = target.rows[table];
            ModelRow old;
            if (old_key) {
                const auto found = rows.find(*old_key);
                if (found == rows.end()) throw std::logic_error("a change found no row");
                old = found->second;
                rows.erase(found);
            }
            if (!row) return;
            ModelRow added = row->second;
            if (is_unchanged) added.big = old.big;
            if (!rows.emplace(row->first, added).second)
                throw std::logic_error("a row is there twice");
        });
    }

    // As resume_copy() does.
    void restore() {
        tables_.not_applied.unseen = target_.unseen;
        for (std::size_t table = 0; table < kModelTables; ++table) {
            auto made = std::make_unique<CopyTable>();
            made->stored.oid = static_cast<std::uint32_t>(table) + 1;
            made->stored.name = {"public", fmt::format("t{}", table)};
            made->stored.state = target_.states[table];
            made->stored.required = target_.required[table];
            made->stored.required_lsn = target_.required_lsn[table];
            made->needs_required = made->stored.state == TableState::requested;
            made->is_built = target_.is_built[table];
            auto published = std::make_shared<PublishedTable>();
            published->relation = mappings_[table]->relation;
            published->replicates_updates = true;
            made->published = published;
            made->mapping = mappings_[table];
            plan(*made, table);
            if (made->stored.state != TableState::requested &&
                made->stored.state != TableState::ready)
                restore_parts(*made, table);
            else
                made->chunks.clear();
            tables_.by_name[made->stored.name] = std::move(made);
        }
    }

    static void plan(CopyTable& known, std::size_t table) {
        const Attribute& key = known.published->relation->attributes[0];
        ChunkPlan plan;
        known.stored.method = plan.method = table == 2 ? ChunkMethod::whole : ChunkMethod::key;
        known.stored.key_columns = {key.name};
        plan.key_attributes = {0};
        known.load = std::make_shared<const TableLoad>(
            make_table_load(known.published, known.mapping, plan));
        known.parts.clear();
        for (std::size_t part = 0; part < parts_of(table); ++part) {
            CopyPart made;
            made.stored.table_oid = known.stored.oid;
            made.stored.number = static_cast<std::uint32_t>(part);
            const auto bound = [&key](std::size_t at) {
                const auto number = static_cast<std::int64_t>(at * 10);
                return KeyBound{std::to_string(number), sort_key_of(key, integer(number))};
            };
            if (table != 2 && part > 0) made.stored.range.from = bound(part);
            if (table != 2 && part + 1 < kModelParts) made.stored.range.to = bound(part + 1);
            known.parts.push_back(std::move(made));
        }
        known.chunks = std::vector<CopyChunk>(table == 2 ? 1 : known.parts.size());
    }

    void restore_parts(CopyTable& known, std::size_t table) {
        auto& stored = target_.parts[table];
        stored.resize(known.parts.size());
        const bool is_complete = std::all_of(stored.begin(), stored.end(), [](const auto& part) {
            return part.snapshot.has_value();
        });
        if (table == 2 && !is_complete) {
            stored.assign(known.parts.size(), {});
            target_.rows[table].clear();
        }
        for (std::size_t part = 0; part < stored.size(); ++part) {
            if (!stored[part].snapshot) continue;
            known.parts[part].is_loaded = true;
            CopyChunk& chunk = known.chunks[known.chunk_of(part)];
            chunk.snapshot = stored[part].snapshot;
            chunk.settled_lsn = stored[part].settled_lsn;
            chunk.state = stored[part].is_live ? CopyChunk::State::live : CopyChunk::State::loaded;
        }
    }

    void begin_load(CopyTable& known, std::size_t table) {
        if (known.stored.state != TableState::copying) return;
        const auto part =
            static_cast<std::size_t>(chance_.below(static_cast<int>(parts_of(table))));
        CopyChunk& chunk = known.chunks[known.chunk_of(part)];
        if (known.parts[part].is_taken || known.parts[part].is_loaded) return;
        Load load{table, part, chunk.generation, {}};
        if (chunk.state == CopyChunk::State::waiting || chunk.state == CopyChunk::State::asking) {
            const auto asked_at = std::chrono::steady_clock::now();
            auto taken =
                is_at_standby_ ? source_.standby_snapshot() : source_.primary_snapshot(table);
            if (taken && chunk.asked && chance_.one_in(2) && settle_doubt(*chunk.asked, *taken))
                ++settled_;
            if (!taken || !tables_.begin_loading(known, known.chunk_of(part), taken->snapshot,
                                                 taken->settled_lsn, asked_at))
                return ask_or_give_up(known, known.chunk_of(part));
            load.taken = std::move(*taken);
            if (known.is_whole()) exported_ = load.taken;
        } else if (known.is_whole() && chunk.state == CopyChunk::State::loading) {
            load.taken = exported_;
        } else {
            return;
        }
        known.parts[part].is_taken = true;
        tables_.note_change();
        loads_.push_back(std::move(load));
    }

    void ask_or_give_up(CopyTable& known, std::size_t number) {
        CopyChunk& chunk = known.chunks[number];
        if (chunk.state == CopyChunk::State::asking && chance_.one_in(10))
            return tables_.reset(known, number);
        if (chance_.one_in(2)) tables_.ask(chunk);
        // A worker asks for others in the meantime.
        if (chance_.one_in(2)) tables_.ask_ahead(known);
    }

    void end_load() {
        if (loads_.empty()) return;
        const auto at = static_cast<std::ptrdiff_t>(chance_.below(static_cast<int>(loads_.size())));
        const Load load = std::move(loads_[static_cast<std::size_t>(at)]);
        loads_.erase(loads_.begin() + at);
        CopyTable& known = table_at(load.table);
        CopyPart& part = known.parts[load.part];
        CopyChunk& chunk = known.chunks[known.chunk_of(load.part)];
        part.is_taken = false;
        if (chunk.generation != load.generation) return;
        if (chance_.one_in(5)) return lose(known, known.chunk_of(load.part));
        for (const auto& [key, row] : load.taken.rows[load.table]) {
            if (!is_in_part(load.table, load.part, key)) continue;
            if (!target_.rows[load.table].emplace(key, row).second)
                throw std::logic_error("a loaded row is there already");
        }
        target_.parts[load.table][load.part] = {chunk.snapshot, chunk.settled_lsn, false};
        part.is_loaded = true;
        if (!known.is_whole() || std::all_of(known.parts.begin(), known.parts.end(),
                                             [](const auto& each) { return each.is_loaded; }))
            chunk.state = CopyChunk::State::loaded;
        tables_.note_change();
    }

    // The session that reads is lost, or the target's.
    void lose(CopyTable& known, std::size_t number) {
        tables_.reset(known, number);
        if (!known.is_whole()) return;
        known.stored.state = TableState::requested;
        known.dropped_from = Lsn{};
        tables_.note_change();
    }

    void empty(CopyTable& known, std::size_t table) {
        const bool is_taken = std::any_of(known.parts.begin(), known.parts.end(),
                                          [](const auto& part) { return part.is_taken; });
        if (!known.dropped_from || *known.dropped_from > tables_.applied || is_taken) return;
        if (known.needs_required) {
            source_.end_all();  // it waits for everything that runs
            target_.required[table] = source_.primary_snapshot(table).value().snapshot;
            target_.required_lsn[table] = source_.wal_end();
        }
        target_.rows[table].clear();
        target_.parts[table].assign(parts_of(table), {});
        target_.states[table] = known.stored.state = TableState::copying;
        known.stored.required = target_.required[table];
        known.stored.required_lsn = target_.required_lsn[table];
        known.needs_required = false;
        known.dropped_from.reset();
        known.is_settled = false;
        plan(known, table);
        tables_.note_change();
    }

    void finish(CopyTable& known, std::size_t table) {
        if (target_.states[table] != TableState::requested)
            target_.states[table] = TableState::ready;
        target_.parts[table].clear();
        known.stored.state = TableState::ready;
        tables_.note_change();
    }

    ModelSource& source_;
    ModelTarget& target_;
    Chance& chance_;
    bool is_at_standby_;
    std::vector<std::shared_ptr<const RelationMapping>> mappings_ = model_mappings();
    CopyTables tables_;
    CopyCatalog catalog_{"p"};
    StopRequest abort_;
    std::optional<CopyGate> gate_;
    Lsn resume_from_;
    Lsn position_;
    Lsn applied_;
    std::size_t next_ = 0;
    ModelTransaction streamed_;
    const ModelTransaction* current_ = nullptr;
    std::size_t next_change_ = 0;
    bool is_skipped_ = false;
    std::vector<std::function<void(ModelTarget&)>> group_;
    std::vector<Load> loads_;
    ModelSnapshot exported_;
    int settled_ = 0;
};

}  // namespace walpack::test
