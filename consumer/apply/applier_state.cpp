#include "apply/applier_state.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "apply/conflict.h"
#include "apply/refusal.h"
#include "apply/truncation.h"
#include "base/check.h"
#include "base/error.h"
#include "base/log.h"

namespace walpack {
namespace {

// A group that is committed with its statements, for its latency, should hold no more.
constexpr std::size_t kCheckedStepsMax = 64;

// Fewer would have results read while the sessions are being made.
constexpr std::uint64_t kStatementsMin = 16;

// Changes of a transaction that are sent together, before it is complete. The more, the closer
// together are the sorted keys of updates and deletes.
constexpr std::uint64_t kPartRowsMax = 50'000;

std::vector<std::unique_ptr<Connection>> open_connections(const Applier::Connect& connect,
                                                          std::uint64_t count) {
    std::vector<std::unique_ptr<Connection>> connections;
    for (std::uint64_t i = 0; i < count; ++i) connections.push_back(connect());
    return connections;
}

// Fills the guards of mappings for the kinds of conflicts of origins.
class OriginGuards {
  public:
    OriginGuards(const ApplierOptions& options, bool is_replica_role)
        : options_(options), is_replica_role_(is_replica_role) {}

    void operator()(RelationMapping& mapping) {
        const TableName table{mapping.table->schema, mapping.table->name};
        const std::string is_own = options_.origins->is_own_row();
        if (options_.conflicts.is_set(table, ConflictKind::update_origin_differs))
            mapping.update_guard = is_own;
        if (!options_.conflicts.is_set(table, ConflictKind::delete_origin_differs)) return;
        if (is_replica_role_ || mapping.table->cascades_from.empty()) {
            mapping.delete_guard = is_own;
        } else {
            warn(table);
        }
    }

  private:
    // A row that the target deletes by itself is not there for the source's delete: that must not
    // be taken for one of another origin.
    void warn(const TableName& table) {
        if (!warned_.insert(table).second) return;
        log::warning(
            "delete_origin_differs is not looked for in \"{}.{}\", as the target deletes its rows "
            "by cascade",
            table.schema, table.table);
    }

    const ApplierOptions& options_;
    bool is_replica_role_;
    std::set<TableName> warned_;
};

PlanOptions plan_options(const ApplierOptions& options, const TargetSession& session) {
    PlanOptions made;
    made.is_replica_role = session.is_replica_role;
    made.batching = options.batching;
    made.coalescing = options.coalescing;
    if (options.origins != nullptr) made.guard = OriginGuards(options, session.is_replica_role);
    return made;
}

}  // namespace

Applier::State::State(Connection& control_connection, const Progress& given_progress,
                      ApplierOptions given, UnbatchedTables& unbatched_tables,
                      const Connect& given_connect)
    : control(control_connection),
      progress(given_progress),
      connect(given_connect),
      options(std::move(given)),
      unbatched(unbatched_tables),
      order(
          open_connections(connect, options.apply_workers), control, progress,
          {std::max(options.in_flight_statements_max, kStatementsMin), options.in_flight_bytes_max},
          [this](std::size_t session, const SentStatement& sent, const Result& result) {
              judge(session, sent, result);
          }),
      changes(CellEncoder(order.server_version()), {options.apply_workers > 1}),
      relations([this](const auto& relation) { return read_mapping(control, relation); },
                plan_options(options, order.settings()), unbatched, [this] { replace_plan(); },
                [this](const RelationMapping& mapping) { check_newest_column(mapping); }),
      cascades(order.settings().is_replica_role),
      pace(options.linger, Clock::now()) {
    order.on_group_committed = [this](const Group& committed) { note_commit(committed); };
}

void Applier::State::judge(std::size_t session, const SentStatement& sent, const Result& result) {
    const std::optional<Error> error = judge_result(sent, result);
    // The position is not what it should be when an earlier group's COMMIT failed: then that
    // counts.
    if (error && sent.expected == Expected::position) order.read_commits_before(session);
    if (error) fail(session, sent, *error);
    const bool is_commit =
        sent.expected == Expected::commit || sent.expected == Expected::commit_at_sync;
    if (is_commit) order.on_committed(session);
}

void Applier::State::note_commit(const Group& committed) {
    stats.transactions += committed.transactions;
    stats.rows += committed.rows;
    if (committed.transactions > 0) stats.last_commit_time = committed.last_commit_time;
    ++stats.target_commits;
    if (committed.transactions > 0) {
        for (const TableName& table : unbatched.note_group()) {
            log::info("changes of \"{}.{}\" go in batches again", table.schema, table.table);
            relations.forget(table);
        }
    }
    // One session's commit_group() sees it by itself.
    if (options.apply_workers > 1 && committed.transactions == 1)
        pace.note_alone(more_is_waiting());
}

// What a group touches is noted in the terms of its plans: what is under way must be over.
void Applier::State::replace_plan() {
    changes.hold_order();
    if (options.apply_workers == 1) return;
    changes.stop_footprint();
    order.settle();
}

// Whether the connection is still of use.
bool Applier::State::roll_back(std::size_t session) {
    try {
        order.abandon(session);
        return true;
    } catch (const Error&) {
        return false;  // the first error counts
    }
}

void Applier::State::fail(std::size_t session, const SentStatement& sent, const Error& error) {
    Error reported = error;
    // A statement that could not be prepared belongs to the changes at hand.
    const bool is_about_rows = sent.row != nullptr || sent.batch != nullptr;
    if (is_about_rows && reported.lsn().empty()) reported.at_lsn(last_commit_lsn.to_string());
    if (!roll_back(session)) throw reported;
    if (can_recover(sent, reported))
        throw RefusedGroup{reported, sent.batch != nullptr ? sent.batch->single->mapping : nullptr};
    throw_refusal(sent, reported, control, unbatched);
}

std::shared_ptr<TablePlan> Applier::State::find_plan(
    const std::shared_ptr<const Relation>& relation) {
    try {
        return relations.find(relation);
    } catch (const Error& error) {
        const bool is_taken =
            error.kind() == ErrorKind::schema && take_refused_row && group->kept != nullptr;
        if (!is_taken) throw;
        return nullptr;
    }
}

void Applier::State::apply(const RowChange& change) {
    if (group->is_replay) return;
    const std::shared_ptr<TablePlan> plan = find_plan(change.relation);
    if (plan == nullptr) return demand_replay();
    if (must_wait && must_wait(change, *plan->mapping())) return demand_replay();
    try {
        cascades.refuse_replacement(*plan->mapping(), change);
        changes.add(plan, change, cascades.expected_of(*plan->mapping(), change.kind));
    } catch (const Error& error) {
        // What cannot even be sent may have a policy.
        if (error.kind() == ErrorKind::value && group->kept != nullptr) return demand_replay();
        throw Error(error.kind(), fmt::format("table \"{}\": {}", change.relation->qualified_name(),
                                              error.message()))
            .detail(error.detail())
            .hint(error.hint());
    }
}

void Applier::State::apply(const Truncate& truncate) {
    if (group->is_replay) return;
    if (taken_rows.are_of && taken_rows.are_of(truncate)) return demand_replay();
    std::vector<std::shared_ptr<const TargetTable>> tables;
    for (const auto& relation : truncate.relations) {
        const std::shared_ptr<TablePlan> plan = find_plan(relation);
        if (plan == nullptr) return demand_replay();
        tables.push_back(plan->mapping()->table);
    }
    for (TruncateStep& step :
         plan_truncation(control, {options.truncate_referenced, !order.settings().is_replica_role},
                         truncate, tables))
        changes.add(std::move(step));
}

// Beyond what a group that ends at its limits can hold: only a large transaction gets there.
bool Applier::State::is_large() const {
    const std::uint64_t rows_max = std::max(kPartRowsMax, 2 * options.group_rows_max);
    const std::uint64_t bytes_max = 2 * options.group_bytes_max;
    // Of changes that replaced each other in a batch all are kept.
    if (group && group->kept && group->kept->bytes() >= bytes_max) return true;
    if (group && group->is_replay) return group->kept->rows() >= rows_max;
    return changes.changes() >= rows_max || changes.bytes() >= bytes_max;
}

bool Applier::State::group_is_full() const {
    return !options.grouping || group->rows >= options.group_rows_max ||
           changes.bytes() >= options.group_bytes_max ||
           (group->kept && group->kept->bytes() >= options.group_bytes_max) ||
           Clock::now() - group->start >= options.group_time_max;
}

void Applier::State::open_group() {
    if (taken_rows.look) taken_rows.look([this] { settle(); });
    group.emplace();
    group->start = Clock::now();
    if (keeps_changes()) group->kept = std::make_shared<KeptGroup>();
    guarded([this] { relations.set_time(group->start); });
}

void Applier::State::open_group_between() {
    WALPACK_CHECK(!current || !skips_current);
    if (group) return;
    changes.set_row_by_row(!options.batching);
    open_group();
    group->end = order.position();
    group->last_commit_lsn = last_commit_lsn;
}

void Applier::State::send_part() {
    if (group->is_replay) return replay_part();
    if (!group->session) {
        if (options.apply_workers > 1) {
            changes.stop_footprint();
            log::info(
                "transaction {} is large: one session applies it, alone, as two could not "
                "commit it together",
                current ? current->xid : 0);
        }
        order.begin_alone(*group);
        group->kept.reset();  // it would be without bound
    }
    order.send(*group, changes.take());
}

void Applier::State::close_group(bool is_last, bool is_durable) {
    WALPACK_CHECK(group && !current);
    if (on_group_closing) {
        for (CommandStep& command : on_group_closing()) {
            keep(command);
            if (!group->is_replay) changes.add(std::move(command));
        }
    }
    const Lsn end = group->end;
    guarded([&] { close_guarded(is_last, is_durable); });
    // A group before it was refused while this one was on its way.
    if (group && group->end == end && group->is_replay) close_replay(is_durable);
}

void Applier::State::close_guarded(bool is_last, bool is_durable) {
    if (group->is_replay) return;
    const bool is_small = !group->session && order.is_empty();
    if (options.apply_workers > 1) group->footprint = changes.take_footprint();
    std::vector<Step> steps = changes.take();
    group->is_checked =
        is_last && is_small && steps.size() <= kCheckedStepsMax && can_be_checked(steps);
    // One that is there to be seen at once has the disk waited for afterwards.
    group->is_durable =
        is_durable || (is_durable_due() && (!is_last || options.durable_interval.count() == 0));
    if (group->is_durable) last_durable = Clock::now();
    if (!group->session) {
        if (group->last_commit_lsn <= options.one_session_until) group->footprint.add_everything();
        order.begin(*group);
    }
    order.send(*group, std::move(steps));
    pace.note_closed(group->transactions, group->rows, Clock::now());
    const bool is_checked = group->is_checked;
    order.add(std::move(*group));
    group.reset();
    if (!is_last) return order.pump();
    if (is_checked) order.commit_all();
}

bool Applier::State::may_linger() const {
    return group && !current && !is_replay && options.grouping && pace.is_busy(Clock::now());
}

std::chrono::nanoseconds Applier::State::linger_left() const {
    if (!may_linger()) return std::chrono::nanoseconds(0);
    return pace.linger_left(group->start, Clock::now());
}

void Applier::State::move_position(Lsn end) {
    settle();
    open_group();
    group->kept.reset();
    order.begin(*group);
    group->end = end;
    group->is_durable = true;
    last_durable = Clock::now();
    order.add(std::move(*group));
    group.reset();
    order.settle();
}

}  // namespace walpack
