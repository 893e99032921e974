#include "support/compare.h"

#include <algorithm>
#include <map>
#include <set>

namespace walpack::e2e {
namespace {

constexpr int kDifferencesMax = 10;

// Values print alike on both sides whatever a role or database sets.
constexpr const char* kPrintAlike =
    "SET search_path = pg_catalog; SET extra_float_digits = 1; SET TimeZone = 'UTC'; "
    "SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; "
    "SET session_replication_role = 'origin'";

std::vector<std::string> column_names(Session& session, const TableName& table) {
    std::vector<std::string> names;
    for (const Row& row :
         session.rows("SELECT attname FROM pg_attribute WHERE attrelid = " + literal(table.sql()) +
                      "::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum")) {
        names.push_back(*row[0]);
    }
    return names;
}

// The columns of both sides in the source's order, so that both print the same row.
std::string shared_columns(Session& source, Session& target, const TableName& table) {
    const std::vector<std::string> other = column_names(target, table);
    std::string list;
    for (const std::string& name : column_names(source, table)) {
        if (std::find(other.begin(), other.end(), name) == other.end()) continue;
        list += (list.empty() ? "" : ", ") + identifier(name);
    }
    return list;
}

// Over bytes in UTF8, so that databases in different encodings compare.
std::string row_text(const std::string& columns) {
    return "convert_to(ROW(" + columns + ")::text, 'UTF8')";
}

std::string checksum(Session& session, const TableName& table, const std::string& columns) {
    const Row row =
        session.rows("SELECT count(*), sum(hashtextextended(encode(" + row_text(columns) +
                     ", 'escape'), 0)) FROM ONLY " + table.sql())[0];
    return *row[0] + " rows, sum " + row[1].value_or("none");
}

// Rows by text, each with how often it stands in the table; cut, as values can be huge.
std::map<std::string, int> counted_rows(Session& session, const TableName& table,
                                        const std::string& columns) {
    std::map<std::string, int> counted;
    for (const Row& row :
         session.rows("SELECT left(ROW(" + columns + ")::text, 400) || ' md5 ' || md5(" +
                      row_text(columns) + ") FROM ONLY " + table.sql())) {
        ++counted[*row[0]];
    }
    return counted;
}

std::string only_in(const std::map<std::string, int>& one, const std::map<std::string, int>& other,
                    const std::string& side) {
    std::string report;
    int shown = 0;
    for (const auto& [text, count] : one) {
        const auto found = other.find(text);
        const int extra = count - (found == other.end() ? 0 : found->second);
        if (extra <= 0) continue;
        if (++shown <= kDifferencesMax) {
            report +=
                "    only on the " + side + " (" + std::to_string(extra) + "): " + text + "\n";
        }
    }
    if (shown > kDifferencesMax) report += "    ... " + std::to_string(shown) + " in all\n";
    return report;
}

std::string table_difference(Session& source, Session& target, const TableName& table) {
    if (target.value("SELECT to_regclass(" + literal(table.sql()) + ")").empty()) {
        return "table " + table.sql() + " is missing on the target\n";
    }
    const std::string columns = shared_columns(source, target, table);
    const std::string here = checksum(source, table, columns);
    const std::string there = checksum(target, table, columns);
    if (here == there) return "";
    const auto source_rows = counted_rows(source, table, columns);
    const auto target_rows = counted_rows(target, table, columns);
    return "table " + table.sql() + " differs: source " + here + "; target " + there + "\n" +
           only_in(source_rows, target_rows, "source") +
           only_in(target_rows, source_rows, "target");
}

}  // namespace

std::vector<TableName> user_tables(Session& session) {
    std::vector<TableName> tables;
    for (const Row& row : session.rows(
             "SELECT nspname, relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
             "ON n.oid = relnamespace WHERE relkind = 'r' AND relpersistence = 'p' "
             "AND nspname !~ '^(pg_|information_schema$|walpack$)' ORDER BY 1, 2")) {
        tables.push_back({*row[0], *row[1]});
    }
    return tables;
}

std::string difference(Session& source, Session& target) {
    return difference(source, target, user_tables(source));
}

std::string difference(Session& source, Session& target, const std::vector<TableName>& tables) {
    source.execute(kPrintAlike);
    target.execute(kPrintAlike);
    std::string report;
    for (const TableName& table : tables) {
        report += table_difference(source, target, table);
    }
    source.execute("RESET ALL");
    target.execute("RESET ALL");
    return report;
}

}  // namespace walpack::e2e
