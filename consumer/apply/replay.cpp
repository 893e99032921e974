#include "apply/replay.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "apply/conflict.h"
#include "apply/refusal.h"
#include "apply/unbatched_tables.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

// Rows that are tried at once. More would have more of them applied twice for each refused one.
constexpr std::size_t kRowsMax = 100;
constexpr std::size_t kBytesMax = 1 << 20;
constexpr std::size_t kPreparedMax = 200;

constexpr std::chrono::seconds kTellInterval{10};

}  // namespace

Replay::Replay(const Connect& connect, Connection& control, const Progress& progress,
               MappedRelations& relations, Options options)
    : session_(connect()),
      control_(control),
      progress_(progress),
      relations_(relations),
      options_(std::move(options)),
      settings_(set_up_target_session(*session_)),
      encoder_(session_->server_version()),
      resolution_(control, encoder_, options_.policies, options_.pipeline),
      cascades_(settings_.is_replica_role) {}

Replay::~Replay() {
    tell_counts();
}

void Replay::set_client_encoding(const std::string& encoding) {
    session_->execute("SET client_encoding = " + quote_literal(encoding));
}

void Replay::set_on_refused_row(TakeRefusedRow take, MustWait must_wait) {
    take_ = take;
    resolution_.set_take_refused_row(std::move(take));
    must_wait_ = std::move(must_wait);
}

void Replay::begin() {
    refused_from_.clear();
    has_savepoint_ = false;
    gathered_.clear();
    gathered_bytes_ = 0;
    if (names_.size() > kPreparedMax) {
        session_->execute("DEALLOCATE ALL");
        names_.clear();
    }
    session_->execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    // As in the sessions that apply: the source may have deferred them.
    if (!settings_.is_replica_role) session_->execute("SET CONSTRAINTS ALL DEFERRED");
    if (taken_rows_.hold) taken_rows_.hold(*session_);
}

void Replay::run(const KeptGroup& group) {
    try {
        for (const KeptRecord& record : group.records())
            std::visit([this](const auto& each) { run(each); }, record);
        run_gathered();
    } catch (Error& error) {
        if (error.lsn().empty() && origin_.commit_lsn.is_valid())
            error.at_lsn(origin_.commit_lsn.to_string());
        throw;
    }
}

void Replay::finish(const Group& group) {
    const Result checked = check_constraints();
    if (checked.kind() == ResultKind::error) refuse_commit(group, checked);
    move_position(group);
    if (group.is_durable)
        session_->execute("SET LOCAL synchronous_commit = " + settings_.durable_commit);
    session_->execute("COMMIT");
    note_counts();
}

// Someone else moved it, or changed the quarantine that was decided by: worth another try.
void Replay::move_position(const Group& group) {
    std::vector<std::optional<std::string>> parameters = {group.end.to_string(),
                                                          group.from.to_string()};
    if (progress_.watches_quarantine()) {
        const auto version = progress_.quarantine_version();
        parameters.push_back(version ? std::optional(std::to_string(*version)) : std::nullopt);
    }
    if (progress_.notes_origin()) parameters.push_back(std::to_string(group.last_commit_time));
    try {
        session_->execute(progress_.advance_sql(), parameters);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::value) throw;
        throw Error(ErrorKind::connection, "could not move the position").detail(error.message());
    }
}

bool Replay::has_met(const Relation& relation) const {
    return refused_from_.contains(relation.qualified_name());
}

void Replay::run(const Begin& begin) {
    run_gathered();
    cascades_.begin_transaction();
    origin_ = {begin.commit_lsn, begin.xid, begin.commit_time, 0};
}

void Replay::run(const KeptRow& row) {
    Planned planned;
    planned.row.change = row.change.change();
    if (row.is_between) {
        planned.row.origin.commit_lsn = row.change.commit_lsn();
    } else {
        ++origin_.number;
        if (is_skipping_ && is_left_out()) return;
        planned.row.origin = origin_;
        planned.late = late_refusal_of(planned.row);
    }
    plan(planned, planned.row.change);
    if (planned.late != nullptr) planned.is_sendable = false;
    gathered_bytes_ += row.change.bytes();
    gathered_.push_back(std::move(planned));
    if (gathered_.size() >= kRowsMax || gathered_bytes_ >= kBytesMax) run_gathered();
}

void Replay::plan(Planned& planned, const RowChange& change) {
    try {
        planned.row.plan = relations_.find(change.relation);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::schema || !take_) throw;
        planned.is_sendable = false;
        planned.unmapped = error;
        return;
    }
    const RelationMapping& mapping = *planned.row.plan->mapping();
    cascades_.refuse_replacement(mapping, change);
    planned.row.expected = cascades_.expected_of(mapping, change.kind);
    const bool may_be_moved = planned.row.expected == Expected::one_row_maybe_moved;
    planned.statement = planned.row.plan->row_statement(shape_of(mapping, change, may_be_moved));
    try {
        add_parameters(planned.statement->statement, change, encoder_, planned.parameters);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::value) throw;
        planned.is_sendable = false;
    }
}

void Replay::take_unmapped(const Planned& planned, bool waits) {
    RefusedRow row{planned.row.change, nullptr, planned.row.origin, "", "", "", "", ""};
    const Error& error = *planned.unmapped;
    if (!waits) {
        row.kind = "schema";
        row.message = error.message() + (error.detail().empty() ? "" : ": " + error.detail());
    }
    if (!take_(row, *session_)) throw error;
}

void Replay::run(const Truncate& truncate) {
    run_gathered();
    ++origin_.number;
    if (is_left_out()) return;
    if (taken_rows_.give_up) taken_rows_.give_up(truncate, *session_);
    Truncate possible = truncate;
    possible.relations.clear();
    std::vector<std::shared_ptr<const TargetTable>> tables;
    for (const auto& relation : truncate.relations) {
        auto table = table_to_truncate(relation);
        if (table == nullptr) continue;
        possible.relations.push_back(relation);
        tables.push_back(std::move(table));
    }
    if (tables.empty()) return;
    for (TruncateStep& step :
         plan_truncation(control_, {options_.truncate_referenced, !settings_.is_replica_role},
                         possible, tables)) {
        SentStatement sent;
        sent.relation = step.relation;
        sent.check = step.check;
        sent.doing = "truncate";
        sent.commit_lsn = origin_.commit_lsn;
        Statement statement;
        statement.sql = std::move(step.sql);
        const Result result = execute_statement(*session_, statement, {}, encoder_);
        if (const auto error = judge_result(sent, result)) throw *error;
    }
}

// One whose columns do not fit the relation's can be emptied all the same. nullptr when the target
// has none, and rows of it are taken out for that.
std::shared_ptr<const TargetTable> Replay::table_to_truncate(
    const std::shared_ptr<const Relation>& relation) {
    try {
        return relations_.find(relation)->mapping()->table;
    } catch (const Error& error) {
        const bool is_left_out = error.kind() == ErrorKind::schema && taken_rows_.leaves_out &&
                                 taken_rows_.leaves_out(*relation);
        if (!is_left_out) throw;
        if (auto table = read_target_table(control_, relation->schema, relation->name))
            return std::make_shared<const TargetTable>(std::move(*table));
        if (left_out_ == nullptr)
            log::warning("table \"{}\" is left out of a TRUNCATE at {}: {}",
                         relation->qualified_name(), origin_.commit_lsn.to_string(),
                         error.report());
        return nullptr;
    }
}

void Replay::run(const CommandStep& command) {
    run_gathered();
    if (command.deleted != nullptr && taken_rows_.give_up_deleted)
        taken_rows_.give_up_deleted(*command.deleted, *session_);
    session_->execute(command.sql);
}

void Replay::run_gathered() {
    // Should it throw, nothing is used again.
    std::vector<Planned> rows = std::exchange(gathered_, {});
    gathered_bytes_ = 0;
    run_rows(rows);
}

bool Replay::must_wait(const Planned& planned) const {
    if (!must_wait_) return false;
    const RowChange& change = planned.row.change;
    if (planned.row.plan != nullptr) return must_wait_(change, *planned.row.plan->mapping());
    RelationMapping none;
    none.relation = change.relation;
    return must_wait_(change, none);
}

// A row that is taken out makes others wait, so each is asked about when those before it are done.
void Replay::run_rows(std::span<Planned> rows) {
    std::size_t done = 0;
    while (done < rows.size()) {
        std::size_t ready = done;
        bool waits = false;
        while (ready < rows.size() && rows[ready].is_sendable && !waits) {
            waits = must_wait(rows[ready]);
            if (!waits) ++ready;
        }
        if (ready > done) {
            done += run_sendable(rows.subspan(done, ready - done));
            continue;
        }
        waits = waits || must_wait(rows[done]);
        release_rows();
        apply_alone(rows[done++], waits);
    }
}

void Replay::apply_alone(const Planned& planned, bool waits) {
    if (planned.unmapped) return take_unmapped(planned, waits);
    if (waits) return resolution_.take_waiting(*session_, planned.row);
    if (planned.late != nullptr) return leave_out(planned);
    resolution_.apply(*session_, planned.row, std::nullopt);
}

// Returns how many are dealt with.
std::size_t Replay::run_sendable(std::span<Planned> rows) {
    std::optional<Bad> bad = send(rows);
    if (!bad) return rows.size();
    session_->execute("ROLLBACK TO SAVEPOINT walpack_rows; RELEASE SAVEPOINT walpack_rows");
    has_savepoint_ = false;
    const ReplayRow& row = rows[bad->index].row;
    run_rows(rows.first(bad->index));
    release_rows();
    refused_from_.insert(row.plan->relation().qualified_name());
    resolution_.apply(*session_, row, std::move(bad->refusal));
    return bad->index + 1;
}

void Replay::release_rows() {
    if (has_savepoint_) session_->execute("RELEASE SAVEPOINT walpack_rows");
    has_savepoint_ = false;
}

std::optional<Replay::Bad> Replay::send(std::span<Planned> rows) {
    std::vector<const std::string*> names;
    for (const Planned& planned : rows) names.push_back(&name_of(planned.statement));
    const bool releases = std::exchange(has_savepoint_, true);
    Parameters none;
    session_->enter_pipeline();
    if (releases) session_->send_query("RELEASE SAVEPOINT walpack_rows", none);
    session_->send_query("SAVEPOINT walpack_rows", none);
    for (std::size_t i = 0; i < rows.size(); ++i)
        session_->send_prepared(*names[i], rows[i].parameters);
    session_->send_sync();
    for (int i = releases ? 0 : 1; i < 2; ++i) {
        const Result savepoint = session_->next_result();
        if (savepoint.kind() == ResultKind::error) throw_result_error(savepoint, "set a savepoint");
    }
    std::optional<Bad> bad;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Result result = session_->next_result();
        if (bad) continue;
        auto refusal = ConflictResolution::refusal_of(rows[i].row, rows[i].row.change, result);
        if (refusal) bad = Bad{i, std::move(*refusal)};
    }
    (void)session_->next_result();
    session_->exit_pipeline();
    return bad;
}

// A statement that the server cannot prepare fails the transaction; alone it tells why.
const std::string& Replay::name_of(const std::shared_ptr<const RowStatement>& statement) {
    std::string& name = names_[statement];
    if (!name.empty()) return name;
    name = fmt::format("walpack_replay_{}", ++next_name_);
    session_->enter_pipeline();
    session_->send_prepare(name, statement->statement.sql, statement->statement.type_oids);
    session_->send_sync();
    const Result result = session_->next_result();
    (void)session_->next_result();
    session_->exit_pipeline();
    SentStatement sent;
    sent.row = statement;
    sent.commit_lsn = origin_.commit_lsn;
    if (const auto error = judge_result(sent, result)) {
        UnbatchedTables none;
        throw_refusal(sent, *error, control_, none);
    }
    return name;
}

void Replay::note_counts() {
    for (const auto& [key, count] : resolution_.take_counts()) to_tell_[key] += count;
    if (!to_tell_.empty() && Clock::now() - told_ >= kTellInterval) tell_counts();
}

void Replay::tell_counts() {
    for (const auto& [key, count] : to_tell_) {
        const auto& [table, kind, policy] = key;
        log::warning(
            "table \"{}\": {} conflicts {} had the answer of policy {}; see "
            "walpack.conflict_log on the target",
            table, count, kind, policy);
    }
    to_tell_.clear();
    told_ = Clock::now();
}

}  // namespace walpack
