#include "service/copy_quarantine.h"

#include <utility>

#include "apply/conflict_policy.h"
#include "base/log.h"
#include "base/sqlstate.h"

namespace walpack {
namespace {

HeldRow held_row_of(const RefusedCopyRow& row, const std::string& encoding) {
    const Relation& relation = *row.load.published->relation;
    HeldRow held;
    held.origin.commit_lsn = row.settled_lsn;
    held.table = row.load.published->name();
    held.change = ChangeKind::insert;
    held.replica_identity = relation.replica_identity;
    for (const std::size_t attribute : relation.key_attributes)
        held.key_columns.push_back(relation.attributes[attribute].name);
    auto value = row.values.begin();
    for (const ColumnMapping& column : row.load.mapping->columns) {
        if (!column.is_written()) continue;
        HeldValue kept;
        if (*value) kept = {HeldValue::Form::text, **value};
        held.new_row.push_back({relation.attributes[column.attribute].name, std::move(kept)});
        ++value;
    }
    held.encoding = encoding;
    const bool is_in_the_way =
        row.sqlstate == kUniqueViolation || row.sqlstate == kExclusionViolation;
    held.kind = name_of(is_in_the_way ? ConflictKind::insert_exists : ConflictKind::value);
    held.sqlstate = row.sqlstate;
    held.message = row.message;
    held.constraint = row.constraint;
    held.column = row.column;
    return held;
}

}  // namespace

CopyQuarantine::CopyQuarantine(const QuarantineOptions& options, QuarantineShare& share)
    : options_(options), share_(share), table_(options.pipeline) {}

bool CopyQuarantine::takes(const TableName& table) const {
    return options_.takes_failed(table);
}

// What other workers have in hand is not to be seen before they commit, and may be seen before they
// say so: each row counts once.
void CopyQuarantine::require_room(const RefusedCopyRow& row, Connection& target) const {
    const std::uint64_t rows = table_.rows_beside(target, in_hand_) + in_hand_.size();
    if (rows < options_.rows_max) return;
    // Without an LSN: nothing could be applied one by one up to there.
    const TableName name = row.load.published->name();
    throw quarantine_is_full(name, {rows, table_.rows_of(target, name), options_.rows_max});
}

std::uint64_t CopyQuarantine::take(const RefusedCopyRow& row, Connection& target) {
    HeldRow held = held_row_of(row, target.parameter_status("client_encoding"));
    {
        const std::lock_guard lock(mutex_);
        require_room(row, target);
        held.id = share_.next_id++;
        table_.add(target, held);
        in_hand_.insert(held.id);
    }
    log::warning("a row of \"{}\" that was copied is put into quarantine as row {}: {}",
                 row.load.published->relation->qualified_name(), held.id, why_held(held));
    return held.id;
}

void CopyQuarantine::note_over(const std::vector<std::uint64_t>& ids) {
    const std::lock_guard lock(mutex_);
    for (const std::uint64_t id : ids) in_hand_.erase(id);
}

void CopyQuarantine::give_up(const TableName& table, Connection& target) {
    target.execute(table_.remove_sql("recopied", table_.of_table(table), true));
}

}  // namespace walpack
