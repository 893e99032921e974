#include "quarantine/quarantine_actions.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"
#include "pg/error_kind.h"
#include "quarantine/foreign_keys.h"
#include "quarantine/found_row.h"
#include "quarantine/held_row_apply.h"
#include "schema/target_session.h"

namespace walpack {
namespace {

// As the source had it, and as it is edited: it depends on what either depends on.
std::optional<std::uint64_t> waits_for(const HeldRow& row, const TargetTable* table,
                                       const HeldKeys& keys) {
    const HeldChange held(row, false);
    const auto behind = keys.waits_for(held.change(), table);
    if (row.edits.empty()) return behind;
    const HeldChange edited(row, true);
    return std::max(behind, keys.waits_for(edited.change(), table));
}

Error no_such_row(std::uint64_t id) {
    return Error(ErrorKind::config, fmt::format("there is no row {} in quarantine", id))
        .hint("\"walpack quarantine list\" shows those that there are.");
}

// Of those chosen, and of all that waits for them.
std::set<std::uint64_t> selected(
    const HeldRowChoice& choice, const std::vector<HeldRow>& rows,
    const std::map<TableName, std::shared_ptr<const TargetTable>>& tables, HeldKeys keys) {
    std::set<std::uint64_t> ids;
    for (const HeldRow& row : rows) {
        const TargetTable* table = tables.at(row.table).get();
        const bool is_chosen = choice.is_all || choice.id == row.id || choice.table == row.table;
        if (!is_chosen && !waits_for(row, table, keys)) continue;
        ids.insert(row.id);
        add_held(keys, row, table);
    }
    return ids;
}

}  // namespace

QuarantineActions::QuarantineActions(Connection& target, std::string pipeline)
    : target_(target), pipeline_(std::move(pipeline)), table_(pipeline_) {
    const TargetSession session = set_up_target_session(target_);
    is_replica_role_ = session.is_replica_role;
    target_.execute("SET synchronous_commit = " + session.durable_commit);
    if (QuarantineTable::exists(target_)) return;
    throw Error(ErrorKind::config,
                fmt::format("pipeline \"{}\" has no quarantine on the target", pipeline_))
        .hint(
            "\"walpack init\" makes it, and so does \"walpack run\" with on_error = "
            "\"quarantine\".");
}

// Held until the end of the transaction.
void QuarantineActions::lock() {
    const Result result = target_.execute(
        "UPDATE walpack.progress SET quarantine_version = quarantine_version + 1 "
        "WHERE pipeline = $1 AND worker = 0",
        {pipeline_});
    if (result.affected_rows() == 1) return;
    throw Error(ErrorKind::config,
                fmt::format("pipeline \"{}\" is not set up on the target", pipeline_))
        .hint("Give the configuration of the pipeline whose rows are meant.");
}

HeldRow QuarantineActions::find(std::uint64_t id) const {
    auto view = table_.find(target_, id);
    if (!view) throw no_such_row(id);
    return std::move(view->row);
}

QuarantineActions::Tables QuarantineActions::read_tables(const std::vector<HeldRow>& rows) const {
    std::set<TableName> names;
    for (const HeldRow& row : rows) names.insert(row.table);
    auto found = read_target_tables(target_, {names.begin(), names.end()});
    Tables tables;
    for (const TableName& name : names) {
        const auto table = found.find(name);
        tables[name] = table == found.end()
                           ? nullptr
                           : std::make_shared<const TargetTable>(std::move(table->second));
    }
    return tables;
}

HeldKeys QuarantineActions::no_keys() const {
    HeldKeys keys;
    keys.set_foreign_keys(read_foreign_keys(target_));
    return keys;
}

std::string QuarantineActions::condition_of(const HeldRowChoice& choice) const {
    if (choice.id) return QuarantineTable::of_id(*choice.id);
    return choice.table ? table_.of_table(*choice.table) : "true";
}

RetryReport QuarantineActions::retry(const HeldRowChoice& choice) {
    Transaction transaction(target_);
    lock();
    // Before any table, as the copy does that empties one and gives its rows up.
    target_.execute("SELECT FROM walpack.quarantine WHERE pipeline = $1 FOR UPDATE", {pipeline_});
    if (choice.id) find(*choice.id);
    target_.execute("SAVEPOINT walpack_retry");
    RetryReport report = retry_again_and_again(choice);
    // What the source had deferred must be right by now. Where it is not, each row is asked.
    if (report.applied > 0 && !constraints_hold()) {
        target_.execute("ROLLBACK TO SAVEPOINT walpack_retry; SET CONSTRAINTS ALL IMMEDIATE");
        report = retry_again_and_again(choice);
    }
    transaction.commit();
    return report;
}

// Those of the initial copy are in no order, so a row may refer to one with a higher id.
RetryReport QuarantineActions::retry_again_and_again(const HeldRowChoice& choice) {
    RetryReport report = retry_rows(choice);
    const auto lacks_a_row = [](const RetryReport::Failure& failure) {
        return failure.sqlstate == kForeignKeyViolation;
    };
    bool helps = report.applied > 0;
    while (helps && std::ranges::any_of(report.failed, lacks_a_row)) {
        const std::uint64_t applied = report.applied;
        report = retry_rows(choice);
        helps = report.applied > 0;
        report.applied += applied;
    }
    return report;
}

bool QuarantineActions::constraints_hold() {
    try {
        target_.execute("SET CONSTRAINTS ALL IMMEDIATE");
        return true;
    } catch (const Error& error) {
        if (!is_about_values(error.kind())) throw;
        return false;
    }
}

RetryReport QuarantineActions::retry_rows(const HeldRowChoice& choice) {
    std::vector<HeldRow> rows = table_.read(target_);
    const Tables tables = read_tables(rows);
    const HeldKeys none = no_keys();
    const std::set<std::uint64_t> ids = selected(choice, rows, tables, none);
    HeldKeys remaining = none;
    RetryReport report;
    std::string applied;
    for (HeldRow& row : rows) {
        const auto& table = tables.at(row.table);
        const bool is_chosen = ids.contains(row.id);
        if (is_chosen && retry_row(row, table, remaining, report)) {
            applied += (applied.empty() ? "" : ", ") + std::to_string(row.id);
            continue;
        }
        if (is_chosen) look_again(row, table, remaining);
        add_held(remaining, row, table.get());
    }
    if (applied.empty()) return report;
    const Result removed =
        target_.execute(table_.remove_sql("retried", fmt::format("q.id IN ({})", applied), false));
    // The copy of a table does not wait for the progress row when it begins again.
    if (removed.affected_rows() != report.applied)
        throw Error(ErrorKind::conflict, "rows in quarantine were given up meanwhile")
            .detail("Their table is copied again from its start. Nothing was retried.")
            .hint("Run the command again.");
    return report;
}

bool QuarantineActions::retry_row(HeldRow& row, const std::shared_ptr<const TargetTable>& table,
                                  const HeldKeys& remaining, RetryReport& report) {
    if (const auto behind = waits_for(row, table.get(), remaining)) {
        row.behind = behind;
        ++report.waiting;
        table_.remember_failure(target_, row);
        return false;
    }
    auto failure = apply_held_row(target_, row, table, is_replica_role_);
    if (!failure) {
        ++report.applied;
        return true;
    }
    row.behind = std::nullopt;
    row.kind = std::move(failure->kind);
    row.sqlstate = std::move(failure->sqlstate);
    row.message = std::move(failure->message);
    row.constraint = std::move(failure->constraint);
    row.column = std::move(failure->column);
    table_.remember_failure(target_, row);
    report.failed.push_back({row.id, row.table, row.sqlstate, row.message});
    return false;
}

void QuarantineActions::edit(std::uint64_t id,
                             const std::map<std::string, std::optional<std::string>>& values) {
    Transaction transaction(target_);
    lock();
    HeldRow row = find(id);
    const std::vector<std::string> keys = finding_columns(row);
    HeldTuple edits;
    for (const auto& [name, value] : values) {
        if (walpack::find(row.new_row, name) == nullptr) {
            throw Error(ErrorKind::config,
                        fmt::format("row {} gives column \"{}\" no value", id, name))
                .hint(fmt::format("\"walpack quarantine show {}\" shows its values.", id));
        }
        if (value && value->find('\0') != std::string::npos)
            throw Error(ErrorKind::config,
                        fmt::format("the value for column \"{}\" has a zero byte, which no text of "
                                    "the server can have",
                                    name))
                .hint("Give it in the encoding UTF-8; bytea as \\x and hexadecimal digits.");
        if (std::ranges::find(keys, name) != keys.end()) {
            throw Error(ErrorKind::config,
                        fmt::format("column \"{}\" of row {} is part of its key", name, id))
                .hint(
                    "Later changes would not find the row. Discard it, and write it by hand if "
                    "it is needed under another key.");
        }
        HeldValue held;
        if (value) held = {HeldValue::Form::text, *value};
        edits.push_back({name, std::move(held)});
    }
    for (const HeldColumn& before : row.edits) {
        if (walpack::find(edits, before.name) == nullptr) edits.push_back(before);
    }
    row.edits = std::move(edits);
    table_.remember_edits(target_, row);
    transaction.commit();
}

// The columns by which later changes of the row look for it.
std::vector<std::string> QuarantineActions::finding_columns(const HeldRow& row) const {
    if (row.replica_identity != ReplicaIdentity::full) return row.key_columns;
    const auto table = read_target_table(target_, row.table.schema, row.table.table);
    return table ? table->key_columns : std::vector<std::string>{};
}

std::uint64_t QuarantineActions::discard(const HeldRowChoice& choice) {
    Transaction transaction(target_);
    lock();
    const Result result =
        target_.execute(table_.remove_sql("discarded", condition_of(choice), true));
    const std::uint64_t count = result.affected_rows();
    if (choice.id && count == 0) throw no_such_row(*choice.id);
    wait_again();
    transaction.commit();
    return count;
}

// What waited for rows that are gone may wait for others.
void QuarantineActions::wait_again() {
    std::vector<HeldRow> rows = table_.read(target_);
    const Tables tables = read_tables(rows);
    HeldKeys keys = no_keys();
    for (HeldRow& row : rows) {
        const auto& table = tables.at(row.table);
        const auto behind = waits_for(row, table.get(), keys);
        if (behind != row.behind) table_.set_behind(target_, row.id, behind);
        look_again(row, table, keys);
        add_held(keys, row, table.get());
    }
}

void QuarantineActions::look_again(HeldRow& row, const std::shared_ptr<const TargetTable>& table,
                                   const HeldKeys& earlier) {
    if (table == nullptr) return;
    const HeldChange held(row, false);
    const auto mapping = held.map_what_fits(table);
    // Texts of another encoding could not be compared with those that the consumer reads.
    if (!mapping->problems.empty() || row.encoding != "UTF8") return;
    HeldTuple found;
    if (!earlier.holds_row_of(held.change(), *table)) {
        const auto columns = earlier.missing_columns(held.change(), *table);
        found = find_target_row({held.change(), mapping, row.origin, "", "", "", "", ""}, columns,
                                target_);
    }
    if (found == row.found) return;
    row.found = std::move(found);
    table_.remember_found(target_, row);
}

}  // namespace walpack
