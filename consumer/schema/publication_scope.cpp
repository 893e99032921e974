#include "schema/publication_scope.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

constexpr int kVersionWithFilters = 150000;
constexpr int kVersionWithGeneratedColumns = 180000;

// The view holds what each publication publishes by itself: partitions or their root, and from
// version 15 on the columns with and without a list, and the filter.
constexpr const char* kReadEntries = R"(
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident, p.pubname,
    p.pubupdate OR p.pubdelete,
    (SELECT pg_catalog.array_agg(a.attnum ORDER BY a.attnum)
     FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped {}),
    {},
    (SELECT pg_catalog.array_agg(a.relid::pg_catalog.oid)
     FROM pg_catalog.pg_partition_ancestors(c.oid) a
     WHERE a.relid <> c.oid)
FROM pg_catalog.pg_publication_tables t
JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname
JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
JOIN pg_catalog.pg_class c ON c.relname = t.tablename AND c.relnamespace = n.oid
WHERE t.pubname = ANY ($1::pg_catalog.name[])
ORDER BY n.nspname, c.relname, p.pubname)";

std::string read_entries_sql(int version) {
    std::string columns;
    if (version < kVersionWithGeneratedColumns) columns = "AND a.attgenerated = ''";
    if (version >= kVersionWithFilters) columns += " AND a.attname = ANY (t.attnames)";
    const char* const filter = version >= kVersionWithFilters ? "t.rowfilter" : "NULL";
    return fmt::format(fmt::runtime(kReadEntries), columns, filter);
}

void check_exist(Connection& source, const std::vector<std::string>& names) {
    const Result found = source.execute(
        "SELECT pubname FROM pg_catalog.pg_publication "
        "WHERE pubname = ANY ($1::pg_catalog.name[])",
        {array_literal(names)});
    std::set<std::string> missing(names.begin(), names.end());
    for (int row = 0; row < found.rows(); ++row) missing.erase(std::string(found.value(row, 0)));
    if (missing.empty()) return;
    std::string list;
    for (const std::string& name : missing) {
        list += (list.empty() ? "" : ", ") + quote_identifier(name);
    }
    throw Error(ErrorKind::config, fmt::format("publication {} does not exist at the source", list))
        .hint("Create it at the source, or run \"walpack init\", which creates the default one.");
}

[[noreturn]] void throw_disagreement(const PublicationEntry& one, const PublicationEntry& other) {
    throw Error(ErrorKind::config,
                fmt::format("publications \"{}\" and \"{}\" publish different columns of table "
                            "\"{}.{}\", which cannot be combined",
                            one.publication, other.publication, one.schema, one.name))
        .hint(
            "Alter the publications so that they publish the same columns, or name only one of "
            "them in \"publications\".");
}

using Entries = std::vector<const PublicationEntry*>;

std::optional<std::string> joined_filters(const Entries& entries) {
    std::vector<std::string> distinct;
    for (const PublicationEntry* entry : entries) {
        if (!entry->row_filter) return std::nullopt;
        if (std::ranges::find(distinct, *entry->row_filter) == distinct.end())
            distinct.push_back(*entry->row_filter);
    }
    std::string joined;
    for (const std::string& filter : distinct) {
        joined += (joined.empty() ? "" : " OR ") + fmt::format("({})", filter);
    }
    return joined;
}

PublishedRelation combine_relation(const Entries& entries) {
    const PublicationEntry& first = *entries.front();
    for (const PublicationEntry* entry : entries) {
        if (entry->columns != first.columns) throw_disagreement(first, *entry);
    }
    return {.oid = first.oid,
            .schema = first.schema,
            .name = first.name,
            .relkind = first.relkind,
            .replica_identity = first.replica_identity,
            .publishes_updates = false,
            .columns = first.columns,
            .row_filter = joined_filters(entries)};
}

}  // namespace

std::vector<PublicationEntry> read_publication_entries(
    Connection& source, const std::vector<std::string>& publications) {
    check_exist(source, publications);
    const Result result =
        source.execute(read_entries_sql(source.server_version()), {array_literal(publications)});
    std::vector<PublicationEntry> entries;
    entries.reserve(static_cast<std::size_t>(result.rows()));
    for (int row = 0; row < result.rows(); ++row) {
        PublicationEntry entry;
        entry.oid = oid_at(result, row, 0);
        entry.schema = result.value(row, 1);
        entry.name = result.value(row, 2);
        entry.relkind = result.value(row, 3).front();
        entry.replica_identity = result.value(row, 4).front();
        entry.publication = result.value(row, 5);
        entry.publishes_updates = bool_at(result, row, 6);
        entry.columns = oids_at(result, row, 7);
        if (!result.is_null(row, 8)) entry.row_filter = text_at(result, row, 8);
        entry.ancestors = oids_at(result, row, 9);
        entries.push_back(std::move(entry));
    }
    return entries;
}

std::vector<PublishedRelation> combine(const std::vector<PublicationEntry>& entries) {
    std::vector<std::uint32_t> order;
    std::map<std::uint32_t, Entries> by_relation;
    for (const PublicationEntry& entry : entries) {
        Entries& of_relation = by_relation[entry.oid];
        if (of_relation.empty()) order.push_back(entry.oid);
        of_relation.push_back(&entry);
    }
    // Actions of all publications add up, also of those that name a partition alone.
    std::set<std::uint32_t> with_updates;
    for (const PublicationEntry& entry : entries) {
        if (!entry.publishes_updates) continue;
        with_updates.insert(entry.oid);
        with_updates.insert(entry.ancestors.begin(), entry.ancestors.end());
    }
    std::vector<PublishedRelation> relations;
    for (const std::uint32_t oid : order) {
        const Entries& of_relation = by_relation[oid];
        const bool comes_as_another = std::ranges::any_of(
            of_relation.front()->ancestors,
            [&](std::uint32_t ancestor) { return by_relation.contains(ancestor); });
        if (comes_as_another) continue;
        relations.push_back(combine_relation(of_relation));
        relations.back().publishes_updates = with_updates.contains(oid);
    }
    return relations;
}

}  // namespace walpack
