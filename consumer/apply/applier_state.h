// What an Applier is made of: how groups are opened, filled, sent and closed. For its own
// sources alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "apply/applier.h"
#include "apply/cascades.h"
#include "apply/change_set.h"
#include "apply/commit_order.h"
#include "apply/group.h"
#include "apply/mapped_relations.h"
#include "apply/pace.h"
#include "apply/replay.h"
#include "base/error.h"

namespace walpack {

struct Applier::State {
    using Clock = std::chrono::steady_clock;

    State(Connection& control_connection, const Progress& progress, ApplierOptions given,
          UnbatchedTables& unbatched_tables, const Connect& connect);

    // A group was refused because of its rows, and can be applied row by row. Not an Error: it
    // never leaves the applier, and nothing that adds words to errors may take it for one.
    struct RefusedGroup {
        Error error;
        std::shared_ptr<const RelationMapping> batch;  // of the batch that was refused
    };

    // Runs what may read results; a refused group is applied row by row before this returns, and
    // the open one will be.
    template <typename Work>
    void guarded(const Work& work);
    void recover(const RefusedGroup& refused);
    bool can_recover(const SentStatement& sent, const Error& error) const;
    bool keeps_changes() const { return options.conflicts.resolve_any() || take_refused_row; }
    void keep(KeptRecord record);
    // The open group goes row by row, from its start.
    void demand_replay();
    Replay& replay();
    void replay_part();
    void replay_group(Group& replayed);
    void close_replay(bool is_durable);
    void check_newest_column(const RelationMapping& mapping) const;
    void settle();
    void pump();

    void judge(std::size_t session, const SentStatement& sent, const Result& result);
    void note_commit(const Group& committed);
    void replace_plan();
    bool roll_back(std::size_t session);
    [[noreturn]] void fail(std::size_t session, const SentStatement& sent, const Error& error);
    void apply(const RowChange& change);
    // nullptr when the target cannot take changes of the relation, and rows are taken out for that.
    std::shared_ptr<TablePlan> find_plan(const std::shared_ptr<const Relation>& relation);
    void apply(const Truncate& truncate);
    void open_group();
    // For work that is not of the source transaction at hand.
    void open_group_between();
    // The group gets too large to be gathered: sends what there is of it.
    void send_part();
    // The group is complete. Its commit is sent when its results are there and its turn comes.
    // `is_last`: nothing more is waiting. `is_durable`: its commit waits for the target's disk.
    void close_group(bool is_last, bool is_durable = false);
    bool may_linger() const;
    std::chrono::nanoseconds linger_left() const;
    // A group without rows that only moves the position, or makes it durable where it is.
    void move_position(Lsn end);
    bool is_durable_due() const { return Clock::now() - last_durable >= options.durable_interval; }
    bool is_large() const;
    void close_guarded(bool is_last, bool is_durable);
    bool group_is_full() const;
    bool more_is_waiting() const { return more && more(); }
    template <typename Work>
    void with_lsn(const Work& work);

    Connection& control;
    const Progress& progress;
    Connect connect;
    ApplierOptions options;
    TakeRefusedRow take_refused_row;
    MustWait must_wait;
    TakenRows taken_rows;
    std::string encoding;  // of the source
    UnbatchedTables& unbatched;
    std::function<bool()> more;
    std::function<std::vector<CommandStep>()> on_group_closing;

    // The source transaction at hand.
    std::optional<Begin> current;
    bool skips_current = false;  // it lies before the position: applied already
    bool is_replay = false;
    std::uint64_t current_rows = 0;
    Lsn last_commit_lsn;
    // The open group: whole source transactions, and the one at hand.
    std::optional<Group> group;

    CommitOrder order;
    ChangeSet changes;
    MappedRelations relations;
    Cascades cascades;
    Pace pace;
    std::unique_ptr<Replay> replay_session;  // once it was needed
    std::uint64_t unsent_rows = 0;           // that went by nothing but a replay

    Clock::time_point last_durable = Clock::now();
    Clock::time_point last_idle = Clock::now();
    ApplierStats stats;
};

template <typename Work>
void Applier::State::guarded(const Work& work) {
    try {
        work();
    } catch (const RefusedGroup& refused) {
        recover(refused);
    }
}

}  // namespace walpack
