#include "quarantine/quarantine.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "quarantine/foreign_keys.h"
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

}  // namespace

std::string why_held(const HeldRow& row) {
    std::string text = row.kind;
    if (!row.sqlstate.empty()) text += fmt::format(", SQLSTATE {}", row.sqlstate);
    if (!row.constraint.empty()) text += fmt::format(", constraint \"{}\"", row.constraint);
    if (!row.column.empty()) text += fmt::format(", column \"{}\"", row.column);
    return text;
}

Error quarantine_is_full(const TableName& table, const QuarantineFill& fill) {
    return Error(ErrorKind::limit,
                 fmt::format("a row of \"{}.{}\" would be put into quarantine, which holds {} "
                             "rows, {} of them of this table",
                             table.schema, table.table, fill.rows, fill.of_table))
        .detail(fmt::format("quarantine_max_rows is {}. Nothing of the row's transaction was "
                            "applied.",
                            fill.rows_max))
        .hint(
            "\"walpack quarantine list\" shows what is wrong. Correct it and retry or discard the "
            "rows, or raise quarantine_max_rows; then start again.");
}

Quarantine::Quarantine(Connection& control, Progress& progress, QuarantineOptions options)
    : control_(control),
      progress_(progress),
      options_(std::move(options)),
      table_(options_.pipeline) {
    progress_.watch_quarantine(std::nullopt);
    share_.raise_next_id(table_.next_id(control_));
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
    read_keys(control_);
    is_loaded_ = true;
    if (keys_.empty() || is_trial_) return;
    log::info("{} rows are in quarantine; what depends on them waits", keys_.rows());
}

void Quarantine::read_keys(Connection& session) {
    keys_ = HeldKeys();
    keys_.set_foreign_keys(read_foreign_keys(session));
    const std::vector<HeldRow> rows = table_.read_without_messages(session);
    std::set<TableName> names;
    for (const HeldRow& row : rows) names.insert(row.table);
    const auto tables = read_target_tables(session, {names.begin(), names.end()});
    for (const HeldRow& row : rows) {
        const auto table = tables.find(row.table);
        add_held(keys_, row, table == tables.end() ? nullptr : &table->second);
    }
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
    throw quarantine_is_full(table, {keys_.rows(), keys_.rows_of(table), options_.rows_max})
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
    held.id = share_.next_id++;
    held.found = find_row(row, table.get(), session);
    if (!is_failed) held.behind = keys_.waits_for(row.change, table.get());
    keys_.add(held.id, row.change, table.get(), &held.found);
    table_.add(session, held);
    if (is_failed && !is_trial_)
        log::warning("{} of \"{}\" at {} is put into quarantine as row {}: {}",
                     walpack::name_of(held.change), row.change.relation->qualified_name(),
                     held.origin.commit_lsn.to_string(), held.id, why_held(held));
    return true;
}

// Of a row of which an earlier change is held, the target's row tells nothing.
HeldTuple Quarantine::find_row(const RefusedRow& row, const TargetTable* table,
                               Connection& session) const {
    if (table == nullptr || keys_.holds_row_of(row.change, *table)) return {};
    return find_target_row(row, keys_.missing_columns(row.change, *table), session);
}

bool Quarantine::takes_failed(const Relation& relation) const {
    return options_.takes_failed(name_of(relation));
}

bool Quarantine::holds_rows_of(const Truncate& truncate) {
    load();
    return std::ranges::any_of(truncate.relations, [this](const auto& relation) {
        return keys_.rows_of(name_of(*relation)) > 0;
    });
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

// The server knows how the texts of keys compare.
bool Quarantine::is_deleted(const DeletedRows& deleted, const HeldTuple& tuple,
                            Connection& session) const {
    if (deleted.condition.empty()) return true;
    std::vector<std::optional<std::string>> values;
    for (const std::string& column : deleted.key_columns) {
        const HeldValue* key = find(tuple, column);
        if (key == nullptr || key->form != HeldValue::Form::text) return false;
        values.emplace_back(deleted.is_of_bytes ? "\\x" + to_hex(key->bytes) : key->bytes);
    }
    return bool_at(session.execute("SELECT " + deleted.condition, values), 0, 0);
}

// Those of which only the old key or only the new one is deleted do not know where their row is
// any more.
void Quarantine::give_up_deleted(const DeletedRows& deleted, Connection& session) {
    const auto lacks = [&deleted](const HeldTuple& tuple) {
        return std::ranges::any_of(deleted.key_columns, [&tuple](const std::string& column) {
            return find(tuple, column) == nullptr;
        });
    };
    std::string ids;
    bool has_moved = false;
    for (const HeldRow& row : table_.read_without_messages(session)) {
        if (row.table != deleted.table) continue;
        const bool is_new = is_deleted(deleted, row.new_row, session);
        const bool is_old = is_deleted(deleted, row.old_row, session);
        const bool is_both = (is_new || lacks(row.new_row)) && (is_old || lacks(row.old_row));
        has_moved = has_moved || (!is_both && (is_new || is_old));
        if (is_both) ids += (ids.empty() ? "" : ", ") + std::to_string(row.id);
    }
    if (has_moved) session.execute(deleted.when_moved);
    if (ids.empty()) return;
    const std::string condition = fmt::format("q.id IN ({})", ids);
    const Result result = session.execute(table_.remove_sql("recopied", condition, true));
    read_keys(session);
    if (is_trial_) return;
    log::warning("{} rows of \"{}.{}\" are taken out of quarantine: they are copied again",
                 result.affected_rows(), deleted.table.schema, deleted.table.table);
}

void Quarantine::hold(Connection& session) {
    if (is_trial_) is_loaded_ = false;
    load();
    if (version(session, " FOR UPDATE") == version_) return;
    throw Error(ErrorKind::connection, "the quarantine was changed while it was used");
}

void Quarantine::look(const std::function<void()>& settle) {
    const bool has_news = share_.has_news.exchange(false);
    if (!has_news && (!is_in_use() || version(control_) == version_)) return;
    settle();
    is_loaded_ = false;
    load();
}

}  // namespace walpack
