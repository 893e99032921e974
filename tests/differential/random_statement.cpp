#include "differential/random_statement.h"

#include <fmt/format.h>

namespace walpack::differential {
namespace {

using e2e::identifier;
using e2e::Random;

std::string some_rows(Random& random) {
    switch (random.between(0, 3)) {
        case 0:
            return fmt::format(" WHERE id % 7 = {}", random.between(0, 6));
        case 1:
            return fmt::format(" WHERE id BETWEEN {0} AND {0} + 6", random.between(1, 60));
        default:
            return fmt::format(" WHERE id = {}", random.between(1, 60));
    }
}

std::string insert_into(const Table& table, Random& random) {
    const bool is_many = random.chance(0.06);
    std::string names;
    std::string values;
    for (const TableColumn& column : table.columns) {
        if (column.is_generated) continue;
        names += (names.empty() ? "" : ", ") + identifier(column.name);
        std::string value = random_value_of(column.name, random);
        if (is_many && column.name == "id")
            value = fmt::format("g + {}", random.between(1, 90) * 1000);
        if (is_many && value == "DEFAULT") value = "NULL";
        values += (values.empty() ? "" : ", ") + value;
    }
    std::string sql = "INSERT INTO " + table.sql() + " (" + names + ") ";
    if (is_many) {
        sql +=
            fmt::format("SELECT {} FROM generate_series(1, {}) g", values, random.between(50, 400));
    } else {
        sql += "VALUES (" + values + ")";
    }
    return sql + (random.chance(0.9) ? " ON CONFLICT DO NOTHING" : "");
}

std::string update(const Table& table, Random& random) {
    std::string set;
    for (auto count = random.between(1, 3); count > 0; --count) {
        const TableColumn& column = random.pick(table.columns);
        const std::string name = identifier(column.name) + " = ";
        if (column.is_generated || set.find(name) != std::string::npos) continue;
        if (column.name == "id" && random.chance(0.5)) continue;
        set += (set.empty() ? "" : ", ") + name + random_value_of(column.name, random);
    }
    if (set.empty()) set = table.has("n") ? "n = coalesce(n, 0) + 1" : "id = id";
    return "UPDATE " + table.sql() + " SET " + set + some_rows(random);
}

std::string truncate(const std::vector<Table>& tables, Random& random) {
    std::string list = random.pick(tables).sql();
    for (auto more = random.between(0, 3); more > 0; --more)
        list += ", " + random.pick(tables).sql();
    return "TRUNCATE " + list + (random.chance(0.3) ? " RESTART IDENTITY" : "") +
           (random.chance(0.3) ? " CASCADE" : "");
}

std::string message(Random& random) {
    return fmt::format("SELECT pg_logical_emit_message({}, 'prefix {}', repeat('m', {}))",
                       random.chance(0.6) ? "true" : "false", random.between(1, 3),
                       random.chance(0.1) ? 3000 : random.between(0, 20));
}

std::string change_columns(const Table& table, int number, Random& random) {
    const std::string alter = "ALTER TABLE " + table.sql() + ' ';
    const TableColumn& column = random.pick(table.columns);
    const std::string name = identifier(column.name);
    const bool is_typed = column.name.starts_with("c_");
    switch (random.between(0, 3)) {
        case 0:
            if (is_typed || column.name == "g") return alter + "DROP " + name;
            break;
        case 1:
            if (is_typed) return alter + "RENAME " + name + " TO " + identifier(column.name + "x");
            break;
        case 2:
            if (column.name == "n") return alter + "ALTER n TYPE bigint";
            if (table.has("big")) return alter + "ALTER big SET STORAGE main";
            break;
        default:
            break;
    }
    std::string added = random_column(random, number);
    if (random.chance(0.5)) {
        const std::string value = random_value_of(added.substr(0, added.find(' ')), random);
        if (value.find('(') == std::string::npos) added += " DEFAULT " + value;
    }
    return alter + "ADD " + added;
}

std::string change_identity(const Table& table, Random& random) {
    static const std::vector<std::string> kinds = {"FULL", "FULL", "DEFAULT", "NOTHING"};
    return "ALTER TABLE " + table.sql() + " REPLICA IDENTITY " + random.pick(kinds);
}

std::string bound_of(const std::string& partition) {
    if (partition.ends_with("_one")) return "FOR VALUES IN (1)";
    return partition.ends_with("_two") ? "FOR VALUES IN (2)" : "DEFAULT";
}

// Partitions have the name of their root with something behind it. Empty when there is none.
std::string attach_or_detach(const std::vector<Table>& tables, Random& random) {
    std::vector<std::string> statements;
    for (const Table& root : tables) {
        if (root.relkind != 'p') continue;
        for (const Table& table : tables) {
            if (!table.name.starts_with(root.name + '_')) continue;
            statements.push_back("ALTER TABLE " + root.sql() +
                                 (table.is_partition ? " DETACH" : " ATTACH") + " PARTITION " +
                                 table.sql() +
                                 (table.is_partition ? "" : ' ' + bound_of(table.name)));
        }
    }
    return statements.empty() ? "" : random.pick(statements);
}

}  // namespace

std::string RandomStatements::change_definition(const Table& table,
                                                const std::vector<Table>& tables, Random& random) {
    const int number = ++made_;
    switch (random.between(0, 11)) {
        case 0:
            return create_table("t" + std::to_string(100 + number), random);
        case 1:
            // pgoutput does not notice that a partition's root has another name.
            return table.is_partition || table.relkind == 'p'
                       ? change_identity(table, random)
                       : "ALTER TABLE " + table.sql() + " RENAME TO " +
                             identifier("T " + std::to_string(number));
        case 2:
            // pgoutput does not notice that a partition's root has another schema.
            if (table.relkind == 'p') return change_identity(table, random);
            return "ALTER TABLE " + table.sql() + " SET SCHEMA " +
                   identifier(random.pick(random_schemas()));
        case 3:
            return random.chance(0.3) ? "DROP TABLE " + table.sql()
                                      : change_identity(table, random);
        case 4:
            // pgoutput up to version 15 does not notice.
            if (server_version_ < 160000) return change_identity(table, random);
            return random.chance(0.5) ? "ALTER SCHEMA s2 RENAME TO renamed"
                                      : "ALTER SCHEMA renamed RENAME TO s2";
        case 5:
        case 6: {
            const std::string sql = attach_or_detach(tables, random);
            return sql.empty() ? change_identity(table, random) : sql;
        }
        case 7:
            return change_identity(table, random);
        default:
            return change_columns(table, number, random);
    }
}

RandomStatement RandomStatements::next(e2e::Session& session, Random& random) {
    const std::vector<Table> tables = tables_of(session);
    const auto kind = random.between(1, 100);
    if (tables.empty()) return {create_table("t" + std::to_string(100 + ++made_), random)};
    const Table& table = random.pick(tables);
    if (kind <= 40) return {insert_into(table, random)};
    if (kind <= 66) return {update(table, random)};
    if (kind <= 80) return {"DELETE FROM " + table.sql() + some_rows(random)};
    if (kind <= 82) return {truncate(tables, random)};
    if (kind <= 85) return {message(random)};
    if (kind > 93) return {publications_.alter(tables, random), true};
    RandomStatement statement{change_definition(table, tables, random)};
    // Partitions are changed and named under locks of their own.
    statement.is_alone = table.relkind == 'p' || table.is_partition ||
                         statement.sql.starts_with("ALTER SCHEMA") ||
                         statement.sql.find("TACH PARTITION") != std::string::npos;
    return statement;
}

}  // namespace walpack::differential
