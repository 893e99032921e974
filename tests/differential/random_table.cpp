#include "differential/random_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "e2e/random_schema.h"

namespace walpack::differential {

using e2e::identifier;
using e2e::Random;

const char* const kRandomTypes = R"sql(
CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"', 'happy 😀');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN short_text AS varchar(20);
CREATE DOMAIN moods AS mood[];
CREATE TYPE float_range AS RANGE (subtype = float8);
)sql";

bool Table::has(const std::string& column) const {
    return std::any_of(columns.begin(), columns.end(),
                       [&](const TableColumn& each) { return each.name == column; });
}

std::string random_column(Random& random, int number) {
    const e2e::TypedColumn& column = random.pick(e2e::typed_columns());
    return fmt::format("{}_{} {}", column.name, number, column.type);
}

namespace {

std::string random_columns(Random& random) {
    std::string list;
    const auto count = static_cast<int>(random.between(0, 5));
    for (int number = 1; number <= count; ++number) list += ", " + random_column(random, number);
    return list;
}

std::string random_identity(const std::string& table, Random& random) {
    if (random.chance(0.4)) return "";
    if (random.chance(0.6)) return "; ALTER TABLE " + table + " REPLICA IDENTITY FULL";
    if (random.chance(0.3)) return "; ALTER TABLE " + table + " REPLICA IDENTITY NOTHING";
    return fmt::format(
        "; ALTER TABLE {0} ALTER k SET NOT NULL, ADD UNIQUE (k, id); DO $$ BEGIN EXECUTE (SELECT "
        "format('ALTER TABLE {0} REPLICA IDENTITY USING INDEX %I', relname) FROM pg_index JOIN "
        "pg_class ON indexrelid = oid WHERE indrelid = '{0}'::regclass AND indisunique AND NOT "
        "indisprimary LIMIT 1); END $$",
        table);
}

std::string create_plain(const std::string& table, Random& random) {
    std::string sql = "CREATE TABLE " + table + " (id int";
    sql += random.chance(0.75) ? " PRIMARY KEY" : " NOT NULL";
    // A dropped column in front of others.
    if (random.chance(0.3)) sql += ", gone int";
    sql += ", k int DEFAULT 1, n int, big text" + random_columns(random);
    if (random.chance(0.3)) sql += ", g int GENERATED ALWAYS AS (id * 2) STORED";
    sql += ")";
    if (sql.find(", gone int") != std::string::npos) sql += "; ALTER TABLE " + table + " DROP gone";
    if (random.chance(0.5)) sql += "; ALTER TABLE " + table + " ALTER big SET STORAGE external";
    return sql + random_identity(table, random);
}

// A tree: two leaves, one with other order of columns, and a partition that has partitions.
std::string create_partitioned(const std::string& schema, const std::string& name, Random& random) {
    const auto part = [&](const char* suffix) {
        const std::string& place = random.chance(0.8) ? schema : random.pick(random_schemas());
        return identifier(place) + '.' + identifier(name + suffix);
    };
    const std::string root = identifier(schema) + '.' + identifier(name);
    const std::string one = part("_one");
    const std::string two = part("_two");
    const std::string sub = part("_sub");
    const std::string extra = random_columns(random);
    const std::string key = random.chance(0.8) ? ", PRIMARY KEY (id, k)" : "";
    std::string sql = fmt::format(
        "CREATE TABLE {0} (id int NOT NULL, k int NOT NULL, n int, big text{4}{5})"
        " PARTITION BY LIST (k); CREATE TABLE {1} PARTITION OF {0} FOR VALUES IN (1);"
        "CREATE TABLE {2} (gone int, big text, k int NOT NULL{4}, n int, id int NOT NULL{5});"
        "ALTER TABLE {2} DROP gone; ALTER TABLE {0} ATTACH PARTITION {2} FOR VALUES IN (2);"
        "CREATE TABLE {3} (k int NOT NULL, id int NOT NULL, big text, n int{4}{5})"
        " PARTITION BY RANGE (id); ALTER TABLE {0} ATTACH PARTITION {3} DEFAULT;"
        "CREATE TABLE {6} PARTITION OF {3} FOR VALUES FROM (MINVALUE) TO (30);"
        "CREATE TABLE {7} PARTITION OF {3} DEFAULT",
        root, one, two, sub, extra, key, part("_low"), part("_high"));
    for (const std::string& each : {one, two}) {
        if (key.empty() || random.chance(0.3))
            sql += "; ALTER TABLE " + each + " REPLICA IDENTITY FULL";
    }
    return sql;
}

}  // namespace

std::string create_table(const std::string& name, Random& random) {
    const std::string schema = random.pick(random_schemas());
    if (random.chance(0.4)) return create_partitioned(schema, name, random);
    return create_plain(identifier(schema) + '.' + identifier(name), random);
}

std::vector<Table> tables_of(e2e::Session& session) {
    const std::vector<e2e::Row> rows = session.rows(
        "SELECT n.nspname, c.relname, c.relkind, c.relreplident, c.relispartition, a.attname,"
        " a.attgenerated <> '', coalesce(a.attnum = ANY (i.indkey), false)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
        " WHERE n.nspname IN ('s1', 's2', 'S 3', 'renamed') AND c.relkind IN ('r', 'p')"
        " ORDER BY n.nspname, c.relname, a.attnum");
    std::vector<Table> tables;
    for (const e2e::Row& row : rows) {
        if (tables.empty() || tables.back().schema != *row[0] || tables.back().name != *row[1]) {
            tables.push_back({.schema = *row[0],
                              .name = *row[1],
                              .relkind = (*row[2])[0],
                              .replica_identity = (*row[3])[0],
                              .is_partition = *row[4] == "t",
                              .columns = {}});
        }
        tables.back().columns.push_back({*row[5], *row[6] == "t", *row[7] == "t"});
    }
    return tables;
}

std::optional<Table> random_table(e2e::Session& session, Random& random) {
    const std::vector<Table> tables = tables_of(session);
    if (tables.empty()) return std::nullopt;
    return random.pick(tables);
}

std::string random_value_of(const std::string& column, Random& random) {
    if (column == "id") return std::to_string(random.between(1, 60));
    if (column == "k") return std::to_string(random.between(1, 4));
    if (column == "n") return random.chance(0.2) ? "NULL" : std::to_string(random.between(0, 9));
    if (column == "big") {
        static const std::vector<std::string> lengths = {"0", "1", "30", "300"};
        return random.chance(0.1) ? "NULL"
                                  : fmt::format("repeat(md5('{}'), {})", random.between(1, 99),
                                                random.pick(lengths));
    }
    const e2e::TypedColumn* best = nullptr;
    for (const e2e::TypedColumn& typed : e2e::typed_columns()) {
        const bool fits = column.starts_with(typed.name + '_');
        if (fits && (best == nullptr || typed.name.size() > best->name.size())) best = &typed;
    }
    return best == nullptr ? "DEFAULT" : e2e::random_value(*best, random);
}

}  // namespace walpack::differential
