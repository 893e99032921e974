#include "apply/conflict_search.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apply/row_json.h"
#include "base/text.h"

namespace walpack {
namespace {

// No column of the table begins with it.
std::string free_prefix(const TargetTable& table) {
    std::string prefix = "new_";
    const auto is_taken = [&prefix](const TargetColumn& column) {
        return column.name.starts_with(prefix);
    };
    while (std::ranges::any_of(table.columns, is_taken)) prefix += '_';
    return prefix;
}

std::string key_name(const std::string& prefix, std::size_t number) {
    return quote_identifier(fmt::format("{}{}", prefix, number));
}

// Both rows have expressions in the table's own names, so each stands where nothing else has names
// of that table.
std::string new_row_sql(const TargetTable& table, const TableRules& rules,
                        const ConflictIndex& index, const std::string& new_row,
                        const std::string& prefix) {
    std::string generated;
    for (const auto& [name, expression] : rules.generated) {
        const TargetColumn* column = table.find(name);
        if (column == nullptr) continue;
        generated += fmt::format(", ({})::{} AS {}", expression, column->declared_type,
                                 quote_identifier(name));
    }
    const std::string alias = quote_identifier(index.relation_name);
    std::string columns =
        quote_identifier(prefix + "tableoid") + ", " + quote_identifier(prefix + "ctid");
    for (std::size_t i = 0; i < index.keys.size(); ++i)
        columns += fmt::format(", ({}) AS {}", index.keys[i].expression, key_name(prefix, i));
    std::string sql = fmt::format("SELECT {} FROM (SELECT *{} FROM ({}) AS {}) AS {} WHERE true",
                                  columns, generated, new_row, alias, alias);
    if (!index.predicate.empty()) sql += fmt::format(" AND ({})", index.predicate);
    if (!index.partition_condition.empty())
        sql += fmt::format(" AND ({})", index.partition_condition);
    return sql;
}

std::string same_keys(const ConflictIndex& index, const std::string& row,
                      const std::string& prefix) {
    std::string conditions;
    for (std::size_t i = 0; i < index.keys.size(); ++i) {
        const ConflictIndex::Key& key = index.keys[i];
        const std::string other = row + '.' + key_name(prefix, i);
        std::string same =
            fmt::format("({}){} {} {}", key.expression, key.collation, key.comparison, other);
        if (index.has_equal_nulls)
            same = fmt::format("({} OR ({}) IS NULL AND {} IS NULL)", same, key.expression, other);
        conditions += " AND " + same;
    }
    return conditions;
}

bool is_asked(const ConflictIndex& index, const std::string& constraint) {
    return index.is_immediate || index.name == constraint;
}

std::vector<std::string> column_names(const TargetTable& table) {
    std::vector<std::string> names;
    for (const TargetColumn& column : table.columns) names.push_back(column.name);
    return names;
}

void check(const Result& result) {
    if (result.kind() == ResultKind::error) throw_result_error(result, "look for rows in the way");
}

}  // namespace

std::string is_at(const RowPlace& place) {
    return fmt::format("tableoid = {}::pg_catalog.oid AND ctid = {}::pg_catalog.tid",
                       quote_literal(place.tableoid), quote_literal(place.ctid));
}

std::string RowsInTheWay::json() const {
    if (rows.size() == 1) return rows.begin()->second;
    std::vector<std::string_view> texts;
    for (const auto& [place, text] : rows) texts.push_back(text);
    return fmt::format("[{}]", fmt::join(texts, ","));
}

Statement make_search(const RelationMapping& mapping, const StatementShape& shape,
                      const TableRules& rules, const ConflictIndex& index) {
    const TargetTable& table = *mapping.table;
    const std::string prefix = free_prefix(table);
    Statement statement = make_new_row(mapping, shape, prefix, rules.defaults);
    const std::string relation = quote_identifier(index.relation_name);
    const bool is_whole = index.relation_oid == table.oid && table.relkind == 'p';
    const std::string row = quote_identifier(index.relation_name == "new" ? "made" : "new");
    std::string columns = relation + ".tableoid, " + relation + ".ctid";
    for (const TargetColumn& column : table.columns)
        columns += ", " + relation + '.' + quote_identifier(column.name);
    statement.sql = fmt::format(
        "SELECT {0} FROM {1}{2}.{3}, ({4}) AS {5} WHERE ({3}.tableoid IS DISTINCT FROM {5}.{6} OR "
        "{3}.ctid IS DISTINCT FROM {5}.{7}){8}{9} FOR UPDATE OF {3}",
        columns, is_whole ? "" : "ONLY ", quote_identifier(index.relation_schema), relation,
        new_row_sql(table, rules, index, statement.sql, prefix), row,
        quote_identifier(prefix + "tableoid"), quote_identifier(prefix + "ctid"),
        index.predicate.empty() ? "" : fmt::format(" AND ({})", index.predicate),
        same_keys(index, row, prefix));
    return statement;
}

const TableRules& ConflictSearch::rules_of(const TargetTable& table, Connection& session) {
    const auto found = rules_.find(table.oid);
    if (found != rules_.end()) return found->second;
    return rules_[table.oid] = read_table_rules(session, table.oid);
}

RowsInTheWay ConflictSearch::find(Connection& session, const RelationMapping& mapping,
                                  const RowChange& change, const std::string& constraint) {
    constexpr int kFirstColumn = 2;
    const TargetTable& table = *mapping.table;
    const TableRules& rules = rules_of(table, session);
    const StatementShape shape = shape_of(mapping, change);
    if (is_update(change.kind)) (void)lock(session, mapping, change);
    RowsInTheWay found;
    for (const ConflictIndex& index : rules.indexes) {
        if (!is_asked(index, constraint)) continue;
        const Statement search = make_search(mapping, shape, rules, index);
        const Result result = execute_statement(session, search, change, encoder_);
        check(result);
        if (result.rows() > 0) ++found.indexes;
        for (int row = 0; row < result.rows(); ++row) {
            const RowPlace place{std::string(result.value(row, 0)),
                                 std::string(result.value(row, 1))};
            found.rows[place] = result_row_json(result, row, kFirstColumn, column_names(table));
        }
    }
    return found;
}

std::vector<RowPlace> ConflictSearch::lock(Connection& session, const RelationMapping& mapping,
                                           const RowChange& change) const {
    const Statement statement = make_row_lock(mapping, shape_of(mapping, change));
    const Result result = execute_statement(session, statement, change, encoder_);
    check(result);
    std::vector<RowPlace> places;
    for (int row = 0; row < result.rows(); ++row)
        places.push_back({std::string(result.value(row, 0)), std::string(result.value(row, 1))});
    return places;
}

RowsInTheWay ConflictSearch::find_guarded(Connection& session, const RelationMapping& mapping,
                                          const RowChange& change) const {
    const std::vector<std::string> names = column_names(*mapping.table);
    std::string columns;
    for (const std::string& name : names)
        columns += (columns.empty() ? "" : ", ") + quote_identifier(name);
    RowsInTheWay found;
    for (const RowPlace& place : lock(session, mapping, change)) {
        const Result result = session.execute(fmt::format(
            "SELECT {} FROM {} WHERE {} AND NOT {}", columns, mapping.table->sql_name_of_rows(),
            is_at(place), guard_of(mapping, change.kind)));
        if (result.rows() == 1) found.rows[place] = result_row_json(result, 0, 0, names);
    }
    return found;
}

}  // namespace walpack
