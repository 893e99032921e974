#include "apply/applier.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "apply/conflict.h"
#include "apply/in_flight.h"
#include "apply/mapped_relations.h"
#include "apply/parameter_binder.h"
#include "apply/prepared_statements.h"
#include "apply/row_key.h"
#include "apply/target_transaction.h"
#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "schema/target_session.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPreparedStatementsMax = 500;
// An idle source moves the position at most this often unless it asks for a reply.

constexpr std::string_view kUndefinedStatement = "26000";
constexpr std::string_view kFeatureNotSupported = "0A000";

// May be the consequence of DDL on the target since the statement was prepared.
bool may_come_from_target_ddl(const Error& error) {
    return error.kind() == ErrorKind::schema || error.sqlstate() == kUndefinedStatement ||
           error.sqlstate() == kFeatureNotSupported;
}

}  // namespace

struct Applier::State {
    State(Connection& target_connection, const Progress& progress, Lsn from, ApplierOptions limits)
        : target(target_connection),
          options(limits),
          session(set_up_target_session(target)),
          in_flight(
              target, {options.in_flight_statements_max, options.in_flight_bytes_max},
              [this](const SentStatement& sent, const Result& result) { judge(sent, result); }),
          statements(in_flight, kPreparedStatementsMax),
          relations(target, in_flight, statements),
          binder(target.server_version()),
          transaction(in_flight, progress, session, from) {}

    void judge(const SentStatement& sent, const Result& result);
    void note_commit();
    [[noreturn]] void fail(const SentStatement& sent, const Error& error);
    void refuse_replace(const RelationMapping& mapping) const;
    Expected expected_of(const RelationMapping& mapping, ChangeKind kind);
    void apply(const RowChange& change);
    void apply(const Truncate& truncate);
    void begin_group();
    // COMMIT is on its way on return; with `wait` it was also answered.
    void finish_group(Lsn end, bool durable, bool wait);
    // A group without rows that only moves the position, or makes it durable where it is.
    void move_position(Lsn end);
    bool is_durable_due() const { return Clock::now() - last_durable >= options.durable_interval; }
    bool group_is_full() const;
    bool more_is_waiting() const { return more && more(); }

    Connection& target;
    ApplierOptions options;
    std::function<bool()> more;

    // The source transaction at hand.
    std::optional<Begin> current;
    bool skips_current = false;  // it lies before the position: applied already
    std::uint64_t current_rows = 0;
    std::set<std::uint32_t> deleted_from;  // target tables, kept only where foreign keys fire
    // The open group: whole source transactions, and the one at hand.
    ApplierStats group;
    Lsn group_end;
    Clock::time_point group_start;
    std::deque<ApplierStats> finished;  // groups whose COMMIT was not answered yet

    TargetSession session;
    InFlight in_flight;
    PreparedStatements statements;
    MappedRelations relations;
    ParameterBinder binder;
    Parameters parameters;
    TargetTransaction transaction;

    Clock::time_point last_durable = Clock::now();
    Clock::time_point last_idle = Clock::now();
    ApplierStats stats;
};

void Applier::State::judge(const SentStatement& sent, const Result& result) {
    const std::optional<Error> error = judge_result(sent, result);
    if (error) fail(sent, *error);
    if (sent.expected == Expected::commit) note_commit();
}

void Applier::State::note_commit() {
    WALPACK_CHECK(!finished.empty());
    const ApplierStats committed = finished.front();
    finished.pop_front();
    transaction.on_committed();
    stats.transactions += committed.transactions;
    stats.rows += committed.rows;
    if (committed.transactions > 0) stats.last_commit_time = committed.last_commit_time;
    ++stats.target_commits;
}

// Rolls back, then says what is wrong. A statement that the target does not understand any more may
// stand for a table that was altered there: a fresh look at it tells whether starting again helps.
void Applier::State::fail(const SentStatement& sent, const Error& error) {
    Error reported = error;
    // A statement that could not be prepared belongs to the change at hand.
    if (current && sent.row != nullptr) reported.at_lsn(current->commit_lsn.to_string());
    try {
        in_flight.abandon();
    } catch (const Error&) {
        throw reported;  // the first error counts; the connection is of no use any more
    }
    if (sent.row == nullptr || !may_come_from_target_ddl(reported)) throw reported;
    const auto mapping = read_mapping(target, sent.row->mapping->relation);
    if (is_equivalent(*mapping, *sent.row->mapping) && reported.sqlstate() != kUndefinedStatement) {
        throw reported;
    }
    throw Error(ErrorKind::connection,
                fmt::format("table \"{}\" was altered on the target while changes were applied",
                            sent.row->mapping->relation->qualified_name()))
        .detail(reported.message())
        .sqlstate(reported.sqlstate())
        .at_lsn(reported.lsn());
}

// The DELETE half of a replacement would cascade to referencing rows where foreign keys fire.
void Applier::State::refuse_replace(const RelationMapping& mapping) const {
    if (session.is_replica_role || !mapping.table->is_referenced) return;
    throw Error(ErrorKind::schema,
                fmt::format("update of \"{}\" changes a GENERATED ALWAYS AS IDENTITY column of a "
                            "table that foreign keys reference",
                            mapping.relation->qualified_name()))
        .at_lsn(current->commit_lsn.to_string())
        .hint(
            "ALTER the column to GENERATED BY DEFAULT on the target, or let the target role set "
            "session_replication_role.");
}

// Where foreign keys fire, the target cascades a DELETE as the source did, and the source's deletes
// of the referencing rows then find them gone. That is accepted only behind a delete from the
// referenced table in the same transaction.
Expected Applier::State::expected_of(const RelationMapping& mapping, ChangeKind kind) {
    const bool is_delete = kind == ChangeKind::delete_key || kind == ChangeKind::delete_full;
    if (session.is_replica_role || !is_delete) return Expected::one_row;
    const TargetTable& table = *mapping.table;
    const bool may_be_gone =
        std::any_of(table.cascades_from.begin(), table.cascades_from.end(),
                    [this](std::uint32_t oid) { return deleted_from.contains(oid); });
    deleted_from.insert(table.oid);
    return may_be_gone ? Expected::one_row_or_cascaded : Expected::one_row;
}

void Applier::State::apply(const RowChange& change) {
    const auto& mapping = relations.find(change.relation);
    const StatementShape shape = shape_of(*mapping, change);
    if (shape.replaces) refuse_replace(*mapping);
    SentStatement sent;
    sent.expected = expected_of(*mapping, change.kind);
    sent.row = statements.find(mapping, shape);
    sent.key = pack_row_key(sent.row->identity, change);
    sent.commit_lsn = current->commit_lsn;
    sent.doing = "apply a change";
    try {
        sent.bytes = binder.bind(sent.row->statement, change, parameters);
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("table \"{}\": {}", change.relation->qualified_name(),
                                              error.message()))
            .detail(error.detail())
            .hint(error.hint());
    }
    in_flight.send_row(std::move(sent), parameters);
}

// All relations in one statement, as at the source: foreign keys among them do not stand in the
// way. Inheritance children and partitions are relations of the record themselves, so nothing but
// the named tables is emptied; a partitioned target table is the stand-in of one source table.
void Applier::State::apply(const Truncate& truncate) {
    std::string names;
    for (const auto& relation : truncate.relations) {
        const auto& mapping = relations.find(relation);
        names += (names.empty() ? "" : ", ") + mapping->table->sql_name_of_rows();
    }
    SentStatement sent;
    sent.relation = truncate.relations.front();
    sent.commit_lsn = current->commit_lsn;
    sent.doing = "truncate";
    const char* identity = truncate.restart_identity ? " RESTART IDENTITY" : "";
    in_flight.send_command(fmt::format("TRUNCATE {}{}", names, identity), std::move(sent));
}

bool Applier::State::group_is_full() const {
    return group.rows >= options.group_rows_max ||
           Clock::now() - group_start >= options.group_time_max;
}

void Applier::State::begin_group() {
    transaction.begin();
    group = {};
    group_start = Clock::now();
}

void Applier::State::finish_group(Lsn end, bool durable, bool wait) {
    finished.push_back(group);
    group = {};
    if (durable) last_durable = Clock::now();
    transaction.finish(end, durable);
    if (wait) transaction.settle();
}

void Applier::State::move_position(Lsn end) {
    begin_group();
    finish_group(end, true, true);
}

Applier::Applier(Connection& target, const Progress& progress, Lsn from, ApplierOptions options)
    : state_(std::make_unique<State>(target, progress, from, options)) {
    // Whoever committed `from` may not have waited for the target's disk.
    make_durable(true);
}

Applier::~Applier() = default;

void Applier::set_more_is_waiting(std::function<bool()> more_is_waiting) {
    state_->more = std::move(more_is_waiting);
}

void Applier::hello(const Hello& hello) {
    state_->in_flight.outside_pipeline(
        [&] { state_->target.execute("SET client_encoding = " + quote_literal(hello.encoding)); });
}

// Taken up with the relation's next change.
void Applier::relation(const RelationRecord& /*relation*/) {}

void Applier::begin(const Begin& begin) {
    State& state = *state_;
    WALPACK_CHECK(!state.current);
    state.current = begin;
    state.current_rows = 0;
    state.deleted_from.clear();
    // Positions are end LSNs: a transaction whose commit record starts before one lies behind it.
    const Lsn position =
        state.transaction.is_open() ? state.group_end : state.transaction.position();
    state.skips_current = begin.commit_lsn < position;
    if (state.skips_current) {
        log::debug("transaction {} at {} is applied already", begin.xid,
                   begin.commit_lsn.to_string());
    } else if (!state.transaction.is_open()) {
        state.begin_group();
    }
}

// Which changes are wanted was decided at the source.
void Applier::origin(const Origin& /*origin*/) {}

void Applier::change(const RowChange& change) {
    State& state = *state_;
    WALPACK_CHECK(state.current);
    if (state.skips_current) return;
    ++state.current_rows;
    try {
        state.apply(change);
    } catch (Error& error) {
        error.at_lsn(state.current->commit_lsn.to_string());
        throw;
    }
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
    try {
        state.apply(truncate);
    } catch (Error& error) {
        error.at_lsn(state.current->commit_lsn.to_string());
        throw;
    }
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
    state.group.rows += state.current_rows;
    ++state.group.transactions;
    state.group.last_commit_time = commit_time;
    state.group_end = commit.end_lsn;
    const bool is_replay = commit.end_lsn <= state.options.one_by_one_until;
    if (is_replay || !state.more_is_waiting()) {
        commit_group();
    } else if (state.group_is_full()) {
        state.finish_group(state.group_end, state.is_durable_due(), false);
    }
}

void Applier::commit_group() {
    State& state = *state_;
    WALPACK_CHECK(!state.current);
    if (state.transaction.is_open()) {
        state.finish_group(state.group_end, state.is_durable_due(), true);
    } else {
        state.transaction.settle();
    }
}

void Applier::advance_idle(Lsn wal_end, bool now) {
    State& state = *state_;
    if (state.current || state.transaction.is_open()) return;
    if (wal_end <= state.transaction.position()) return;
    if (!now && Clock::now() - state.last_idle < state.options.durable_interval) return;
    state.last_idle = Clock::now();
    state.transaction.settle();
    state.move_position(wal_end);
}

void Applier::make_durable(bool now) {
    State& state = *state_;
    // An open group is committed durably when it is due.
    if (state.current || state.transaction.is_open()) return;
    if (state.transaction.durable() == state.transaction.position()) return;
    if (!now && !state.is_durable_due()) return;
    state.transaction.settle();
    if (state.transaction.durable() != state.transaction.position()) {
        state.move_position(state.transaction.position());
    }
}

bool Applier::has_open_group() const {
    return state_->transaction.is_open();
}

Lsn Applier::applied_lsn() const {
    return state_->transaction.applied();
}

Lsn Applier::durable_lsn() const {
    return state_->transaction.durable();
}

const ApplierStats& Applier::stats() const {
    return state_->stats;
}

}  // namespace walpack
