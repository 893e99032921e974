#include "apply/conflict_resolution.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "apply/conflict.h"
#include "apply/refusal.h"
#include "apply/row_json.h"
#include "apply/row_key.h"
#include "base/sqlstate.h"
#include "base/text.h"

namespace walpack {
namespace {

// More than once only where other sessions write the same keys at the same time.
constexpr int kTriesMax = 10;

// For a statement that touched no row, or several.
constexpr const char* kNoDataFound = "P0002";
constexpr const char* kTooManyRows = "P0003";
constexpr const char* kOriginDiffers = "40001";  // as PostgreSQL 18 gives it

TableName name_of(const TargetTable& table) {
    return {table.schema, table.name};
}

std::string state_of(const std::string& sqlstate, bool is_missing) {
    if (!sqlstate.empty()) return sqlstate;
    return is_missing ? kNoDataFound : kTooManyRows;
}

bool is_in_the_way(std::string_view sqlstate) {
    return sqlstate == kUniqueViolation || sqlstate == kExclusionViolation;
}

// The same row as an UPDATE of the one that has its key; nullopt where no key is known.
std::optional<RowChange> as_update(const TablePlan& plan, const RowChange& insert) {
    // Of a key with several spellings the source's counts, and an update by the key would leave it.
    const bool has_identity =
        plan.key_is_exact() && insert.relation->replica_identity != ReplicaIdentity::full;
    RowChange change = insert;
    change.kind = has_identity ? ChangeKind::update : ChangeKind::update_full;
    if (!has_identity) change.old_tuple = change.new_tuple;
    if (identity_of(*plan.mapping(), change.kind).empty()) return std::nullopt;
    return change;
}

// Every value of the new row; empty where one is not known.
std::vector<Value> whole_row(const RowChange& update) {
    std::vector<Value> values(update.new_tuple.begin(), update.new_tuple.end());
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!values[i].is_unchanged_toast()) continue;
        if (update.kind != ChangeKind::update_full) return {};
        values[i] = update.old_tuple[i];
        if (values[i].is_unchanged_toast()) return {};
    }
    return values;
}

ConflictEntry entry_of(const ReplayRow& row, ConflictKind kind, ConflictPolicy policy,
                       const char* outcome) {
    const TargetTable& table = row.plan->table();
    ConflictEntry entry;
    entry.schema = table.schema;
    entry.table = table.name;
    entry.kind = name_of(kind);
    entry.policy = name_of(policy);
    entry.outcome = outcome;
    entry.commit_lsn = row.origin.commit_lsn;
    entry.xid = row.origin.xid;
    entry.commit_time = row.origin.commit_time;
    return entry;
}

void add_rows(const ReplayRow& row, JsonText form, ConflictEntry& entry) {
    const auto identity = identity_of(*row.plan->mapping(), row.change.kind);
    entry.key = key_json(identity, row.change, form);
    entry.remote_row = row_json(row.change, form);
}

// What the change, which a policy may have made of the row's, must answer.
Expected expected_of(const ReplayRow& row, const RowChange& change) {
    return change.kind == row.change.kind ? row.expected : Expected::one_row;
}

StatementShape shape_of(const ReplayRow& row, const RowChange& change) {
    return shape_of(*row.plan->mapping(), change,
                    expected_of(row, change) == Expected::one_row_maybe_moved);
}

SentStatement sent_of(const ReplayRow& row, const RowChange& change) {
    SentStatement sent;
    sent.expected = expected_of(row, change);
    sent.doing = "apply a change";
    sent.row = row.plan->row_statement(shape_of(row, change));
    sent.key = pack_row_key(sent.row->identity, change);
    sent.commit_lsn = row.origin.commit_lsn;
    return sent;
}

}  // namespace

ConflictResolution::ConflictResolution(Connection& control, CellEncoder encoder,
                                       const ConflictPolicies& policies, std::string pipeline)
    : control_(control),
      encoder_(encoder),
      policies_(policies),
      log_(std::move(pipeline)),
      search_(encoder) {}

void ConflictResolution::apply(Connection& session, const ReplayRow& row,
                               std::optional<Refusal> known) {
    session.execute("SAVEPOINT walpack_row");
    Trial trial{row.change, {}, {}, false};
    for (int tries = 1;; ++tries) {
        const std::optional<Refusal> refusal =
            known ? std::exchange(known, std::nullopt) : attempt(session, row, trial);
        if (!refusal) break;
        if (tries == kTriesMax) {
            (void)refuse(session, row, name_of(ConflictKind::value), *refusal, refusal->error);
            return;
        }
        if (!answer(session, row, trial, *refusal)) return;
    }
    for (ConflictEntry& entry : trial.entries) write(session, row, std::move(entry));
    session.execute("RELEASE SAVEPOINT walpack_row");  // and those inside of it
}

std::optional<ConflictResolution::Refusal> ConflictResolution::refusal_of(const ReplayRow& row,
                                                                          const RowChange& change,
                                                                          const Result& result) {
    const SentStatement sent = sent_of(row, change);
    const std::optional<Error> error = judge_result(sent, result);
    if (!error) return std::nullopt;
    const bool is_error = result.kind() == ResultKind::error;
    return Refusal{*error,
                   result.sqlstate(),
                   is_error ? result.primary_message() : error->message(),
                   result.constraint_name(),
                   result.column_name(),
                   !is_error && result.affected_rows() == 0 && change.kind != ChangeKind::insert,
                   sent};
}

std::optional<ConflictResolution::Refusal> ConflictResolution::attempt(Connection& session,
                                                                       const ReplayRow& row,
                                                                       const Trial& trial) {
    const RowChange& change = trial.change;
    StatementShape shape = shape_of(row, change);
    shape.is_unguarded = trial.is_unguarded;
    const auto statement = row.plan->row_statement(shape);
    std::optional<Refusal> refusal;
    try {
        refusal = refusal_of(row, change,
                             execute_statement(session, statement->statement, change, encoder_,
                                               "SAVEPOINT walpack_try"));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::value) throw;
        // It could not even be sent: our own encoder refused it.
        return Refusal{error, std::string(kDataException), error.message(), "", "",
                       false, sent_of(row, change)};
    }
    if (refusal)
        session.execute("ROLLBACK TO SAVEPOINT walpack_try; RELEASE SAVEPOINT walpack_try");
    return refusal;
}

bool ConflictResolution::answer(Connection& session, const ReplayRow& row, Trial& trial,
                                const Refusal& refusal) {
    const ErrorKind error_kind = refusal.error.kind();
    if (refusal.is_missing) return answer_missing(session, row, trial, refusal);
    if (is_in_the_way(refusal.sqlstate)) return answer_existing(session, row, trial, refusal);
    if (error_kind == ErrorKind::conflict)
        return refuse(session, row, name_of(ConflictKind::value), refusal, refusal.error);
    if (error_kind != ErrorKind::value) {
        UnbatchedTables none;
        throw_refusal(refusal.sent, refusal.error, control_, none);
    }
    throw_if_altered(refusal.sent, refusal.error, control_);
    return answer_value(session, row, trial, refusal);
}

bool ConflictResolution::answer_value(Connection& session, const ReplayRow& row, const Trial& trial,
                                      const Refusal& refusal) {
    const ConflictPolicy policy = policies_.of(name_of(row.plan->table()), ConflictKind::value);
    if (policy != ConflictPolicy::keep)
        return refuse(session, row, name_of(ConflictKind::value), refusal, refusal.error);
    ConflictEntry entry = entry_of(row, ConflictKind::value, policy, "skipped");
    entry.sqlstate = refusal.sqlstate;
    entry.message = refusal.message;
    return drop(session, row, trial, std::move(entry));
}

bool ConflictResolution::answer_missing(Connection& session, const ReplayRow& row, Trial& trial,
                                        const Refusal& refusal) {
    const RelationMapping& mapping = *row.plan->mapping();
    if (row.change.kind == ChangeKind::insert) {
        // The row that it was to be an UPDATE of went away meanwhile.
        trial.change = row.change;
        trial.is_unguarded = false;
        trial.entries.clear();
        return true;
    }
    if (!trial.is_unguarded && !guard_of(mapping, trial.change.kind).empty()) {
        const RowsInTheWay found = search_.find_guarded(session, mapping, trial.change);
        if (!found.rows.empty()) return answer_other_origin(session, row, trial, refusal, found);
    }
    const ConflictKind kind =
        is_update(trial.change.kind) ? ConflictKind::update_missing : ConflictKind::delete_missing;
    const ConflictPolicy policy = policies_.of(name_of(row.plan->table()), kind);
    if (policy == ConflictPolicy::error)
        return refuse(session, row, name_of(kind), refusal, refusal.error);
    const bool is_insert = policy == ConflictPolicy::insert;
    ConflictEntry entry = entry_of(row, kind, policy, is_insert ? "inserted" : "skipped");
    entry.message = refusal.message;
    if (!is_insert) return drop(session, row, trial, std::move(entry));
    trial.values = whole_row(trial.change);
    if (trial.values.empty()) {
        Error error = refusal.error;
        error.detail(error.detail() +
                     " Policy insert has not all values of the row: those that are stored out of "
                     "line and did not change were not sent.");
        return refuse(session, row, name_of(kind), refusal, error);
    }
    trial.change = {ChangeKind::insert, row.change.relation, {}, trial.values};
    trial.entries.push_back(std::move(entry));
    return true;
}

// Between the row of the source and those of the target, by a policy that is no error. nullopt when
// newest cannot decide: then the row is taken, or the error thrown.
std::optional<bool> ConflictResolution::choose(Connection& session, const ReplayRow& row,
                                               ConflictKind kind, const Refusal& refusal,
                                               const RowsInTheWay& found) {
    const ConflictPolicy policy = policies_.of(name_of(row.plan->table()), kind);
    if (policy != ConflictPolicy::newest) return policy == ConflictPolicy::apply;
    if (const auto unknown = undecided(row)) {
        (void)refuse(session, row, name_of(kind), refusal, *unknown);
        return std::nullopt;
    }
    return is_newest(session, row, found);
}

bool ConflictResolution::answer_other_origin(Connection& session, const ReplayRow& row,
                                             Trial& trial, const Refusal& missing,
                                             const RowsInTheWay& found) {
    const ConflictKind kind = is_update(trial.change.kind) ? ConflictKind::update_origin_differs
                                                           : ConflictKind::delete_origin_differs;
    const ConflictPolicy policy = policies_.of(name_of(row.plan->table()), kind);
    Refusal refusal = missing;
    refusal.error = other_origin(missing.sent, kind).at_lsn(row.origin.commit_lsn.to_string());
    refusal.message = "the row was written by another origin";
    refusal.sqlstate = kOriginDiffers;
    refusal.is_missing = false;
    if (policy == ConflictPolicy::error)
        return refuse(session, row, name_of(kind), refusal, refusal.error);
    const std::optional<bool> is_applied = choose(session, row, kind, refusal, found);
    if (!is_applied) return false;
    ConflictEntry entry = entry_of(row, kind, policy, *is_applied ? "applied" : "kept");
    entry.local_rows = found.json();
    entry.message = refusal.message;
    if (!*is_applied) return drop(session, row, trial, std::move(entry));
    trial.is_unguarded = true;
    trial.entries.push_back(std::move(entry));
    return true;
}

bool ConflictResolution::answer_existing(Connection& session, const ReplayRow& row, Trial& trial,
                                         const Refusal& refusal) {
    const RelationMapping& mapping = *row.plan->mapping();
    const TableName table = name_of(row.plan->table());
    const RowsInTheWay found = search_.find(session, mapping, trial.change, refusal.constraint);
    if (found.rows.empty()) {
        // It went away; or its index is younger than what is known; or the next tries find none.
        search_.forget();
        return true;
    }
    const bool is_insert =
        row.change.kind == ChangeKind::insert || trial.change.kind == ChangeKind::insert;
    const ConflictKind kind = found.indexes > 1 ? ConflictKind::multiple_unique_conflicts
                              : is_insert       ? ConflictKind::insert_exists
                                                : ConflictKind::update_exists;
    // It may be the change's own row, where the target has given rows their new keys itself.
    const bool may_be_moved = row.expected == Expected::one_row_maybe_moved;
    const ConflictPolicy policy = may_be_moved ? ConflictPolicy::error : policies_.of(table, kind);
    if (policy == ConflictPolicy::error) {
        Error error = existing_key(refusal.sent, kind, refusal.constraint);
        error.sqlstate(refusal.sqlstate).at_lsn(row.origin.commit_lsn.to_string());
        return refuse(session, row, name_of(kind), refusal, error);
    }
    const std::optional<bool> is_applied = choose(session, row, kind, refusal, found);
    if (!is_applied) return false;
    ConflictEntry entry = entry_of(row, kind, policy, *is_applied ? "applied" : "kept");
    entry.local_rows = found.json();
    entry.sqlstate = refusal.sqlstate;
    entry.message = refusal.message;
    if (!*is_applied) return drop(session, row, trial, std::move(entry));
    try {
        clear_the_way(session, row, trial, found);
    } catch (const Error& error) {
        // A foreign key that is checked may need a row in the way.
        if (error.kind() != ErrorKind::value) throw;
        return refuse(session, row, name_of(kind), refusal, error);
    }
    trial.entries.push_back(std::move(entry));
    return true;
}

// What was changed on the way here is undone; otherwise the rows that were found stay locked.
bool ConflictResolution::drop(Connection& session, const ReplayRow& row, const Trial& trial,
                              ConflictEntry entry) {
    if (!trial.entries.empty()) session.execute("ROLLBACK TO SAVEPOINT walpack_row");
    write(session, row, std::move(entry));
    session.execute("RELEASE SAVEPOINT walpack_row");
    return false;
}

bool ConflictResolution::refuse(Connection& session, const ReplayRow& row, std::string_view kind,
                                const Refusal& refusal, const Error& error) {
    session.execute("ROLLBACK TO SAVEPOINT walpack_row; RELEASE SAVEPOINT walpack_row");
    const RefusedRow refused{row.change,      row.plan->mapping(),
                             row.origin,      state_of(refusal.sqlstate, refusal.is_missing),
                             refusal.message, refusal.constraint,
                             refusal.column,  std::string(kind)};
    if (take_ && take_(refused, session)) return false;
    throw error;
}

void ConflictResolution::refuse(Connection& session, const ReplayRow& row,
                                const LateRefusal& late) {
    session.execute("SAVEPOINT walpack_row");
    Refusal refusal{
        Error(ErrorKind::value, ""), late.sqlstate, late.message, late.constraint, "", false,
        sent_of(row, row.change)};
    refusal.error = refused_at_commit(refusal.sent, late.text, late.constraint)
                        .sqlstate(late.sqlstate)
                        .at_lsn(row.origin.commit_lsn.to_string());
    answer_value(session, row, {row.change, {}, {}, false}, refusal);
}

void ConflictResolution::take_waiting(Connection& session, const ReplayRow& row) {
    const RefusedRow waiting{row.change, row.plan->mapping(), row.origin, "", "", "", "", ""};
    if (take_ && take_(waiting, session)) return;
    throw Error(ErrorKind::conflict,
                fmt::format("a change of \"{}\" has to wait for a row that was refused, and is not "
                            "taken",
                            row.plan->relation().qualified_name()))
        .at_lsn(row.origin.commit_lsn.to_string());
}

void ConflictResolution::clear_the_way(Connection& session, const ReplayRow& row, Trial& trial,
                                       const RowsInTheWay& found) {
    const RelationMapping& mapping = *row.plan->mapping();
    std::optional<RowPlace> own;
    std::optional<RowChange> update;
    if (trial.change.kind == ChangeKind::insert) update = as_update(*row.plan, trial.change);
    if (update) {
        const std::vector<RowPlace> places = search_.lock(session, mapping, *update);
        if (places.size() == 1 && found.rows.contains(places.front())) own = places.front();
    }
    for (const auto& [place, text] : found.rows) {
        if (place == own) continue;
        const Result result = session.execute(fmt::format(
            "DELETE FROM {} WHERE {}", mapping.table->sql_name_of_rows(), is_at(place)));
        if (result.affected_rows() == 1) continue;
        throw Error(ErrorKind::value,
                    fmt::format("a row of \"{}\" that stands in the way of one of "
                                "the source does not let itself be deleted",
                                row.plan->relation().qualified_name()))
            .hint("A trigger or rule of the target keeps it.")
            .at_lsn(row.origin.commit_lsn.to_string());
    }
    if (!own) return;
    trial.change = *update;
    trial.is_unguarded = true;
}

// A text of the source may have no place in the encoding of the target.
void ConflictResolution::write(Connection& session, const ReplayRow& row, ConflictEntry entry) {
    ++counts_[{row.plan->relation().qualified_name(), entry.kind, entry.policy}];
    add_rows(row, JsonText::plain, entry);
    if (is_ascii(*entry.remote_row)) return log_.write(session, entry);
    session.execute("SAVEPOINT walpack_log");
    try {
        log_.write(session, entry);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::value) throw;
        session.execute("ROLLBACK TO SAVEPOINT walpack_log");
        add_rows(row, JsonText::hex_beyond_ascii, entry);
        log_.write(session, entry);
    }
    session.execute("RELEASE SAVEPOINT walpack_log");
}

}  // namespace walpack
