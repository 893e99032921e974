// The part of CopyJob that finds out what is still to be made of the structure, and when: at its
// start, and when init has made tables that were published later.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "copy/copy_job.h"
#include "copy/copy_work.h"
#include "schema/catalog_query.h"
#include "structure/post_data.h"

namespace walpack {
namespace {

// Unique indexes, a row for each column; by one of them the source says which row is meant.
constexpr const char* kUniqueIndexes = R"(
SELECT n.nspname, c.relname, x.relname,
    (c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident),
    a.attname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
WHERE i.indisunique AND c.relkind IN ('r', 'p') AND c.oid >= 16384)";

constexpr const char* kForeignKeys = R"(
SELECT n.nspname, c.relname, k.conname, m.nspname, r.relname
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
JOIN pg_catalog.pg_namespace m ON m.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0)";

// Of each partition those above it.
constexpr const char* kPartitionAncestors = R"(
SELECT n.nspname, c.relname, m.nspname, r.relname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(c.oid) a(relid)
JOIN pg_catalog.pg_class r ON r.oid = a.relid AND r.oid <> c.oid
JOIN pg_catalog.pg_namespace m ON m.oid = r.relnamespace
WHERE c.relispartition AND c.relkind IN ('r', 'p'))";

TableName name_at(const Result& result, int row, int column) {
    return {std::string(result.value(row, column)), std::string(result.value(row, column + 1))};
}

struct KnownIndex {
    std::string name;
    bool is_identity = false;
    std::vector<std::string> columns;
};

using UniqueIndexes = std::map<TableName, std::vector<KnownIndex>>;

UniqueIndexes read_unique_indexes(Connection& source) {
    UniqueIndexes indexes;
    const Result result = source.execute(kUniqueIndexes);
    for (int row = 0; row < result.rows(); ++row) {
        const TableName table = name_at(result, row, 0);
        const std::string name(result.value(row, 2));
        auto& known = indexes[table];
        auto index = std::find_if(known.begin(), known.end(),
                                  [&name](const KnownIndex& each) { return each.name == name; });
        if (index == known.end())
            index = known.insert(known.end(), {name, result.value(row, 3) == "t", {}});
        index->columns.emplace_back(result.value(row, 4));
    }
    return indexes;
}

// Whether the item makes the index, by itself or as a constraint's: see
// ArchiveEntry::description().
bool makes_index(const PostDataItem& item, const std::string& index) {
    const std::string& schema = item.table->schema;
    return item.description == fmt::format("INDEX {} {}", schema, index) ||
           item.description == fmt::format("CONSTRAINT {} {} {}", schema, item.table->table, index);
}

// An index that is no key and a constraint's is that of an exclusion constraint.
void describe_build(const UniqueIndexes& indexes, CopyBuild& build) {
    const PostDataItem& item = build.item;
    build.is_exclusive =
        item.kind == PostDataKind::key || item.description.starts_with("CONSTRAINT ");
    const auto known = indexes.find(*item.table);
    if (known == indexes.end()) return;
    for (const KnownIndex& index : known->second) {
        if (!makes_index(item, index.name)) continue;
        build.is_identity = index.is_identity;
        build.unique_columns = index.columns;
    }
}

// Of a partition those above it.
using Ancestors = std::map<TableName, std::vector<TableName>>;

Ancestors read_ancestors(Connection& source) {
    Ancestors ancestors;
    const Result result = source.execute(kPartitionAncestors);
    for (int row = 0; row < result.rows(); ++row)
        ancestors[name_at(result, row, 0)].push_back(name_at(result, row, 2));
    return ancestors;
}

struct ForeignKey {
    std::string name;
    TableName referenced;
};
using ForeignKeys = std::map<TableName, std::vector<ForeignKey>>;

ForeignKeys read_foreign_keys(Connection& source) {
    ForeignKeys keys;
    const Result result = source.execute(kForeignKeys);
    for (int row = 0; row < result.rows(); ++row)
        keys[name_at(result, row, 0)].push_back(
            {std::string(result.value(row, 2)), name_at(result, row, 3)});
    return keys;
}

const std::vector<TableName>& ancestors_of(const Ancestors& ancestors, const TableName& table) {
    static const std::vector<TableName> kNone;
    const auto found = ancestors.find(table);
    return found == ancestors.end() ? kNone : found->second;
}

bool is_index(const PostDataItem& item) {
    return item.kind == PostDataKind::key || item.kind == PostDataKind::index;
}

// Indexes that come now can still be made when its rows are there.
bool waits_for_rows(const CopyTable& table) {
    return table.stored.state == TableState::requested ||
           table.stored.state == TableState::waiting || table.stored.state == TableState::copying;
}

}  // namespace

// Where items are of tables of which the source knows more.
struct CopyJob::SourceIndexes {
    explicit SourceIndexes(Connection& source)
        : unique(read_unique_indexes(source)),
          ancestors(read_ancestors(source)),
          foreign_keys(read_foreign_keys(source)) {}

    CopyBuild build_of(PostDataItem item) const {
        CopyBuild build;
        build.item = std::move(item);
        if (build.item.table) describe_build(unique, build);
        return build;
    }

    // The table that a foreign key refers to; nullptr for other items.
    const TableName* referenced_by(const PostDataItem& item) const {
        const bool is_one = item.table && (item.kind == PostDataKind::foreign_key ||
                                           item.kind == PostDataKind::validation);
        const auto found = is_one ? foreign_keys.find(*item.table) : foreign_keys.end();
        if (found == foreign_keys.end()) return nullptr;
        for (const ForeignKey& key : found->second) {
            // See ArchiveEntry::description(); that of the validation ends alike.
            const std::string end = fmt::format("FK CONSTRAINT {} {} {}", item.table->schema,
                                                item.table->table, key.name);
            if (item.description.ends_with(end)) return &key.referenced;
        }
        return nullptr;
    }

    UniqueIndexes unique;
    Ancestors ancestors;
    ForeignKeys foreign_keys;
};

// Items that are pending and that nobody has in hand.
std::vector<PostDataItem> CopyJob::read_items(Connection& target) {
    std::vector<PostDataItem> items = PostData(target, options_.start.pipeline).pending();
    if (items.empty()) return items;
    std::set<std::uint32_t> in_hand;
    const auto note = [&in_hand](const CopyBuilds& builds) {
        for (const CopyBuild& build : builds) in_hand.insert(build.item.number);
    };
    const std::lock_guard lock(tables_.mutex);
    note(tables_.builds);
    for (const auto& [name, table] : tables_.by_name) note(table->builds);
    std::erase_if(items,
                  [&in_hand](const PostDataItem& item) { return in_hand.contains(item.number); });
    return items;
}

// Keys and indexes of a table that is new, and of partitions that are copied as it.
CopyBuilds CopyJob::read_builds_of(const TableName& table, Connection& target) {
    std::vector<PostDataItem> items = read_items(target);
    std::erase_if(items, [](const PostDataItem& item) { return !item.table || !is_index(item); });
    CopyBuilds builds;
    if (items.empty()) return builds;
    const SourceIndexes indexes(*connect_to_source(options_.worker, stop_));
    for (PostDataItem& item : items)
        if (*item.table == table ||
            std::ranges::count(ancestors_of(indexes.ancestors, *item.table), table) > 0)
            builds.push_back(indexes.build_of(std::move(item)));
    return builds;
}

// What is of no table that is copied waits until all of them are. What is of one that is still to
// come waits for that: made before its rows it would be in their way.
void CopyJob::take_builds(Connection& source, Connection& target) {
    std::vector<PostDataItem> items = read_items(target);
    if (items.empty()) return;
    const SourceIndexes indexes(source);
    std::set<TableName> to_come;
    try {
        for (const PublishedTable& each : read_published_tables(source, options_.start.selection))
            to_come.insert(each.name());
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::config) throw;
        log::warning("{}", error.report());
        return;  // at the next look
    }
    const std::lock_guard lock(tables_.mutex);
    // Roots of partitions that are copied.
    std::set<TableName> roots;
    for (const auto& [name, table] : tables_.by_name) {
        to_come.erase(name);
        const auto& above = ancestors_of(indexes.ancestors, name);
        roots.insert(above.begin(), above.end());
    }
    // A root as long as all of its partitions are.
    std::set<TableName> roots_to_come;
    for (const TableName& name : to_come)
        for (const TableName& root : ancestors_of(indexes.ancestors, name))
            if (!roots.contains(root)) roots_to_come.insert(root);
    const auto is_to_come = [&](const TableName& table) {
        return to_come.contains(table) || roots_to_come.contains(table) ||
               std::ranges::any_of(ancestors_of(indexes.ancestors, table),
                                   [&](const TableName& root) { return to_come.contains(root); });
    };
    for (PostDataItem& item : items) {
        const TableName* const referenced = indexes.referenced_by(item);
        if (item.table && is_to_come(*item.table)) continue;
        if (referenced != nullptr && is_to_come(*referenced)) continue;
        CopyTable* const table = item.table ? copied_as(indexes, *item.table) : nullptr;
        CopyBuild build = indexes.build_of(std::move(item));
        const bool is_its = table != nullptr && is_index(build.item) && can_take(*table, build);
        (is_its ? table->builds : tables_.builds).push_back(std::move(build));
        if (is_its) assign_stages(*table);
        is_complete_ = false;
    }
    tables_.note_change();
}

// What changes need must be there before any chunk is live. At the start no worker has anything in
// hand, so more can be taken.
bool CopyJob::can_take(const CopyTable& table, const CopyBuild& build) const {
    if (is_working_ ? !waits_for_rows(table) : table.stored.state == TableState::ready)
        return false;
    if (stage_of(table, build) == CopyBuild::Stage::settled) return true;
    return table.stored.state <= TableState::building &&
           std::ranges::none_of(table.chunks, [](const CopyChunk& chunk) {
               return chunk.state == CopyChunk::State::live;
           });
}

// The table that is copied, or that of which it is a partition; nullptr when neither is. Under the
// mutex.
CopyTable* CopyJob::copied_as(const SourceIndexes& indexes, const TableName& name) {
    const auto own = tables_.by_name.find(name);
    if (own != tables_.by_name.end()) return own->second.get();
    for (const TableName& root : ancestors_of(indexes.ancestors, name)) {
        const auto found = tables_.by_name.find(root);
        if (found != tables_.by_name.end()) return found->second.get();
    }
    return nullptr;
}

}  // namespace walpack
