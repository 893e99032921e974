#include "cli/quarantine_report.h"

#include <fmt/format.h>

#include "base/text.h"

namespace walpack {
namespace {

std::string table_of(const TableName& table) {
    return table.schema + '.' + table.table;
}

std::string why(const HeldRowFacts& row) {
    if (row.behind) return fmt::format("waits for row {}", *row.behind);
    std::string text = row.kind.empty() ? "not tried yet" : row.kind;
    if (!row.sqlstate.empty()) text += " " + row.sqlstate;
    if (!row.constraint.empty()) text += ", constraint " + row.constraint;
    if (!row.column.empty()) text += ", column " + row.column;
    return row.is_edited ? text + ", edited" : text;
}

std::string value_text(const HeldValue& value) {
    switch (value.form) {
        case HeldValue::Form::null:
            return "NULL";
        case HeldValue::Form::unchanged:
            return "(unchanged, not sent)";
        case HeldValue::Form::binary:
            return "binary " + to_hex(value.bytes);
        case HeldValue::Form::text:
            return value.bytes;
    }
    return "";
}

std::string tuple_lines(std::string_view title, const HeldTuple& tuple) {
    if (tuple.empty()) return "";
    std::string text = fmt::format("{}:\n", title);
    for (const HeldColumn& column : tuple)
        text += fmt::format("  {} = {}\n", column.name, value_text(column.value));
    return text;
}

std::string line(std::string_view name, const std::string& value) {
    return value.empty() ? "" : fmt::format("{:<12}{}\n", name, value);
}

// Of a copied row nobody knows which transaction it is of, and a change that waited for it to be
// copied comes without its number.
std::string commit_text(const HeldRowView& view) {
    const std::string lsn = view.row.origin.commit_lsn.to_string();
    if (view.number == "0") return fmt::format("{}, while the table was copied", lsn);
    return fmt::format("{}, xid {}, change {}{}{}", lsn, view.xid, view.number,
                       view.commit_time.empty() ? "" : ", ", view.commit_time);
}

void write_text(JsonWriter& json, std::string_view key, const std::string& value) {
    json.key(key);
    value.empty() ? json.null() : json.text(value);
}

void write_behind(JsonWriter& json, const std::optional<std::uint64_t>& behind) {
    json.key("behind");
    behind ? json.unsigned_integer(*behind) : json.null();
}

void write_tuple(JsonWriter& json, std::string_view key, const HeldTuple& tuple) {
    json.key(key);
    if (tuple.empty()) return json.null();
    json.begin_object();
    for (const HeldColumn& column : tuple) {
        json.key(column.name);
        switch (column.value.form) {
            case HeldValue::Form::null:
                json.null();
                break;
            case HeldValue::Form::text:
                json.text(column.value.bytes);
                break;
            default:
                json.begin_object();
                json.key(column.value.form == HeldValue::Form::binary ? "binary" : "unchanged");
                if (column.value.form == HeldValue::Form::binary)
                    json.text(to_hex(column.value.bytes));
                else
                    json.boolean(true);
                json.end_object();
        }
    }
    json.end_object();
}

void write_facts(JsonWriter& json, const HeldRowFacts& row) {
    json.begin_object();
    json.key("id");
    json.unsigned_integer(row.id);
    write_text(json, "schema", row.table.schema);
    write_text(json, "table", row.table.table);
    write_text(json, "change", row.change);
    write_text(json, "commit_lsn", row.commit_lsn);
    write_behind(json, row.behind);
    write_text(json, "kind", row.kind);
    write_text(json, "sqlstate", row.sqlstate);
    write_text(json, "constraint", row.constraint);
    write_text(json, "column", row.column);
    write_text(json, "quarantined_at", row.quarantined_at);
    json.key("edited");
    json.boolean(row.is_edited);
    json.end_object();
}

}  // namespace

std::string held_rows_screen(const std::vector<HeldRowFacts>& rows) {
    if (rows.empty()) return "no rows are in quarantine\n";
    std::size_t width = 5;
    for (const HeldRowFacts& row : rows) width = std::max(width, table_of(row.table).size());
    std::string text = fmt::format("{:>6}  {:<{}}  {:<11}  {:<14}  {:<19}  {}\n", "id", "table",
                                   width, "change", "commit LSN", "since", "why");
    for (const HeldRowFacts& row : rows) {
        text += fmt::format("{:>6}  {:<{}}  {:<11}  {:<14}  {:<19}  {}\n", row.id,
                            table_of(row.table), width, row.change, row.commit_lsn,
                            row.quarantined_at.substr(0, 19), why(row));
    }
    return text;
}

std::string held_rows_json(const std::vector<HeldRowFacts>& rows) {
    std::string text;
    JsonWriter json(text);
    json.begin_array();
    for (const HeldRowFacts& row : rows) write_facts(json, row);
    json.end_array();
    return text + '\n';
}

std::string held_row_screen(const HeldRowView& view) {
    const HeldRow& row = view.row;
    std::string key;
    for (const std::string& column : row.key_columns) key += (key.empty() ? "" : ", ") + column;
    std::string text = line("row", std::to_string(row.id));
    text += line("table", table_of(row.table));
    text += line("change", std::string(name_of(row.change)));
    text += line("key", key);
    text += line("commit", commit_text(view));
    text += line("since", view.quarantined_at);
    text += line("retried", view.retried_at);
    if (row.behind) text += line("waits for", fmt::format("row {}", *row.behind));
    text += line("kind", row.kind);
    text += line("SQLSTATE", row.sqlstate);
    text += line("message", row.message);
    text += line("constraint", row.constraint);
    text += line("column", row.column);
    text += tuple_lines("new row", row.new_row);
    text += tuple_lines("old row", row.old_row);
    return text + tuple_lines("edits", row.edits);
}

std::string held_row_json(const HeldRowView& view) {
    const HeldRow& row = view.row;
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.key("id");
    json.unsigned_integer(row.id);
    write_text(json, "schema", row.table.schema);
    write_text(json, "table", row.table.table);
    write_text(json, "change", std::string(name_of(row.change)));
    json.key("key_columns");
    json.begin_array();
    for (const std::string& column : row.key_columns) json.text(column);
    json.end_array();
    write_text(json, "commit_lsn", row.origin.commit_lsn.to_string());
    write_text(json, "xid", view.xid);
    write_text(json, "number", view.number);
    write_text(json, "commit_time", view.commit_time);
    write_behind(json, row.behind);
    write_text(json, "kind", row.kind);
    write_text(json, "sqlstate", row.sqlstate);
    write_text(json, "message", row.message);
    write_text(json, "constraint", row.constraint);
    write_text(json, "column", row.column);
    write_text(json, "quarantined_at", view.quarantined_at);
    write_text(json, "retried_at", view.retried_at);
    write_tuple(json, "new_row", row.new_row);
    write_tuple(json, "old_row", row.old_row);
    write_tuple(json, "edits", row.edits);
    json.end_object();
    return text + '\n';
}

std::string retry_report_screen(const RetryReport& report) {
    std::string text = fmt::format("applied {} rows", report.applied);
    if (!report.failed.empty()) text += fmt::format(", {} failed again", report.failed.size());
    if (report.waiting > 0) text += fmt::format(", {} wait for them or others", report.waiting);
    text += '\n';
    for (const RetryReport::Failure& failure : report.failed) {
        text += fmt::format("row {} of {}: {}{}{}\n", failure.id, table_of(failure.table),
                            failure.sqlstate, failure.sqlstate.empty() ? "" : " ", failure.message);
    }
    return text;
}

std::string quarantine_text(const QuarantineFigures& figures) {
    if (figures.rows == 0) return "";
    return fmt::format(
        "{} rows, of which {} wait for others; the oldest since {:.0f} s: walpack quarantine list",
        figures.rows, figures.rows - figures.failed, figures.oldest_seconds.value_or(0));
}

void write_quarantine(JsonWriter& json, const QuarantineFigures& figures) {
    json.begin_object();
    json.key("rows");
    json.unsigned_integer(figures.rows);
    json.key("waiting_rows");
    json.unsigned_integer(figures.rows - figures.failed);
    json.key("oldest_seconds");
    figures.oldest_seconds ? json.number(fmt::format("{:.3f}", *figures.oldest_seconds))
                           : json.null();
    json.end_object();
}

}  // namespace walpack
