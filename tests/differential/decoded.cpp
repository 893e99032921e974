#include "differential/decoded.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace walpack::differential {
namespace {

constexpr std::size_t kFieldShownMax = 120;

bool are_equal(char a, char b) {
    return a == b || (a == '*' && b != 0) || (b == '*' && a != 0);
}

bool are_equal(const DecodedChange& a, const DecodedChange& b) {
    const bool has_any_key = a.key_columns == "*" || b.key_columns == "*";
    return a.text == b.text && a.columns == b.columns && are_equal(a.old_tuple, b.old_tuple) &&
           are_equal(a.replica_identity, b.replica_identity) &&
           (has_any_key || a.key_columns == b.key_columns);
}

std::string head_of(const DecodedTransaction& transaction) {
    return fmt::format("xid {} commit {} end {} time {} origin \"{}\"", transaction.xid,
                       transaction.commit_lsn.to_string(), transaction.end_lsn.to_string(),
                       transaction.commit_time, transaction.origin);
}

bool have_equal_heads(const DecodedTransaction& a, DecodedTransaction b) {
    if (b.origin == "*") b.origin = a.origin;
    return head_of(a) == head_of(b);
}

std::string shown(char label) {
    return label == 0 ? "-" : std::string(1, label);
}

std::string shown(const DecodedChange& change) {
    return fmt::format("{}\n          identity {} ({}), old tuple {}, columns {}", change.text,
                       shown(change.replica_identity), change.key_columns, shown(change.old_tuple),
                       change.columns);
}

// Long texts are compared whole, but nobody reads them.
std::string shortened(const std::string& text) {
    std::string out;
    std::size_t run = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        run = text[at] == ' ' ? 0 : run + 1;
        if (run == kFieldShownMax) out += "...";
        if (run < kFieldShownMax) out += text[at];
    }
    return out;
}

std::string first_different_change(const DecodedTransaction& pgoutput,
                                   const DecodedTransaction& walpack) {
    std::size_t at = 0;
    const std::size_t both = std::min(pgoutput.changes.size(), walpack.changes.size());
    while (at < both && are_equal(pgoutput.changes[at], walpack.changes[at])) ++at;
    if (at == both && pgoutput.changes.size() == walpack.changes.size()) return "";

    std::string report = fmt::format("change {} ({} of pgoutput, {} of walpack)\n", at,
                                     pgoutput.changes.size(), walpack.changes.size());
    for (std::size_t before = at > 3 ? at - 3 : 0; before < at; ++before)
        report += "  both:     " + shortened(pgoutput.changes[before].text) + '\n';
    if (at < pgoutput.changes.size())
        report += "  pgoutput: " + shortened(shown(pgoutput.changes[at])) + '\n';
    if (at < walpack.changes.size())
        report += "  walpack:  " + shortened(shown(walpack.changes[at])) + '\n';
    return report;
}

// What pgoutput of version 14 sends of empty transactions.
Decoded without_empty(const Decoded& decoded) {
    Decoded kept;
    for (const DecodedTransaction& transaction : decoded)
        if (!transaction.changes.empty()) kept.push_back(transaction);
    return kept;
}

std::string only_one_has(const char* who, const DecodedTransaction& transaction) {
    std::string report = fmt::format("only {}: {}\n", who, head_of(transaction));
    for (std::size_t at = 0; at < std::min<std::size_t>(transaction.changes.size(), 5); ++at)
        report += "  " + shortened(shown(transaction.changes[at])) + '\n';
    return report;
}

}  // namespace

std::string row_text(const std::vector<Column>& columns, const std::vector<Field>& fields) {
    std::string text;
    for (std::size_t at = 0; at < fields.size(); ++at) {
        text += at == 0 ? "" : ", ";
        text += (at < columns.size() ? columns[at].name : "?") + '=';
        switch (fields[at].form) {
            case Field::Form::null:
                text += "NULL";
                break;
            case Field::Form::unchanged_toast:
                text += "<unchanged>";
                break;
            case Field::Form::text:
                text += '\'' + fields[at].text + '\'';
        }
    }
    return '(' + text + ')';
}

std::string old_row_text(const std::vector<Column>& columns, const std::vector<Field>& fields) {
    std::vector<Column> kept_columns;
    std::vector<Field> kept_fields;
    for (std::size_t at = 0; at < fields.size(); ++at) {
        if (fields[at].form == Field::Form::null) continue;
        kept_columns.push_back(at < columns.size() ? columns[at] : Column{.name = "?"});
        kept_fields.push_back(fields[at]);
    }
    return row_text(kept_columns, kept_fields);
}

std::string columns_text(const std::vector<Column>& columns) {
    std::vector<std::string> texts;
    for (const Column& column : columns)
        texts.push_back(fmt::format("{} {} {}", column.name, column.type_oid, column.typmod));
    return fmt::format("{}", fmt::join(texts, ", "));
}

std::string key_columns_text(const std::vector<Column>& columns) {
    std::vector<std::string> names;
    for (const Column& column : columns)
        if (column.is_key) names.push_back(column.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

DecodedChange truncate_change(bool cascade, bool restart_identity, std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    DecodedChange change;
    change.text = fmt::format("truncate {}{}{}", fmt::join(names, ", "), cascade ? " cascade" : "",
                              restart_identity ? " restart identity" : "");
    return change;
}

DecodedChange message_change(bool is_transactional, Lsn lsn, std::string_view prefix,
                             std::string_view content) {
    DecodedChange change;
    change.text = fmt::format("{}message {} '{}' '{}'", is_transactional ? "transactional " : "",
                              lsn.to_string(), prefix, content);
    return change;
}

void add_outside_message(Decoded& decoded, DecodedChange message, Lsn lsn) {
    DecodedTransaction& alone = decoded.emplace_back();
    alone.commit_lsn = lsn;
    alone.end_lsn = lsn;
    alone.changes.push_back(std::move(message));
}

std::size_t count_changes(const Decoded& decoded) {
    std::size_t count = 0;
    for (const DecodedTransaction& transaction : decoded) count += transaction.changes.size();
    return count;
}

std::string difference(const Decoded& pgoutput, const Decoded& walpack) {
    const Decoded left = without_empty(pgoutput);
    const Decoded right = without_empty(walpack);
    for (std::size_t at = 0; at < std::max(left.size(), right.size()); ++at) {
        if (at >= left.size()) return only_one_has("walpack", right[at]);
        if (at >= right.size()) return only_one_has("pgoutput", left[at]);
        if (left[at].xid != right[at].xid) {
            const bool is_missing = left[at].commit_lsn < right[at].commit_lsn;
            return is_missing ? only_one_has("pgoutput", left[at])
                              : only_one_has("walpack", right[at]);
        }
        if (!have_equal_heads(left[at], right[at])) {
            return fmt::format("transaction {}\n  pgoutput: {}\n  walpack:  {}\n{}", at,
                               head_of(left[at]), head_of(right[at]),
                               only_one_has("walpack", right[at]));
        }
        const std::string report = first_different_change(left[at], right[at]);
        if (!report.empty()) return head_of(left[at]) + '\n' + report;
    }
    return "";
}

std::vector<std::string> texts(const Decoded& decoded) {
    std::vector<std::string> all;
    for (const DecodedTransaction& transaction : decoded)
        for (const DecodedChange& change : transaction.changes) all.push_back(change.text);
    return all;
}

}  // namespace walpack::differential
