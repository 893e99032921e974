#include "apply/applier.h"

#include <algorithm>

#include "apply/applier_state.h"
#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "schema/target_session.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

// How soon the target's answers are looked for.
constexpr std::chrono::milliseconds kAnswerWait{1};

}  // namespace

template <typename Work>
void Applier::State::with_lsn(const Work& work) {
    try {
        work();
    } catch (Error& error) {
        // What the target refused tells its own.
        if (error.lsn().empty()) error.at_lsn(current->commit_lsn.to_string());
        throw;
    }
    if (is_large()) send_part();
}

Applier::Applier(Connection& control, const Progress& progress, Lsn from, ApplierOptions options,
                 UnbatchedTables& unbatched, const Connect& connect)
    : state_(std::make_unique<State>(control, progress, std::move(options), unbatched, connect)) {
    set_up_target_session(control);  // it must last as long as the others
    state_->order.set_position(from);
    // Whoever committed `from` may not have waited for the target's disk.
    make_durable(true);
}

Applier::~Applier() = default;

void Applier::set_more_is_waiting(std::function<bool()> more_is_waiting) {
    state_->more = std::move(more_is_waiting);
}

void Applier::set_on_group_closing(std::function<std::vector<CommandStep>()> on_group_closing) {
    state_->on_group_closing = std::move(on_group_closing);
}

void Applier::set_on_refused_row(TakeRefusedRow take, MustWait must_wait) {
    state_->take_refused_row = std::move(take);
    state_->must_wait = std::move(must_wait);
    if (state_->replay_session)
        state_->replay_session->set_on_refused_row(state_->take_refused_row, state_->must_wait);
}

void Applier::set_taken_rows(TakenRows taken_rows) {
    state_->taken_rows = std::move(taken_rows);
    if (state_->replay_session) state_->replay_session->set_taken_rows(state_->taken_rows);
}

void Applier::add_change(const RowChange& change, Lsn commit_lsn) {
    State& state = *state_;
    state.open_group_between();
    state.last_commit_lsn = std::max(state.last_commit_lsn, commit_lsn);
    if (commit_lsn <= state.options.one_by_one_until && state.group->kept) state.demand_replay();
    ++state.group->rows;
    ++state.stats.planned_rows;
    if (state.group->kept) state.group->kept->add(KeptRow{KeptChange(change, commit_lsn), true});
    try {
        state.guarded([&] { state.apply(change); });
    } catch (Error& error) {
        if (error.lsn().empty()) error.at_lsn(commit_lsn.to_string());
        throw;
    }
    if (state.is_large()) state.guarded([&] { state.send_part(); });
}

void Applier::add_command(CommandStep command) {
    State& state = *state_;
    state.open_group_between();
    const bool has_held = command.deleted != nullptr && state.taken_rows.are_of_table &&
                          state.taken_rows.are_of_table(command.deleted->table);
    state.keep(command);
    if (has_held) state.demand_replay();
    if (!state.group->is_replay) state.changes.add(std::move(command));
}

void Applier::delete_all(const std::shared_ptr<const Relation>& relation) {
    State& state = *state_;
    if (skips_current() || !state.options.replicate_truncate) return;
    std::string rows;
    const auto find = [&] { rows = state.relations.find(relation)->table().sql_name_of_rows(); };
    state.guarded(find);
    if (rows.empty()) find();
    DeletedRows deleted;
    deleted.table = {relation->schema, relation->name};
    add_command({"DELETE FROM " + rows, "empty a table",
                 std::make_shared<const DeletedRows>(std::move(deleted))});
}

void Applier::forget_mapping(const TableName& table) {
    state_->relations.forget(table);
}

// Where rows of the table are held, some of what comes is: a group that is too large to be kept
// could not go back to its start for that.
void Applier::begin_kept(const TableName& table) {
    State& state = *state_;
    if (!state.taken_rows.has_news) return;
    if (state.taken_rows.has_news()) commit_group();
    if (!state.taken_rows.are_of_table(table)) return;
    state.open_group_between();
    state.demand_replay();
}

bool Applier::skips_current() const {
    return state_->current && state_->skips_current;
}

// Names come in the source's encoding as values do.
void Applier::hello(const Hello& hello) {
    state_->encoding = hello.encoding;
    state_->order.set_client_encoding(hello.encoding);
    if (state_->replay_session) state_->replay_session->set_client_encoding(hello.encoding);
    state_->control.execute("SET client_encoding = " + quote_literal(hello.encoding));
}

// Taken up with the relation's next change.
void Applier::relation(const RelationRecord& /*relation*/) {}

void Applier::begin(const Begin& begin) {
    State& state = *state_;
    WALPACK_CHECK(!state.current);
    // Positions are end LSNs: a transaction whose commit record starts before one lies behind it.
    state.skips_current = begin.commit_lsn < this->position();
    state.is_replay = begin.commit_lsn <= state.options.one_by_one_until;
    if (state.is_replay && !state.skips_current && state.group)
        state.close_group(false);  // of work before it
    state.current = begin;
    state.current_rows = 0;
    state.cascades.begin_transaction();
    if (state.skips_current) {
        log::debug("transaction {} at {} is applied already", begin.xid,
                   begin.commit_lsn.to_string());
        return;
    }
    if (!state.group) {
        state.changes.set_row_by_row(!state.options.batching);
        state.open_group();
    }
    if (state.is_replay) {
        if (!state.group->kept) state.group->kept = std::make_shared<KeptGroup>();
        state.demand_replay();
    }
    state.keep(begin);
    state.group->last_commit_lsn = begin.commit_lsn;
    state.last_commit_lsn = begin.commit_lsn;
}

// Which changes are wanted was decided at the source.
void Applier::origin(const Origin& /*origin*/) {}

void Applier::change(const RowChange& change) {
    State& state = *state_;
    WALPACK_CHECK(state.current);
    if (state.skips_current) return;
    ++state.current_rows;
    ++state.stats.planned_rows;
    if (state.group->kept)
        state.group->kept->add(KeptRow{KeptChange(change, state.current->commit_lsn)});
    state.guarded([&] { state.with_lsn([&] { state.apply(change); }); });
}

void Applier::truncate(const Truncate& truncate) {
    State& state = *state_;
    WALPACK_CHECK(state.current);
    if (state.skips_current || truncate.relations.empty()) return;
    if (!state.options.replicate_truncate) {
        log::info("a TRUNCATE of {} is not applied, as configured",
                  truncate.relations.front()->qualified_name());
        return;
    }
    ++state.current_rows;
    ++state.stats.planned_rows;
    state.keep(truncate);
    state.guarded([&] { state.with_lsn([&] { state.apply(truncate); }); });
}

// Messages are for other readers of the stream; a target has no place for them.
void Applier::message(const LogicalMessage& message) {
    log::debug("logical message at {} is not applied", message.lsn.to_string());
}

void Applier::notice(const Notice& notice) {
    log::warning("notice {} of the source: {}", notice.code, notice.text);
}

void Applier::commit(const Commit& commit) {
    State& state = *state_;
    WALPACK_CHECK(state.current);
    const std::int64_t commit_time = state.current->commit_time;
    state.current.reset();
    if (state.skips_current) return;
    Group& group = *state.group;
    group.rows += state.current_rows;
    ++group.transactions;
    group.last_commit_time = commit_time;
    group.end = commit.end_lsn;
    if (state.is_replay) {
        commit_group();
    } else if (state.group_is_full()) {
        state.close_group(false);
    } else if (!state.more_is_waiting()) {
        pause();
    }
}

void Applier::commit_group(bool durable) {
    State& state = *state_;
    WALPACK_CHECK(!state.current);
    const bool is_alone = state.group && state.group->transactions == 1;
    if (state.group) state.close_group(true, durable);
    state.settle();
    if (durable) make_durable(true);
    if (is_alone) state.pace.note_alone(state.more_is_waiting());
}

void Applier::pause() {
    State& state = *state_;
    if (state.linger_left().count() > 0) return state.pump();
    if (state.may_linger()) return state.close_group(false);
    if (state.options.apply_workers == 1) return commit_group();
    // What comes next may be independent of a transaction that waits for a lock.
    if (state.group) state.close_group(true);
    state.pump();
}

bool Applier::is_lingering() const {
    return state_->linger_left().count() > 0;
}

void Applier::pump() {
    state_->pump();
}

std::chrono::nanoseconds Applier::pause_wait() const {
    const auto linger = state_->linger_left();
    if (state_->order.is_empty() && !state_->order.has_unsent()) return linger;
    const std::chrono::nanoseconds answers = kAnswerWait;
    return linger.count() > 0 ? std::min(linger, answers) : answers;
}

void Applier::advance_idle(Lsn wal_end, bool now) {
    State& state = *state_;
    if (state.current || state.group) return;
    if (wal_end <= state.order.position()) return;
    if (!now && Clock::now() - state.last_idle < state.options.durable_interval) return;
    state.last_idle = Clock::now();
    state.settle();
    state.move_position(wal_end);
}

void Applier::make_durable(bool now) {
    State& state = *state_;
    // An open group is committed durably when it is due.
    if (state.current || state.group) return;
    if (state.order.durable() == state.order.position()) return;
    if (!now && !state.is_durable_due()) return;
    state.settle();
    if (state.order.durable() != state.order.position()) {
        state.move_position(state.order.position());
    }
}

bool Applier::has_open_group() const {
    return state_->group.has_value() || !state_->order.is_empty();
}

Lsn Applier::position() const {
    return state_->group ? state_->group->end : state_->order.position();
}

Lsn Applier::applied_lsn() const {
    return state_->order.applied();
}

Lsn Applier::durable_lsn() const {
    return state_->order.durable();
}

ApplierStats Applier::stats() const {
    ApplierStats stats = state_->stats;
    const SentCounts sent = state_->order.counts();
    stats.statements = sent.statements;
    stats.batches = sent.batches;
    stats.batch_rows = sent.batch_rows;
    const std::uint64_t accounted = sent.rows + state_->unsent_rows + state_->changes.changes();
    stats.coalesced_rows = stats.planned_rows > accounted ? stats.planned_rows - accounted : 0;
    stats.waited_for_order = state_->order.waited_for_order();
    const auto waited = state_->order.waited() - stats.waited_for_order;
    stats.waited_for_target =
        std::max<std::chrono::nanoseconds>(waited, std::chrono::nanoseconds(0));
    return stats;
}

}  // namespace walpack
