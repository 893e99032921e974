// How the applier goes on when the target refused a row of a group: what is not committed is rolled
// back, and applied once more row by row, from what was kept of it.
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "apply/applier_state.h"
#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "pg/error_kind.h"

namespace walpack {

void Applier::State::keep(KeptRecord record) {
    if (group->kept != nullptr) group->kept->add(std::move(record));
}

bool Applier::State::can_recover(const SentStatement& sent, const Error& error) const {
    const bool is_about_rows = sent.row != nullptr || sent.batch != nullptr;
    if (!keeps_changes() || !is_about_values(error.kind()) || !is_about_rows) return false;
    return order.can_recover() && (!group || group->kept != nullptr);
}

void Applier::State::recover(const RefusedGroup& refused) {
    log::debug("{}; applying row by row", refused.error.message());
    std::deque<Group> lost = order.recover(connect);
    bool is_explained = false;
    for (Group& each : lost) {
        replay_group(each);
        is_explained =
            is_explained || (refused.batch && replay().has_met(*refused.batch->relation));
    }
    if (group) demand_replay();
    // Without a conflict it was the order of the rows in the batch, which the next one may have
    // too.
    if (refused.batch && !is_explained && !lost.empty()) {
        const TargetTable& table = *refused.batch->table;
        unbatched.add(table);
        relations.forget({table.schema, table.name});
    }
}

// What of the group was sent is rolled back, or was never begun.
void Applier::State::demand_replay() {
    if (group->is_replay) return;
    if (group->kept == nullptr) {
        throw Error(ErrorKind::conflict, "a large transaction has a row that is not to be applied")
            .at_lsn(last_commit_lsn.to_string());
    }
    group->is_replay = true;
    group->session.reset();
    changes.discard();
}

Replay& Applier::State::replay() {
    if (replay_session != nullptr) return *replay_session;
    replay_session =
        std::make_unique<Replay>(connect, control, progress, relations,
                                 Replay::Options{options.conflicts, options.truncate_referenced,
                                                 options.pipeline, options.late_refusals});
    replay_session->set_on_refused_row(take_refused_row, must_wait);
    replay_session->set_taken_rows(taken_rows);
    if (!encoding.empty()) replay_session->set_client_encoding(encoding);
    return *replay_session;
}

void Applier::State::replay_part() {
    settle();
    if (!group->is_replay_open) replay().begin();
    group->is_replay_open = true;
    replay().run(*group->kept);
    unsent_rows += group->kept->rows();
    group->kept->clear();
}

void Applier::State::replay_group(Group& replayed) {
    replayed.from = order.position();
    if (!replayed.is_replay_open) replay().begin();
    if (replayed.kept != nullptr) replay().run(*replayed.kept);
    replay().finish(replayed);
    order.note_committed(replayed);
}

void Applier::State::close_replay(bool is_durable) {
    settle();
    group->is_durable = is_durable || is_durable_due();
    if (group->is_durable) last_durable = Clock::now();
    unsent_rows += group->kept->rows();
    Group replayed = std::move(*group);
    group.reset();
    replay_group(replayed);
}

void Applier::State::settle() {
    guarded([this] { order.settle(); });
}

void Applier::State::pump() {
    guarded([this] { order.pump(); });
}

void Applier::State::check_newest_column(const RelationMapping& mapping) const {
    const TableName name{mapping.table->schema, mapping.table->name};
    if (!options.conflicts.is_newest(name)) return;
    const std::string column = options.conflicts.newest_column(name);
    if (column.empty()) return;
    const std::string table = mapping.relation->qualified_name();
    for (const ColumnMapping& each : mapping.columns) {
        if (each.column->name != column) continue;
        const ValueKind kind = each.column->kind;
        if (kind == ValueKind::timestamp || kind == ValueKind::timestamptz ||
            kind == ValueKind::date)
            return;
        throw Error(ErrorKind::config,
                    fmt::format("column \"{}\" of \"{}\" is no time", column, table))
            .detail("It is the newest_column of the table's policy for conflicts.")
            .hint("Name a column of type timestamp, timestamptz or date.");
    }
    throw Error(ErrorKind::config, fmt::format("\"{}\" has no column \"{}\"", table, column))
        .detail("It is the newest_column of the table's policy for conflicts.")
        .hint(
            "Set newest_column, or another policy than newest, in [table.\"schema.name\"] of the "
            "configuration file.");
}

}  // namespace walpack
