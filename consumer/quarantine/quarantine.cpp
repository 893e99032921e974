#include "quarantine/quarantine.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "quarantine/found_row.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

TableName name_of(const Relation& relation) {
    return {relation.schema, relation.name};
}

bool only_waits(const RefusedRow& row) {
    return row.sqlstate.empty() && row.kind.empty() && row.message.empty();
}

std::string why(const HeldRow& row) {
    std::string text = row.kind;
    if (!row.sqlstate.empty()) text += fmt::format(", SQLSTATE {}", row.sqlstate);
    if (!row.constraint.empty()) text += fmt::format(", constraint \"{}\"", row.constraint);
    if (!row.column.empty()) text += fmt::format(", column \"{}\"", row.column);
    return text;
}

}  // namespace

Quarantine::Quarantine(Connection& control, Progress& progress, QuarantineOptions options)
    : control_(control),
      progress_(progress),
      options_(std::move(options)),
      table_(options_.pipeline) {
    progress_.watch_quarantine(std::nullopt);
}

std::optional<std::uint64_t> Quarantine::version(Connection& session, const char* lock) const {
    const Result result =
        session.execute(fmt::format("SELECT quarantine_version FROM walpack.progress "
                                    "WHERE pipeline = $1 AND worker = 0{}",
                                    lock),
                        {options_.pipeline});
    if (result.rows() == 0) return std::nullopt;
    return count_at(result, 0, 0);
}

// The version first: whoever changes something between the two makes it an old one.
void Quarantine::load() {
    if (is_loaded_) return;
    encoding_ = control_.parameter_status("client_encoding");
    version_ = version(control_);
    progress_.watch_quarantine(version_);
    keys_ = HeldKeys();
    keys_.set_foreign_keys(read_foreign_keys(control_));
    const std::vector<HeldRow> rows = table_.read(control_);
    std::set<TableName> names;
    for (const HeldRow& row : rows) names.insert(row.table);
    const auto tables = read_target_tables(control_, {names.begin(), names.end()});
    for (const HeldRow& row : rows) {
        const auto table = tables.find(row.table);
        add_held(keys_, row, table == tables.end() ? nullptr : &table->second);
    }
    next_id_ = table_.next_id(control_);
    is_loaded_ = true;
    if (rows.empty() || is_trial_) return;
    log::info("{} rows are in quarantine; what depends on them waits", rows.size());
}

// Rare: such a change fails or waits, and is one of few.
std::shared_ptr<const TargetTable> Quarantine::table_of(
    const RowChange& change, const std::shared_ptr<const TargetTable>& mapped) {
    if (mapped != nullptr) return mapped;
    auto table = read_target_table(control_, change.relation->schema, change.relation->name);
    return table ? std::make_shared<const TargetTable>(std::move(*table)) : nullptr;
}

bool Quarantine::must_wait(const RowChange& change, const RelationMapping& mapping) {
    load();
    if (keys_.empty()) return false;
    return keys_.waits_for(change, table_of(change, mapping.table).get()).has_value();
}

void Quarantine::require_room(const RefusedRow& row) const {
    if (keys_.rows() < options_.rows_max || is_trial_) return;
    const TableName table = name_of(*row.change.relation);
    throw Error(
        ErrorKind::limit,
        fmt::format("a row of \"{}\" would be put into quarantine, which holds {} rows, {} "
                    "of them of this table",
                    row.change.relation->qualified_name(), keys_.rows(), keys_.rows_of(table)))
        .detail(fmt::format("quarantine_max_rows is {}. Nothing of the row's transaction was "
                            "applied.",
                            options_.rows_max))
        .hint(
            "\"walpack quarantine list\" shows what is wrong. Correct it and retry or discard the "
            "rows, or raise quarantine_max_rows; then start again.")
        .at_lsn(row.origin.commit_lsn.to_string());
}

bool Quarantine::take(const RefusedRow& row, Connection& session) {
    load();
    const bool is_failed = !only_waits(row);
    if (is_failed && !takes_failed(*row.change.relation)) return false;
    require_room(row);
    if (keys_.empty()) keys_.set_foreign_keys(read_foreign_keys(session));
    const auto table = table_of(row.change, row.mapping == nullptr ? nullptr : row.mapping->table);
    HeldRow held = held_row(row, encoding_);
    held.id = next_id_++;
    held.found = find_row(row, table.get(), session);
    if (!is_failed) held.behind = keys_.waits_for(row.change, table.get());
    keys_.add(held.id, row.change, table.get(), &held.found);
    session.execute(table_.insert_sql(held));
    if (is_failed && !is_trial_)
        log::warning("{} of \"{}\" at {} is put into quarantine as row {}: {}",
                     walpack::name_of(held.change), row.change.relation->qualified_name(),
                     held.origin.commit_lsn.to_string(), held.id, why(held));
    return true;
}

// Of a row of which an earlier change is held, the target's row tells nothing.
HeldTuple Quarantine::find_row(const RefusedRow& row, const TargetTable* table,
                               Connection& session) const {
    if (table == nullptr || keys_.holds_row_of(row.change, *table)) return {};
    return find_target_row(row, keys_.missing_columns(row.change, *table), session);
}

bool Quarantine::holds_rows_of(const Truncate& truncate) {
    load();
    return std::ranges::any_of(truncate.relations, [this](const auto& relation) {
        return keys_.rows_of(name_of(*relation)) > 0;
    });
}

bool Quarantine::takes_failed(const Relation& relation) const {
    return options_.takes_failed(name_of(relation));
}

void Quarantine::give_up_rows_of(const Truncate& truncate, Connection& session) {
    load();
    for (const auto& relation : truncate.relations) {
        const TableName name = name_of(*relation);
        const std::uint64_t rows = keys_.rows_of(name);
        if (rows == 0) continue;
        keys_.forget(name);
        session.execute(table_.remove_sql("truncated", table_.of_table(name), true));
        if (is_trial_) continue;
        log::warning("{} rows of \"{}\" are taken out of quarantine: the table is truncated", rows,
                     relation->qualified_name());
    }
}

void Quarantine::hold(Connection& session) {
    if (is_trial_) is_loaded_ = false;
    load();
    if (version(session, " FOR UPDATE") == version_) return;
    throw Error(ErrorKind::connection, "the quarantine was changed while it was used");
}

void Quarantine::look(const std::function<void()>& settle) {
    if (!is_in_use() || version(control_) == version_) return;
    settle();
    is_loaded_ = false;
    load();
}

}  // namespace walpack
