#include "copy/target_rows.h"

#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"

namespace walpack {

namespace {

std::vector<const RelationMapping*> with_rows(Connection& target,
                                              const std::vector<RelationMapping>& mappings) {
    std::vector<const RelationMapping*> filled;
    for (const RelationMapping& mapping : mappings) {
        const auto row = target.query_value(
            fmt::format("SELECT 1 FROM {} LIMIT 1", mapping.table->sql_name_of_rows()));
        if (row) filled.push_back(&mapping);
    }
    return filled;
}

std::string names_of(const std::vector<const RelationMapping*>& mappings) {
    std::string names;
    for (const RelationMapping* mapping : mappings)
        names += (names.empty() ? "" : ", ") + mapping->relation->qualified_name();
    return names;
}

}  // namespace

void require_empty(Connection& target, const std::vector<RelationMapping>& mappings) {
    const auto filled = with_rows(target, mappings);
    if (filled.empty()) return;
    throw Error(ErrorKind::schema, "target tables of the initial copy are not empty")
        .detail(fmt::format("Tables with rows: {}.", names_of(filled)))
        .hint(
            "Empty them, or set copy_non_empty_tables = \"empty\" to have that done, or copy = "
            "false when the target already holds the source's rows.");
}

void empty_tables(Connection& target, const std::vector<RelationMapping>& mappings,
                  bool is_replica_role) {
    const auto filled = with_rows(target, mappings);
    if (filled.empty()) return;
    log::warning("deleting the rows that target tables have before the copy: {}", names_of(filled));
    if (is_replica_role) {
        for (const RelationMapping* mapping : filled) empty_table(target, *mapping->table);
        return;
    }
    std::string names;
    for (const RelationMapping& mapping : mappings)
        names += (names.empty() ? "" : ", ") + mapping.table->sql_name_of_rows();
    target.execute("TRUNCATE " + names);
}

void require_no_checked_references(const TargetTable& table, bool is_replica_role) {
    if (is_replica_role || (!table.is_referenced && !table.is_referencing)) return;
    throw Error(ErrorKind::schema,
                fmt::format("table \"{}.{}\" cannot be copied by itself, as the target checks its "
                            "foreign keys",
                            table.schema, table.name))
        .detail(table.is_referenced
                    ? "Rows that point to it would be deleted or forbid that it is emptied."
                    : "Its rows may come before those that they point to.")
        .hint(
            "Drop the foreign keys that point to it or from it on the target until it is copied, "
            "or let the role set session_replication_role.");
}

// A table that a foreign key points to cannot be truncated alone.
void empty_table(Connection& target, const TargetTable& table) {
    const auto role =
        target.query_value("SELECT pg_catalog.current_setting('session_replication_role')");
    require_no_checked_references(table, role == "replica");
    const std::string& name = table.sql_name_of_rows();
    target.execute("SAVEPOINT walpack_empty");
    try {
        target.execute("TRUNCATE " + name);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::connection || error.kind() == ErrorKind::cancelled) throw;
        target.execute("ROLLBACK TO SAVEPOINT walpack_empty");
        target.execute("DELETE FROM " + name);
    }
    target.execute("RELEASE SAVEPOINT walpack_empty");
}

}  // namespace walpack
