#include "apply/truncation.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

using Tables = std::vector<std::shared_ptr<const TargetTable>>;

// With a partitioned table its partitions are emptied. What the two queries below begin with.
constexpr const char* kWithEmptied = R"(
WITH RECURSIVE emptied(oid) AS (
    SELECT o.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) o(oid)
    UNION
    SELECT h.inhrelid FROM emptied e
    JOIN pg_catalog.pg_class p ON p.oid = e.oid AND p.relkind = 'p'
    JOIN pg_catalog.pg_inherits h ON h.inhparent = e.oid))";

// Each partition has the foreign keys of its parent once more.
constexpr const char* kReadReferencing = R"(
SELECT c.oid, n.nspname, c.relname, c.relkind = 'p', f.conname,
    (SELECT pg_catalog.string_agg(pg_catalog.format('%I IS NOT NULL', a.attname), ' AND ')
     FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey)),
    CASE WHEN c.relispartition THEN
        (SELECT h.inhparent FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid) END
FROM pg_catalog.pg_constraint f
JOIN pg_catalog.pg_class c ON c.oid = f.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.confrelid IN (SELECT oid FROM emptied)
    AND f.conrelid NOT IN (SELECT oid FROM emptied)
ORDER BY 2, 3, 5)";

constexpr const char* kReadOrder = R"(
SELECT DISTINCT f.conrelid, f.confrelid FROM pg_catalog.pg_constraint f
WHERE f.contype = 'f' AND f.conrelid <> f.confrelid
    AND f.conrelid = ANY ($1::pg_catalog.oid[]) AND f.confrelid = ANY ($1::pg_catalog.oid[]))";

constexpr const char* kReadSequences = R"(
SELECT n.nspname, s.relname FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.deptype IN ('a', 'i') AND d.refobjid = ANY ($1::pg_catalog.oid[]))";

// Constraints that may have something of the tables to check at the end.
constexpr const char* kReadDeferrable = R"(
SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', n.nspname, c.conname), ', ')
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE c.condeferrable AND (c.conrelid IN (SELECT oid FROM emptied)
    OR c.contype = 'f' AND c.confrelid IN (SELECT oid FROM emptied)))";

struct Referencing {
    std::uint32_t oid = 0;
    std::string name;      // as people write it
    std::string sql_rows;  // quoted, with ONLY where it must stand
    std::string constraint;
    std::string is_set;  // condition of a row that references one
    std::uint32_t parent = 0;
};

std::vector<Referencing> read_referencing(Connection& control,
                                          const std::vector<std::uint32_t>& oids) {
    const Result result =
        control.execute(std::string(kWithEmptied) + kReadReferencing, {array_literal(oids)});
    std::vector<Referencing> found;
    std::set<std::uint32_t> tables;
    for (int row = 0; row < result.rows(); ++row) {
        Referencing table;
        table.oid = oid_at(result, row, 0);
        table.name = fmt::format("{}.{}", result.value(row, 1), result.value(row, 2));
        table.sql_rows = fmt::format("{}{}.{}", bool_at(result, row, 3) ? "" : "ONLY ",
                                     quote_identifier(result.value(row, 1)),
                                     quote_identifier(result.value(row, 2)));
        table.constraint = text_at(result, row, 4);
        table.is_set = text_at(result, row, 5);
        table.parent = oid_at(result, row, 6);
        tables.insert(table.oid);
        found.push_back(std::move(table));
    }
    std::erase_if(found,
                  [&tables](const Referencing& each) { return tables.contains(each.parent); });
    return found;
}

std::vector<std::uint32_t> oids_of(const Tables& tables) {
    std::vector<std::uint32_t> oids;
    for (const auto& table : tables) oids.push_back(table->oid);
    return oids;
}

std::string names_of(const Truncate& truncate) {
    std::string names;
    for (const auto& relation : truncate.relations)
        names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", relation->qualified_name());
    return names;
}

std::string truncate_sql(const Tables& tables, const std::vector<Referencing>& more,
                         const Truncate& truncate) {
    std::string names;
    for (const auto& table : tables)
        names += (names.empty() ? "" : ", ") + table->sql_name_of_rows();
    for (const Referencing& table : more) names += ", " + table.sql_rows;
    return fmt::format("TRUNCATE {}{}", names,
                       truncate.restart_identity ? " RESTART IDENTITY" : "");
}

[[noreturn]] void refuse(const Truncate& truncate, const std::vector<Referencing>& outside) {
    std::string list;
    for (const Referencing& table : outside)
        list += fmt::format("{}table \"{}\" by \"{}\"", list.empty() ? "" : ", ", table.name,
                            table.constraint);
    throw Error(ErrorKind::schema,
                fmt::format("truncate of {} is refused: a foreign key of the target references it "
                            "from outside",
                            names_of(truncate)))
        .detail(fmt::format("Referenced from {}.", list))
        .hint(
            "Set truncate_referenced to \"delete\", which deletes the rows when none is "
            "referenced, or to \"cascade\", which empties the referencing tables too; or drop the "
            "foreign key on the target. Then start again.");
}

// Each iteration names the tables that reference those found before.
std::vector<Referencing> read_all_referencing(Connection& control, std::vector<std::uint32_t> oids,
                                              std::vector<Referencing> outside) {
    std::vector<Referencing> all;
    while (!outside.empty()) {
        for (Referencing& table : outside) {
            if (std::ranges::find(oids, table.oid) != oids.end()) continue;
            oids.push_back(table.oid);
            all.push_back(std::move(table));
        }
        outside = read_referencing(control, oids);
    }
    return all;
}

// Those that reference come before those that they reference; in a circle no order helps.
Tables in_order_of_deletes(Connection& control, const Tables& tables) {
    const Result result = control.execute(kReadOrder, {array_literal(oids_of(tables))});
    std::set<std::pair<std::uint32_t, std::uint32_t>> references;  // from, to
    for (int row = 0; row < result.rows(); ++row)
        references.emplace(oid_at(result, row, 0), oid_at(result, row, 1));
    Tables left = tables;
    Tables ordered;
    while (!left.empty()) {
        auto next = std::ranges::find_if(left, [&](const auto& table) {
            return std::ranges::none_of(left, [&](const auto& other) {
                return references.contains({other->oid, table->oid});
            });
        });
        if (next == left.end()) next = left.begin();
        ordered.push_back(*next);
        left.erase(next);
    }
    return ordered;
}

std::string check_sql(const std::string& rows, const std::string& condition) {
    return fmt::format("SELECT 1 / CASE WHEN EXISTS (SELECT FROM {}{}) THEN 0 ELSE 1 END", rows,
                       condition.empty() ? "" : " WHERE " + condition);
}

// No table can be truncated while something of it is still to be checked. The source had nothing
// left to check there, so that is checked first; but not where there is nothing, as it would take
// in the other end of a foreign key, which may be right only when the rows are gone. Deferred again
// are all, since a name may be that of another constraint too, which is not deferrable.
std::string behind_checks(const std::string& truncate, const std::string& constraints) {
    return "DO " + quote_literal(fmt::format(
                       "BEGIN {0}; EXCEPTION WHEN object_in_use THEN SET CONSTRAINTS {1} "
                       "IMMEDIATE; {0}; SET CONSTRAINTS ALL DEFERRED; END",
                       truncate, constraints));
}

// Whether the target's foreign keys fire or not: no row is left that references nothing.
std::vector<TruncateStep> plan_deletes(Connection& control, const Truncate& truncate,
                                       const Tables& tables,
                                       const std::vector<Referencing>& outside) {
    const auto& relation = truncate.relations.front();
    std::vector<TruncateStep> steps;
    for (const Referencing& table : outside) {
        steps.push_back({check_sql(table.sql_rows, table.is_set), relation,
                         fmt::format("rows of table \"{}\" reference it by \"{}\"", table.name,
                                     table.constraint)});
    }
    for (const auto& table : in_order_of_deletes(control, tables)) {
        steps.push_back({"DELETE FROM " + table->sql_name_of_rows(), relation, ""});
        steps.push_back({check_sql(table->sql_name_of_rows(), ""), relation,
                         fmt::format("a trigger or rule keeps rows of table \"{}.{}\"",
                                     table->schema, table->name)});
    }
    if (!truncate.restart_identity) return steps;
    const Result sequences = control.execute(kReadSequences, {array_literal(oids_of(tables))});
    for (int row = 0; row < sequences.rows(); ++row) {
        steps.push_back(
            {fmt::format("ALTER SEQUENCE {}.{} RESTART", quote_identifier(sequences.value(row, 0)),
                         quote_identifier(sequences.value(row, 1))),
             relation, ""});
    }
    return steps;
}

}  // namespace

TruncateReferenced truncate_referenced_of(std::string_view name) {
    if (name == "cascade") return TruncateReferenced::cascade;
    return name == "delete" ? TruncateReferenced::delete_rows : TruncateReferenced::refuse;
}

std::vector<TruncateStep> plan_truncation(Connection& control, const TruncateOptions& options,
                                          const Truncate& truncate, const Tables& tables) {
    std::vector<std::uint32_t> oids = oids_of(tables);
    const std::vector<Referencing> outside = read_referencing(control, oids);
    std::vector<Referencing> more;
    if (!outside.empty()) {
        if (options.referenced == TruncateReferenced::refuse) refuse(truncate, outside);
        if (options.referenced == TruncateReferenced::delete_rows)
            return plan_deletes(control, truncate, tables, outside);
        more = read_all_referencing(control, oids, outside);
        for (const Referencing& table : more) {
            log::warning(
                "the truncate of {} empties table \"{}\" too, which references it by \"{}\"",
                names_of(truncate), table.name, table.constraint);
        }
    }
    const auto& relation = truncate.relations.front();
    const std::string sql = truncate_sql(tables, more, truncate);
    if (!options.defers_constraints) return {{sql, relation, ""}};
    for (const Referencing& table : more) oids.push_back(table.oid);
    const auto names =
        control.query_value(std::string(kWithEmptied) + kReadDeferrable, {array_literal(oids)});
    return {{names ? behind_checks(sql, *names) : sql, relation, ""}};
}

}  // namespace walpack
