// A source without a server, for tests of what runs beside it: rows, transactions that end in the
// WAL before anybody sees them, and snapshots.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "copy/copy_tables.h"
#include "copy/source_snapshot.h"
#include "model/lsn.h"
#include "model/record.h"
#include "schema/target_table.h"
#include "support/mapping_builder.h"

namespace walpack::test {

class Chance {
  public:
    explicit Chance(std::uint64_t seed) : engine_(seed) {}
    int below(int limit) { return static_cast<int>(engine_() % static_cast<unsigned>(limit)); }
    bool one_in(int count) { return below(count) == 0; }

  private:
    std::minstd_rand engine_;
};

constexpr int kKeysMax = 40;

struct ModelRow {
    int number = 0;
    std::string big;  // stored out of line

    friend bool operator==(const ModelRow&, const ModelRow&) = default;
};

using ModelRows = std::map<int, ModelRow>;
constexpr std::size_t kModelTables = 3;
using ModelDatabase = std::array<ModelRows, kModelTables>;

// By key with an index, by key with REPLICA IDENTITY FULL, and whole.
inline std::vector<std::shared_ptr<const RelationMapping>> model_mappings() {
    std::vector<std::shared_ptr<const RelationMapping>> mappings;
    for (std::size_t table = 0; table < kModelTables; ++table) {
        MappingBuilder builder(fmt::format("t{}", table));
        builder.key("id", "int8").column("n", "int8").column("big", "text");
        mappings.push_back(table == 0 ? builder.map() : builder.full().map());
    }
    return mappings;
}

struct ModelChange {
    enum class Kind : std::uint8_t { insert, update, remove, truncate };

    Kind kind = Kind::insert;
    std::size_t table = 0;
    int old_key = 0;
    ModelRow old_row;
    int key = 0;
    ModelRow row;

    void make(ModelDatabase& database) const {
        ModelRows& rows = database[table];
        if (kind == Kind::truncate) return rows.clear();
        if (kind != Kind::insert) rows.erase(old_key);
        if (kind != Kind::remove) rows[key] = row;
    }
};

struct ModelTransaction {
    std::uint32_t xid = 0;
    Lsn commit_lsn;
    Lsn end_lsn;
    std::vector<ModelChange> changes;
};

// What a snapshot is and shows.
struct ModelSnapshot {
    SourceSnapshot snapshot;
    Lsn settled_lsn;
    ModelDatabase rows;
    std::optional<std::uint32_t> shown;  // of those that are about to be replayed
};

// Finds out more about the transaction that is in doubt, as a worker does. False: there is nothing
// to be found out.
inline bool settle_doubt(const AskedSnapshot& asked, ModelSnapshot& taken) {
    const auto doubtful = asked.doubtful_for(taken.snapshot);
    if (!doubtful || doubtful == taken.shown) return false;
    taken.snapshot.settle_doubt();
    return true;
}

class ModelSource {
  public:
    explicit ModelSource(Chance& chance) : chance_(chance), is_dense_(chance.one_in(2)) {
        for (ModelRows& rows : visible_) {
            for (int key = 0; key < kKeysMax; key += 1 + chance.below(4))
                rows[key] = {key, fmt::format("big{}", key)};
        }
        replayed_rows_ = visible_;
    }

    // One thing happens in some session.
    void step() {
        const int what = chance_.below(10);
        if (what < 2 && running_.size() < 4) {
            running_.push_back({next_xid_++, {}, {}, {}});
        } else if (what < 6 && !running_.empty()) {
            change(running_[static_cast<std::size_t>(
                chance_.below(static_cast<int>(running_.size())))]);
        } else if (what < 8 && !running_.empty()) {
            end(static_cast<std::size_t>(chance_.below(static_cast<int>(running_.size()))));
        } else if (!unseen_.empty()) {
            show(static_cast<std::size_t>(chance_.below(static_cast<int>(unseen_.size()))));
        }
    }
    void end_all() {
        while (!running_.empty()) end(0);
        while (!unseen_.empty()) show(0);
    }
    // A crash: what is in the WAL is there, what was running is gone.
    void restart() {
        for (const ModelTransaction& each : running_) unlock(each.xid);
        running_.clear();
        end_all();
    }
    bool is_quiet() const { return running_.empty() && unseen_.empty(); }
    const std::vector<ModelTransaction>& wal() const { return wal_; }
    Lsn wal_end() const { return wal_end_; }
    const ModelDatabase& rows() const { return visible_; }

    // Of one who reads the table; not while somebody has it for himself.
    std::optional<ModelSnapshot> primary_snapshot(std::size_t table) const {
        if (locks_.contains({table, kWholeTable})) return std::nullopt;
        std::vector<std::uint32_t> running;
        for (const ModelTransaction& each : running_) running.push_back(each.xid);
        for (const ModelTransaction& each : unseen_) running.push_back(each.xid);
        std::sort(running.begin(), running.end());
        const std::uint32_t first = running.empty() ? next_xid_ : running.front();
        const auto snapshot = SourceSnapshot::parse(
            fmt::format("{}:{}:{}", first, next_xid_, fmt::join(running, ",")));
        return ModelSnapshot{snapshot.value(), wal_end_, visible_};
    }
    std::size_t replayed() const { return replayed_; }
    void replay() {
        if (replayed_ == wal_.size()) return;
        for (const ModelChange& each : wal_[replayed_].changes) each.make(replayed_rows_);
        replayed_lsn_ = wal_[replayed_++].end_lsn;
    }
    // A standby may show what it is about to say that it has replayed.
    std::optional<ModelSnapshot> standby_snapshot() {
        if (!replayed_lsn_.is_valid()) return std::nullopt;
        ModelSnapshot taken{SourceSnapshot::of_standby(replayed_lsn_), replayed_lsn_,
                            replayed_rows_};
        const bool is_next =
            replayed_ < wal_.size() && wal_[replayed_].commit_lsn.value <= replayed_lsn_.value + 40;
        if (is_next && chance_.one_in(2)) {
            taken.shown = wal_[replayed_].xid;
            for (const ModelChange& each : wal_[replayed_].changes) each.make(taken.rows);
        }
        return taken;
    }
    void replay_all() {
        while (replayed_ < wal_.size()) replay();
    }

  private:
    static constexpr int kWholeTable = -1;

    bool lock(std::uint32_t xid, std::size_t table, int key) {
        const auto whole = locks_.find({table, kWholeTable});
        if (whole != locks_.end() && whole->second != xid) return false;
        const auto [found, is_new] = locks_.try_emplace({table, key}, xid);
        return is_new || found->second == xid;
    }
    bool lock_whole(std::uint32_t xid, std::size_t table) {
        for (const auto& [what, owner] : locks_) {
            if (what.first == table && owner != xid) return false;
        }
        locks_[{table, kWholeTable}] = xid;
        return true;
    }
    void unlock(std::uint32_t xid) {
        std::erase_if(locks_, [xid](const auto& each) { return each.second == xid; });
    }

    void change(ModelTransaction& transaction) {
        ModelDatabase own = visible_;
        for (const ModelChange& each : transaction.changes) each.make(own);
        ModelChange change;
        change.table = static_cast<std::size_t>(chance_.below(kModelTables));
        const ModelRows& rows = own[change.table];
        change.key = chance_.below(kKeysMax);
        change.old_key = chance_.one_in(3) ? chance_.below(kKeysMax) : change.key;
        if (chance_.one_in(40)) {
            change.kind = ModelChange::Kind::truncate;
            if (!lock_whole(transaction.xid, change.table)) return;
            return transaction.changes.push_back(change);
        }
        if (!lock(transaction.xid, change.table, change.key) ||
            !lock(transaction.xid, change.table, change.old_key))
            return;
        change.row = {chance_.below(1000), fmt::format("new{}", chance_.below(1000))};
        const auto old = rows.find(change.old_key);
        const bool is_free = !rows.contains(change.key) || change.key == change.old_key;
        if (old == rows.end()) {
            if (rows.contains(change.key)) return;
        } else {
            change.kind = chance_.one_in(4) || !is_free ? ModelChange::Kind::remove
                                                        : ModelChange::Kind::update;
            change.old_row = old->second;
            if (chance_.one_in(2)) change.row.big = old->second.big;
        }
        transaction.changes.push_back(change);
    }

    void end(std::size_t number) {
        ModelTransaction ended = std::move(running_[number]);
        running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(number));
        if (chance_.one_in(6)) return unlock(ended.xid);  // rolled back
        ended.commit_lsn = {wal_end_.value + (is_dense_ || chance_.one_in(3) ? 0U : 100U)};
        ended.end_lsn = {ended.commit_lsn.value + 48};
        wal_end_ = ended.end_lsn;
        wal_.push_back(ended);
        unseen_.push_back(std::move(ended));
    }

    void show(std::size_t number) {
        const ModelTransaction shown = std::move(unseen_[number]);
        unseen_.erase(unseen_.begin() + static_cast<std::ptrdiff_t>(number));
        for (const ModelChange& each : shown.changes) each.make(visible_);
        unlock(shown.xid);
    }

    Chance& chance_;
    bool is_dense_;  // each record is a commit
    ModelDatabase visible_;
    std::vector<ModelTransaction> running_;
    std::vector<ModelTransaction> unseen_;  // committed; no snapshot shows them yet
    std::vector<ModelTransaction> wal_;
    Lsn wal_end_{1000};
    std::uint32_t next_xid_ = 700;
    std::map<std::pair<std::size_t, int>, std::uint32_t> locks_;
    std::size_t replayed_ = 0;
    Lsn replayed_lsn_{1000};
    ModelDatabase replayed_rows_;
};

// A change as it comes in the stream; its values point into this object.
class StreamedChange {
  public:
    StreamedChange(const ModelChange& change, const std::shared_ptr<const Relation>& relation)
        : old_big_(change.old_row.big), big_(change.row.big) {
        const bool is_full = relation->replica_identity == ReplicaIdentity::full;
        const bool is_moved = change.key != change.old_key;
        change_.relation = relation;
        if (change.kind == ModelChange::Kind::insert) {
            change_.kind = ChangeKind::insert;
        } else if (change.kind == ModelChange::Kind::remove) {
            change_.kind = is_full ? ChangeKind::delete_full : ChangeKind::delete_key;
        } else {
            const ChangeKind by_key = is_moved ? ChangeKind::update_key : ChangeKind::update;
            change_.kind = is_full ? ChangeKind::update_full : by_key;
        }
        if (is_full && change.kind != ModelChange::Kind::insert) {
            old_ = {integer(change.old_key), integer(change.old_row.number), text(old_big_)};
        } else if (change_.kind == ChangeKind::update_key ||
                   change_.kind == ChangeKind::delete_key) {
            old_ = {integer(change.old_key)};
        }
        if (change.kind != ModelChange::Kind::remove) {
            const bool is_unchanged = change.kind == ModelChange::Kind::update && big_ == old_big_;
            new_ = {integer(change.key), integer(change.row.number),
                    is_unchanged ? unchanged() : text(big_)};
        }
        change_.old_tuple = old_;
        change_.new_tuple = new_;
    }
    StreamedChange(const StreamedChange&) = delete;
    StreamedChange& operator=(const StreamedChange&) = delete;

    const RowChange& change() const { return change_; }

  private:
    std::string old_big_;
    std::string big_;
    std::vector<Value> old_;
    std::vector<Value> new_;
    RowChange change_;
};

}  // namespace walpack::test
