#include "differential/random_publication.h"

#include <fmt/format.h>

namespace walpack::differential {

using e2e::identifier;
using e2e::Random;

const std::vector<std::string>& RandomPublications::names() {
    static const std::vector<std::string> names = {"p1", "p2", "p3", "p4", "p5", "P \"6\""};
    return names;
}

std::string random_filter(const Table& table, Random& random) {
    std::vector<std::string> filters = {"id % 3 <> 0", "id > 20", "id BETWEEN 10 AND 40",
                                        "id % 2 = 0 OR id < 8"};
    if (table.replica_identity == 'f' || random.chance(0.1)) {
        for (const TableColumn& column : table.columns) {
            const std::string name = identifier(column.name);
            if (column.name == "n") filters.push_back("n > 4 OR n = id % 5");
            if (column.name == "k") filters.push_back("k <> 2 AND n IS NOT NULL");
            if (column.name == "big") filters.push_back("length(big) > 2000");
            if (column.name == "big") filters.push_back("big IS NULL OR big < '8'");
            if (column.name.starts_with("c_") && !column.name.starts_with("c_mood"))
                filters.push_back(name + (random.chance(0.5) ? " IS NULL" : " IS NOT NULL"));
            if (column.name.starts_with("c_int4_")) filters.push_back(name + " > 0");
            if (column.name.starts_with("c_text_")) filters.push_back(name + " LIKE '%x%'");
            if (column.name.starts_with("c_numeric_p_")) filters.push_back(name + " > 0.5");
        }
    }
    return random.pick(filters);
}

// The key and every second column beside it.
static std::string column_list(const Table& table) {
    std::string list;
    bool is_taken = false;
    for (const TableColumn& column : table.columns) {
        is_taken = !is_taken;
        if (column.is_generated || (!column.is_key && !is_taken)) continue;
        list += (list.empty() ? "" : ", ") + identifier(column.name);
    }
    return " (" + list + ")";
}

std::string RandomPublications::entry(const Table& table, Random& random) const {
    std::string sql = table.sql();
    if (server_version_ < 150000) return sql;
    if (random.chance(0.15)) sql += column_list(table);
    if (random.chance(0.4)) sql += " WHERE (" + random_filter(table, random) + ")";
    return sql;
}

std::string RandomPublications::options(Random& random) const {
    static const std::vector<std::string> actions = {"insert, update, delete, truncate",
                                                     "insert, update, delete, truncate",
                                                     "insert",
                                                     "insert, delete",
                                                     "update, truncate",
                                                     "insert, update, delete",
                                                     "update",
                                                     ""};
    std::string sql = fmt::format("publish = '{}', publish_via_partition_root = {}",
                                  random.pick(actions), random.chance(0.5) ? "true" : "false");
    if (server_version_ >= 180000 && random.chance(0.4))
        sql += ", publish_generated_columns = stored";
    return "(" + sql + ")";
}

std::string RandomPublications::create(const std::string& name, const std::vector<Table>& tables,
                                       Random& random) const {
    std::string sql = "CREATE PUBLICATION " + identifier(name);
    if (random.chance(0.2)) {
        sql += " FOR ALL TABLES";
        if (server_version_ >= 190000 && random.chance(0.4)) {
            const Table& table = random.pick(tables);
            if (!table.is_partition) sql += " EXCEPT (TABLE " + table.sql() + ")";
        }
    } else if (server_version_ >= 150000 && random.chance(0.3)) {
        sql += " FOR TABLES IN SCHEMA " + identifier(random.pick(random_schemas()));
        if (random.chance(0.4)) sql += ", TABLE " + random.pick(tables).sql();
    } else if (!tables.empty()) {
        sql += " FOR TABLE " + entry(random.pick(tables), random);
        for (auto more = random.between(0, 5); more > 0; --more)
            sql += ", " + entry(random.pick(tables), random);
    }
    return sql + " WITH " + options(random);
}

std::string RandomPublications::set_tables(const std::string& name,
                                           const std::vector<Table>& tables, Random& random) const {
    std::string list = entry(random.pick(tables), random);
    for (auto more = random.between(0, 4); more > 0; --more)
        list += ", TABLE " + entry(random.pick(tables), random);
    return "ALTER PUBLICATION " + name + " SET TABLE " + list;
}

std::string RandomPublications::alter(const std::vector<Table>& tables, Random& random) const {
    const std::string& plain_name = random.pick(names());
    const std::string name = identifier(plain_name);
    const Table& table = random.pick(tables);
    const std::string schema = identifier(random.pick(random_schemas()));
    switch (random.between(0, 7)) {
        case 0:
            return "DROP PUBLICATION " + name + "; " + create(plain_name, tables, random);
        case 1:
            return "ALTER PUBLICATION " + name + " SET " + options(random);
        case 2:
            return "ALTER PUBLICATION " + name + " DROP TABLE " + table.sql();
        case 3:
            if (server_version_ < 150000) break;
            return "ALTER PUBLICATION " + name + " ADD TABLES IN SCHEMA " + schema;
        case 4:
            if (server_version_ < 150000) break;
            return "ALTER PUBLICATION " + name + " DROP TABLES IN SCHEMA " + schema;
        case 5:
            return set_tables(name, tables, random);
        default:
            break;
    }
    return "ALTER PUBLICATION " + name + " ADD TABLE " + entry(table, random);
}

}  // namespace walpack::differential
